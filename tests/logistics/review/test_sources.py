"""The two sides of a change: what is refused, what is written, and that no secret or account comes along."""

from __future__ import annotations

import os

import pytest
import yaml

from logistics.errors import UsageError
from logistics.review.sources import Repository, make_local, settings_of, write_sides
from logistics.review.world import open_world

SECRET = {"secure": "v1:abc:def"}


def test_base_is_the_commit_that_a_branch_set_out_from(repository, tmp_path):
    folder, git = repository
    first = git("rev-parse", "HEAD").strip()
    git("switch", "--quiet", "--create", "change")
    (folder / "note.txt").write_text("two\n")
    git("commit", "--quiet", "--all", "--message=second")
    git("switch", "--quiet", "main")
    (folder / "note.txt").write_text("three\n")
    git("commit", "--quiet", "--all", "--message=third")
    git("switch", "--quiet", "change")
    sides = write_sides(folder, _made(tmp_path), "main")
    assert sides.commit == first
    assert [(side / "note.txt").read_text() for side in (sides.base, sides.head)] == ["one\n", "two\n"]


@pytest.mark.parametrize(
    ("ref", "problem"),
    [("nowhere", "'nowhere' is no commit here"), ("--help", "is no commit here"), ("main^{tree}", "is no commit here")],
    ids=["unknown", "an option", "a tree"],
)
def test_an_unknown_base_is_refused(repository, tmp_path, ref, problem):
    with pytest.raises(UsageError, match=problem):
        write_sides(repository[0], _made(tmp_path), ref)


def test_a_base_without_a_common_commit_is_refused(repository, tmp_path):
    folder, git = repository
    git("switch", "--quiet", "--orphan", "other")
    (folder / "note.txt").write_text("other\n")
    git("add", ".")
    git("commit", "--quiet", "--message=other")
    with pytest.raises(UsageError, match="share no commit"):
        write_sides(folder, _made(tmp_path), "main")


@pytest.mark.parametrize("name", ["note.txt", "new.txt", "Pulumi.dev.yaml"])
def test_changes_that_no_commit_holds_are_refused_unless_allowed(repository, tmp_path, name):
    folder = repository[0]
    (folder / name).write_text("config:\n  logistics:environment: other\n")
    with pytest.raises(UsageError, match=f"no commit holds the changes of {name}: commit them, or add --allow-dirty"):
        write_sides(folder, _made(tmp_path), "main")
    sides = write_sides(folder, _made(tmp_path), "main", allow_dirty=True)
    assert "other" in (sides.head / name).read_text()


def test_the_salt_that_make_up_writes_is_no_change(repository, tmp_path):
    folder = repository[0]
    file = folder / "Pulumi.dev.yaml"
    file.write_text("encryptionsalt: v1:x:y\n" + file.read_text())
    write_sides(folder, _made(tmp_path), "main")


def test_a_project_below_the_repository_is_taken_by_itself(repository, tmp_path):
    folder, git = repository
    (folder / "platform").mkdir()
    (folder / "platform" / "inner.txt").write_text("inner\n")
    git("add", ".")
    git("commit", "--quiet", "--message=second")
    sides = write_sides(folder / "platform", _made(tmp_path), "HEAD")
    assert [path.name for path in sides.base.iterdir()] == ["inner.txt"]


def test_a_folder_without_a_repository_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="lies in no git repository"):
        Repository(tmp_path)


def test_without_git_one_error_says_so(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git is not on PATH"):
        Repository(repository[0])


def test_a_patch_that_does_not_fit_is_refused(repository, tmp_path):
    patch = tmp_path / "change.patch"
    patch.write_text("--- a/note.txt\n+++ b/note.txt\n@@ -1 +1 @@\n-other\n+two\n")
    with pytest.raises(UsageError, match=r"change\.patch does not fit"):
        write_sides(repository[0], _made(tmp_path), "HEAD", patch=patch)


def test_stack_files_name_the_local_snowflake_and_no_secret(tmp_path):
    folder, local = _made(tmp_path), _made(tmp_path)
    config = {
        "snowflake:organizationName": "ACME",
        "snowflake:accountName": "EU1",
        "snowflake:user": "DEPLOYER",
        "snowflake:role": "DEPLOYERS",
        "snowflake:password": SECRET,
        "logistics:webhook": SECRET,
        "logistics:users": [{"name": "A", "rsaPublicKey": SECRET}],
    }
    (folder / "Pulumi.prod.yaml").write_text(
        yaml.safe_dump({"encryptionsalt": "v1:x", "config": config}, sort_keys=False)
    )
    hidden = list(make_local(folder, local, tmp_path / "no-environment"))
    written = (folder / "Pulumi.prod.yaml").read_text()
    told = yaml.safe_load(written)["config"]
    assert hidden == ["Pulumi.prod.yaml: logistics:webhook", "Pulumi.prod.yaml: logistics:users"]
    assert "secure" not in written and "encryptionsalt" not in written and "ACME" not in written
    assert (told["snowflake:organizationName"], told["snowflake:accountName"]) == ("LOCAL", "PROD")
    assert told["logistics:webhook"].startswith("secret-")


def test_a_secret_setting_shows_only_that_it_changed(tmp_path):
    for name, value in (("a", "v1:one"), ("b", "v1:two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {"x:y": {"secure": value}}}))
    first, second = (settings_of(tmp_path / name, "dev")["x:y"] for name in ("a", "b"))
    assert first != second
    assert all("v1" not in value for value in (first, second))


def test_what_leads_to_an_account_is_out_of_reach_and_comes_back(repository, monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "x")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://x")
    with open_world(repository[0], "HEAD"):
        assert not {"SNOWFLAKE_PASSWORD", "PULUMI_BACKEND_URL"} & {*os.environ}
        os.environ["PULUMI_HOME"] = "made"
    assert (os.environ["SNOWFLAKE_PASSWORD"], os.environ["PULUMI_BACKEND_URL"]) == ("x", "s3://x")
    assert os.environ.get("PULUMI_HOME") != "made"


def _made(tmp_path):
    folder = tmp_path / f"sides{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return folder
