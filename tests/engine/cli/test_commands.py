"""Commands in this process: what they print, change and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RECORDED = Path(__file__).parent / "recorded"


# --- the tree that the official CLI left -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("27-output", ["stack", "output"]),
        ("28-output-json", ["stack", "output", "--json"]),
        ("29-output-json-show", ["stack", "output", "--json", "--show-secrets"]),
        ("30-output-one", ["stack", "output", "greeting"]),
        ("31-output-one-json", ["stack", "output", "greeting", "--json"]),
        ("32-output-shell", ["stack", "output", "--shell"]),
        ("34-export", ["stack", "export"]),
        ("36-config", ["config"]),
        ("37-config-json", ["config", "--json"]),
        ("38-config-json-show", ["config", "--json", "--show-secrets"]),
        ("39-config-get", ["config", "get", "greeting"]),
        ("40-config-get-json", ["config", "get", "token", "--json"]),
        ("41-config-get-path", ["config", "get", "--path", "obj.inner", "--json"]),
    ],
)
@pytest.mark.usefixtures("sample")
def test_official_state_is_read_as_the_official_cli_reads_it(name: str, arguments: list[str], pulumi) -> None:
    ran = pulumi(*arguments, "--non-interactive")
    assert ran.code == 0, ran.err
    assert ran.out == (RECORDED / f"{name}.stdout").read_text()


@pytest.mark.usefixtures("sample")
def test_export_shows_secrets_as_the_official_cli_does(pulumi) -> None:
    assert json.loads(pulumi("stack", "export", "--show-secrets").out) == json.loads(
        (RECORDED / "35-export-show.stdout").read_text()
    )


@pytest.mark.usefixtures("sample")
def test_history_of_the_official_cli(pulumi) -> None:
    ran = pulumi("stack", "history", "--json", "--show-secrets", "--page-size", "1", "--page", "1")
    assert ran.out == (RECORDED / "26-history-json-show.stdout").read_text()
    assert len(json.loads(pulumi("stack", "history", "--json").out)) == 5
    assert "+0-0~1 4 Updated" in pulumi("stack", "history").out


@pytest.mark.usefixtures("sample")
def test_resource_tree(pulumi) -> None:
    ours = pulumi("stack", "--show-urns").out.splitlines()[4:]
    assert ours == (RECORDED / "57-stack-show-urns.stdout").read_text().splitlines()[4:]


def test_graph(sample: Path, pulumi) -> None:
    assert pulumi("stack", "graph", "g.dot").err == "Wrote stack dependency graph to `g.dot`\n"
    assert sorted((sample / "g.dot").read_text().splitlines()) == sorted(
        (RECORDED / "65-graph.dot").read_text().splitlines()
    )


@pytest.mark.usefixtures("sample")
def test_export_import_round_trip(tmp_path: Path, pulumi) -> None:
    before = pulumi("stack", "output", "--json", "--show-secrets").out
    for flags in ([], ["--show-secrets"]):
        file = str(tmp_path / "export.json")
        pulumi("stack", "export", "--file", file, *flags)
        assert pulumi("stack", "import", "--file", file).out == "Import complete.\n"
        assert pulumi("stack", "output", "--json", "--show-secrets").out == before
    assert "s3cret" not in pulumi("stack", "export").out


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [
        (
            "wrong",
            "error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set "
            "PULUMI_CONFIG_PASSPHRASE_FILE to a file containing the passphrase\n",
        ),
        (
            None,
            "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables\n",
        ),
    ],
)
@pytest.mark.usefixtures("sample")
def test_secrets_stay_shut(passphrase: str | None, message: str, pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    if passphrase is None:
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    else:
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", passphrase)
    for arguments in (
        ["stack", "output", "--json", "--show-secrets"],
        ["config", "--show-secrets"],
        ["config", "get", "token"],
    ):
        ran = pulumi(*arguments)
        assert (ran.code, ran.out, ran.err) == (1, "", message)
    assert json.loads(pulumi("stack", "output", "--json").out)["token"] == "[secret]"
    assert pulumi("stack", "ls").code == 0


# --- refusals --------------------------------------------------------------------------------------------------------

REFUSALS = [
    (["frobnicate"], 1, "unknown command \"frobnicate\" for \"pulumi\"\nRun 'pulumi --help' for usage."),
    (["stack", "frob"], 1, "unknown command \"frob\" for \"pulumi stack\"\nRun 'pulumi stack --help' for usage."),
    (["up", "--frobnicate"], 1, "unknown flag: --frobnicate"),
    (["up", "-X"], 1, "unknown shorthand flag: 'X' in -X"),
    (["up", "--stack"], 1, "flag needs an argument: --stack"),
    (["up", "-p", "x"], 1, 'invalid argument "x" for "-p, --parallel" flag: strconv.ParseInt: parsing "x": invalid syntax'),
    (["up", "--yes=maybe"], 1, 'invalid argument "maybe" for "-y, --yes" flag: strconv.ParseBool: parsing "maybe": invalid syntax'),
    (["up", "--color", "pink"], 1, "unsupported color option: 'pink'.  Supported values are: auto, always, never, raw"),
    (["up", "--cwd", "/no/such"], 1, "chdir /no/such: no such file or directory"),
    (["up"], 2, "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode"),
    (["up", "--target", "a", "--exclude", "b", "--yes"], 1, "if any flags in the group [target exclude] are set none of the others can be; [exclude target] were all set"),  # noqa: E501
    (["preview", "--policy-pack", "nowhere"], 1, "policy pack: 'nowhere' does not exist"),
    (["stack", "select", "nothere"], 6, "no stack named 'nothere' found"),
    (["stack", "export", "--stack", "nothere"], 6, "no stack named 'nothere' found"),
    (["up", "--yes", "--stack", "nothere"], 6, "no stack named 'nothere' found"),
    (["stack", "init", "dev"], 1, "stack 'organization/proj/dev' already exists"),
    (["stack", "init", "a", "--stack", "b"], 1, "only one of --stack or argument stack name may be specified, not both"),
    (["stack", "init"], 1, "missing stack name"),
    (["stack", "init", "x", "--secrets-provider", "awskms://k"], 1, "unsupported secrets provider 'awskms://k' (supported: default, passphrase)"),  # noqa: E501
    (["stack", "rename"], 1, "accepts 1 arg(s), received 0"),
    (["stack", "output", "nope"], 1, "current stack does not have output property 'nope'"),
    (["stack", "tag", "get", "nope"], 1, "stack tag 'nope' not found for stack 'dev'"),
    (["stack", "export", "--version", "3"], 1, "the current backend does not provide the ability to export previous deployments"),
    (["config", "get", "nope"], 1, "configuration key 'nope' not found for stack 'dev'"),
    (["config", "set", "--secret", "--plaintext", "k", "v"], 1, "if any flags in the group [secret plaintext type] are set none of the others can be; [plaintext secret] were all set"),  # noqa: E501
    (["config", "set", "a:b:c", "v"], 1, "invalid configuration key: could not parse a:b:c as a configuration key (configuration keys should be of the form `<namespace>:<name>`)"),  # noqa: E501
    (["config", "set", "apiToken", "0f9a8b7c6d5e4f3a"], 1, "config value for 'proj:apiToken' looks like a secret; rerun with --secret to encrypt it, or --plaintext if you meant to store in plaintext"),  # noqa: E501
    (["config", "set-all", "--plaintext", "novalue"], 1, "config value must be in the form [key]=[value]"),
    (["config", "refresh"], 1, "no previous deployment"),
    (["state", "delete", "not-a-urn"], 1, '"not-a-urn" is not a valid resource URN\nTo see the list of URNs in a stack, use `pulumi stack --show-urns`.'),  # noqa: E501
    (["state", "rename", "bad", "x"], 1, "The provided input URN is not valid"),
    (["plugin", "install", "resource", "nope", "1.0.0"], 1, None),
    (["new", "aws-python"], 1, "template 'aws-python' not found (this engine has: python)"),
    (["import", "a"], 1, "an inline resource must be specified if no converter or import file is used: pulumi import TYPE NAME ID"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "message"), REFUSALS, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_refusals_say_why_on_stderr_and_change_nothing(
    arguments: list[str], code: int, message: str | None, stack: Path, environment: Path, pulumi
) -> None:
    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (*environment.rglob("*"), stack) if path.is_file()}

    before = content()
    ran = pulumi("--non-interactive", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    if message is not None:
        assert ran.err == f"error: {message}\n"
    assert content() == before


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Pulumi.yaml", "name: [", "could not unmarshal '{}': line 2, column 1: did not find expected node content"),
        ("Pulumi.yaml", "runtime: python", "could not validate '{}': project is missing a 'name' attribute"),
        (
            "Pulumi.dev.yaml",
            "config: {",
            "could not unmarshal '{}': line 2, column 1: did not find expected node content",
        ),
        (
            "Pulumi.dev.yaml",
            "config:\n  x:y:z: 1",
            "could not unmarshal '{}': could not parse x:y:z as a configuration key",
        ),
    ],
)
def test_broken_files_are_one_line(stack: Path, file: str, text: str, message: str, pulumi) -> None:
    path = stack.with_name(file)
    path.write_text(text)
    for arguments in (["config"], ["up", "--yes"], ["preview"]):
        ran = pulumi(*arguments)
        assert ran.code == 1 and ran.out == "" and ran.err.startswith(f"error: {message.format(path)}")
        assert ran.err.count("\n") == 1


@pytest.mark.usefixtures("project")
def test_no_stack_selected(pulumi) -> None:
    ran = pulumi("up", "--yes", "--non-interactive")
    assert ran.code == 6 and ran.err.startswith("error: no stack selected; please use `pulumi stack select`")


def test_outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no Pulumi.yaml project file found" in pulumi("up", "--yes").err
    assert pulumi("stack", "ls").err == "error: no Pulumi.yaml found; please run this command in a project directory\n"
    assert pulumi("stack", "ls", "--all", "--json").out == "[]\n"


def test_broken_backend(project: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    assert project
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")
    assert "unsupported backend 'https://api.pulumi.com'" in pulumi("stack", "ls").err
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///no/such/folder")
    assert "the folder '/no/such/folder' does not exist" in pulumi("stack", "ls").err
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    assert "not logged in" in pulumi("whoami").err


# --- configuration ---------------------------------------------------------------------------------------------------


def test_set_get_and_remove(stack: Path, pulumi) -> None:
    stack.write_text(f"# mine\n{stack.read_text()}")
    pulumi("config", "set", "plain", "7")
    pulumi("config", "set", "--secret", "dbPassword", "--", "-x")
    pulumi("config", "set", "--path", "deep.list[0].n", "7")
    pulumi("config", "set", "piped", stdin="from stdin\n")
    pulumi("config", "set", "--type", "int", "typed", "5")
    text = stack.read_text()
    assert text.startswith("# mine\n") and 'proj:plain: "7"' in text and "- n: 7" in text and "proj:typed: 5" in text
    assert "-x" not in text
    assert pulumi("config", "get", "dbPassword").out == "-x\n"
    assert pulumi("config", "get", "piped").out == "from stdin\n"
    assert json.loads(pulumi("config", "get", "--path", "deep.list", "--json").out) == {
        "value": '[{"n":7}]',
        "objectValue": [{"n": 7}],
        "secret": False,
    }
    pulumi("config", "rm", "--path", "deep.list[0]")
    pulumi("config", "rm-all", "plain", "piped", "typed", "dbPassword")
    assert json.loads(pulumi("config", "--json").out) == {
        "proj:deep": {"value": '{"list":[]}', "objectValue": {"list": []}, "secret": False}
    }


def test_set_all_by_flags_and_json(stack: Path, pulumi) -> None:
    pulumi("config", "set-all", "--plaintext", "a=b=c", "--secret", "c=hush", "--plaintext", "d=1")
    pulumi("config", "set-all", "--path", "--plaintext", "m.n=1", "--secret", "m.s=x")
    shown = json.loads(pulumi("config", "--json", "--show-secrets").out)
    assert shown["proj:a"] == {"value": "b=c", "secret": False} and shown["proj:c"] == {"value": "hush", "secret": True}
    assert shown["proj:m"]["objectValue"] == {"n": 1, "s": "x"}
    stack.write_text("\n".join(stack.read_text().splitlines()[:1]) + "\n")
    assert pulumi("config", "set-all", "--json", json.dumps(shown)).code == 0
    again = json.loads(pulumi("config", "--json", "--show-secrets").out)
    assert again["proj:a"] == shown["proj:a"] and again["proj:m"]["value"] == shown["proj:m"]["value"]


def test_copy_encrypts_anew(stack: Path, pulumi) -> None:
    pulumi("config", "set", "--secret", "tok", "hush")
    pulumi("stack", "init", "two", "--copy-config-from", "dev")
    assert pulumi("config", "get", "tok", "--stack", "two").out == "hush\n"
    assert stack.read_text().split("secure:")[1] != stack.with_name("Pulumi.two.yaml").read_text().split("secure:")[1]


def test_passphrase_can_be_changed(stack: Path, pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi("config", "set", "--secret", "tok", "hush")
    before = stack.read_text()
    assert pulumi("stack", "change-secrets-provider", "passphrase", stdin="new one\n").code == 0
    assert stack.read_text() != before and pulumi("config", "get", "tok").code == 1
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "new one")
    assert pulumi("config", "get", "tok").out == "hush\n"


# --- stacks ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("stack")
def test_listing_selecting_renaming_removing(project: Path, pulumi) -> None:
    assert pulumi("stack", "init", "organization/proj/two", "--no-select").err == "Created stack 'two'\n"
    listed = json.loads(pulumi("stack", "ls", "--json").out)
    assert [(item["name"], item["current"], item["resourceCount"]) for item in listed] == [
        ("dev", True, 0),
        ("two", False, 0),
    ]
    assert pulumi("stack", "select", "two").out == "" and pulumi("stack", "--show-name").out == "two\n"
    assert pulumi("stack", "--show-name", "-Q").out == "organization/proj/two\n"
    assert pulumi("stack", "rename", "three").out == "Renamed two to three\n"
    assert (project / "Pulumi.three.yaml").exists() and not (project / "Pulumi.two.yaml").exists()
    assert pulumi("stack", "rm", "--yes", "--preserve-config").out == "Stack 'three' has been removed!\n"
    assert (project / "Pulumi.three.yaml").exists()
    assert pulumi("stack", "unselect").err == "Stack was unselected\n"
    assert pulumi("stack", "select", "four", "--create").code == 0 and (project / "Pulumi.four.yaml").exists()


@pytest.mark.usefixtures("stack")
def test_tags(pulumi) -> None:
    assert pulumi("stack", "tag", "ls", "--json").out == "{}\n"
    pulumi("stack", "tag", "set", "team", "data")
    assert pulumi("stack", "tag", "get", "team").out == "data\n"
    assert [item["name"] for item in json.loads(pulumi("stack", "ls", "--json", "--tag", "team=data").out)] == ["dev"]
    pulumi("stack", "tag", "rm", "team")
    assert pulumi("stack", "ls", "--json", "--tag", "team").out == "[]\n"


def test_login_and_logout(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    assert project
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    url = f"file://{tmp_path}"
    assert f" ({url})\n" in pulumi("login", url).out
    assert json.loads(pulumi("whoami", "--json").out)["url"] == url
    assert f"Backend URL: {url}" in pulumi("whoami", "-v").out
    assert pulumi("logout").out == f"Logged out of {url}\n"
    assert "not logged in" in pulumi("whoami").err


@pytest.mark.parametrize(
    "arguments", [["--non-interactive", "stack", "--stack", "dev"], ["stack", "-s", "dev"], ["-Cproject", "stack"]]
)
def test_flags_stand_anywhere(arguments: list[str], stack: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    if "-Cproject" in arguments:
        monkeypatch.chdir(stack.parents[1])
    assert pulumi(*arguments).out.startswith("Current stack is dev:\n")


def test_import_of_a_foreign_or_broken_export_is_refused(stack: Path, pulumi) -> None:
    assert stack
    other = {
        "version": 3,
        "deployment": {
            "manifest": {},
            "resources": [{"urn": "urn:pulumi:x::proj::a:b:C::n", "type": "a:b:C", "custom": False}],
        },
    }
    assert "is from a different stack (x != dev)" in pulumi("stack", "import", stdin=json.dumps(other)).err
    assert "is no export of a stack" in pulumi("stack", "import", stdin="{}").err
    other["deployment"]["resources"][0]["urn"] = "urn:pulumi:dev::proj::a:b:C::n"
    other["deployment"]["resources"][0]["parent"] = "urn:pulumi:dev::proj::a:b:C::gone"
    assert "state file contains errors" in pulumi("stack", "import", stdin=json.dumps(other)).err
    assert "could not open file: nowhere" in pulumi("stack", "import", "--file", "nowhere").err


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [[], ["up"], ["stack"], ["stack", "init"], ["config", "set"], ["state", "delete"]], ids=" ".join
)
def test_help(path: list[str], pulumi, snapshot) -> None:
    ran = pulumi(*path, "--help")
    assert ran.code == 0
    text = ran.out
    if "up" in path:
        text = "\n".join(line for line in text.splitlines() if "--parallel" not in line)
    assert text == snapshot


@pytest.mark.parametrize("name", ["Pulumi.yaml", "PulumiPolicy.yaml"], ids=["project", "policy-pack"])
def test_install_makes_the_environment_that_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: Path, pulumi
) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / name).write_text("name: pack\nruntime: {name: python, options: {virtualenv: venv}}\n")
    (folder / "requirements.txt").write_text("")
    monkeypatch.chdir(folder)
    ran = pulumi("install")
    assert ran.code == 0, ran.err
    assert (folder / "venv" / "bin" / "python").exists() and environment.is_dir()
