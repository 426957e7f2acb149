"""Commands of the official CLI that this engine does not have: they say so by name."""

from __future__ import annotations

from embedded.engine.errors import EngineError

_WHY = {
    "ai": "Pulumi Cloud's assistant",
    "auth": "Pulumi Cloud's tokens",
    "cloud": "the API of Pulumi Cloud",
    "console": "a stack in Pulumi Cloud",
    "convert": "programs of other languages",
    "convert-trace": "traces",
    "deployment": "Pulumi Cloud's deployments",
    "do": "resources without a program",
    "env": "Pulumi Cloud's environments",
    "gen-completion": "completion for shells",
    "completion": "completion for shells",
    "insights": "Pulumi Cloud's insights",
    "neo": "Pulumi Cloud's assistant",
    "package": "packages and their SDKs",
    "policy": "policy packs in Pulumi Cloud; a pack in a folder is run by `pulumi preview --policy-pack FOLDER`",
    "project": "projects in Pulumi Cloud",
    "query": "queries",
    "replay-events": "recorded events",
    "schema": "schemas of packages",
    "template": "templates in Pulumi Cloud",
    "view-trace": "traces",
    "watch": "updates on each change of the program; run `pulumi up`",
    "plugin run": "plugins by hand",
    "stack drift": "drift detection of Pulumi Cloud; `pulumi refresh --preview-only` shows the drift",
    "stack get": "details of a stack in Pulumi Cloud; run `pulumi stack`",
    "stack migrate": "moves between backends; run `pulumi stack export` and `import`",
    "stack schedule": "schedules of Pulumi Cloud",
    "stack webhook": "webhooks of Pulumi Cloud",
    "state get": "one resource of the state; run `pulumi stack export`",
    "state upgrade": "backends of old layouts; they are read as they are",
}


def absent_command(path: str) -> EngineError | None:
    """The refusal of a command that only the official CLI has; None if that has none of the name either.

    Args:
        path: The command's name in full, without `pulumi`.
    """
    about = _WHY.get(path)
    if about is None:
        return None
    return EngineError(
        f"`pulumi {path}` ({about}) is not part of the embedded engine. The official CLI has it and takes the same stacks: "
        "https://www.pulumi.com/docs/install/"
    )
