"""What a deployment is asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from embedded.engine.events import Event
from embedded.engine.language import Interpreter, Program
from embedded.engine.options import Options
from embedded.engine.plugins.host import PluginSource
from embedded.engine.snapshot import Journal
from embedded.engine.state import Snapshot
from embedded.engine.values import Properties


@dataclass(frozen=True)
class ImportSpec:
    """One resource that `import` takes over.

    `parent` and `provider` are URNs (empty: the stack, the default provider); `properties` limits the inputs taken over to the
    named ones; `component` makes a component without reading anything; a provider is made of `inputs`.
    """

    type: str
    name: str
    id: str = ""
    parent: str = ""
    provider: str = ""
    version: str = ""
    plugin_download_url: str = ""
    properties: tuple[str, ...] = ()
    component: bool = False
    remote: bool = False
    protect: bool = True
    inputs: Properties = field(default_factory=dict)


@dataclass
class Operation:
    """One run of the engine.

    Args:
        kind: up, refresh, destroy or import.
        preview: Plan only: nothing is changed, nothing is journalled.
        config: Every configuration value as text by full key, decrypted; objects as JSON.
        config_secret_keys: The keys whose values hold a secret.
        shown_config: The configuration as the prelude event shows it, secrets masked.
        base: The state before the run.
        journal: Takes each change of the state; None in previews.
        encrypt: Encrypts a secret for the journal.
        decrypt: Decrypts a secret of a plan.
        emit: Takes each event, in order.
        program: The program; None where nothing is run.
        interpreter: The process that was started early for the program, if one was.
        plugins: Where plugins are looked for.
        tags: The stack's tags.
        imports: What `import` takes over.
        stack_outputs: The outputs of another stack by name, for stack references; None if there is no such stack.
    """

    kind: str
    project: str
    stack: str
    organization: str = "organization"
    preview: bool = False
    config: Mapping[str, str] = field(default_factory=dict)
    config_secret_keys: frozenset[str] = frozenset()
    shown_config: Mapping[str, str] = field(default_factory=dict)
    base: Snapshot = field(default_factory=Snapshot)
    journal: Journal | None = None
    encrypt: Callable[[str], str] | None = None
    decrypt: Callable[[str], str] | None = None
    options: Options = field(default_factory=Options)
    emit: Callable[[Event], None] = lambda event: None  # noqa: ARG005
    program: Program | None = None
    interpreter: Interpreter | None = None
    plugins: PluginSource = field(default_factory=PluginSource)
    tags: Mapping[str, str] = field(default_factory=dict)
    imports: Sequence[ImportSpec] = ()
    stack_outputs: Callable[[str], Properties | None] = lambda name: None  # noqa: ARG005


@dataclass
class Result:
    """What came of a run.

    `changes` counts the steps by operation, without zeros; `outputs` are the stack's; `snapshot` is the state after the run (in a
    preview: the state before it); `changed` says whether it differs from the one before. `failed` runs have shown their errors
    as diagnostic events; `exit_code` is the process's.
    """

    changes: dict[str, int] = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    snapshot: Snapshot | None = None
    changed: bool = False
    failed: bool = False
    cancelled: bool = False
    exit_code: int = 0
