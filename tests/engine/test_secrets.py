from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.engine import secrets
from embedded.engine.errors import EngineError
from embedded.engine.secrets import IncorrectPassphraseError, PassphraseManager, read_passphrase

# Made by the official CLI, passphrase `correct-horse`.
SALT = "v1:akgd0y5C6vU=:v1:5n7QriSUEj9VK7Hs:z0nZdPbJ/MpRkMSmHRwrcQac9ubH4w=="
TOKEN = "v1:rTPqVk/4HE1FZRQB:ZKK1bCaNTpuFjY7XzckTT96Kv+vybg=="


def test_official_ciphertext_opens() -> None:
    assert PassphraseManager(SALT, "correct-horse").decrypt(TOKEN) == "s3cret"


@pytest.mark.parametrize(
    "use",
    [lambda manager: manager.decrypt(TOKEN), lambda manager: manager.encrypt("x"), lambda manager: manager.verify()],
)
def test_wrong_passphrase_is_refused(use) -> None:
    with pytest.raises(IncorrectPassphraseError, match="incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE"):
        use(PassphraseManager(SALT, "wrong"))


@pytest.fixture(scope="module")
def manager() -> PassphraseManager:
    return PassphraseManager.create("")


@settings(max_examples=50, deadline=None)
@given(text=st.text())
def test_round_trip_under_a_fresh_nonce(manager: PassphraseManager, text: str) -> None:
    sealed = manager.encrypt(text)
    assert manager.decrypt(sealed) == text
    assert manager.encrypt(text) != sealed


def test_new_salt_is_opened_by_its_passphrase(manager: PassphraseManager) -> None:
    again = PassphraseManager(manager.salt_state, "")
    assert again.decrypt(manager.encrypt("é<&>")) == "é<&>"
    assert manager.state == {"type": "passphrase", "state": {"salt": manager.salt_state}}


@pytest.mark.parametrize(
    ("salt", "message"),
    [("", "malformed"), ("v1:abc", "malformed"), ("v2:a:b", "unknown state version 'v2'"), ("v1:!!:x", "not base64")],
)
def test_broken_salt(salt: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        PassphraseManager(salt, "x")


@pytest.mark.parametrize("text", ["plain", "v2:a:b", "v1:onlyone", "v1:AAAA:AAAA"])
def test_broken_ciphertext(manager: PassphraseManager, text: str) -> None:
    with pytest.raises(EngineError, match="failed to decrypt"):
        manager.decrypt(text)


def test_other_providers_are_refused() -> None:
    with pytest.raises(EngineError, match="unknown secrets provider type 'awskms'"):
        secrets.manager_of({"type": "awskms", "state": {}}, lambda: "x")


def test_missing_passphrase_shows_when_a_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    manager = secrets.manager_of({"type": "passphrase", "state": {"salt": SALT}}, lambda: read_passphrase(None))
    assert manager.state["state"]["salt"] == SALT
    with pytest.raises(EngineError, match="passphrase must be set with PULUMI_CONFIG_PASSPHRASE"):
        manager.decrypt(TOKEN)


def test_passphrase_of_variable_then_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pass"
    file.write_text("from file\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(file))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    assert read_passphrase(None) == ""
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert read_passphrase(None) == "from file"
    file.unlink()
    with pytest.raises(EngineError, match="unable to read PULUMI_CONFIG_PASSPHRASE_FILE"):
        read_passphrase(None)
