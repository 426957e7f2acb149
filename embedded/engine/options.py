"""The options of a deployment: what the flags of up, preview, refresh, destroy and import say to the engine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def default_parallel() -> int:
    """How many steps run at once unless asked: four for each processor, as the official CLI's default."""
    return 4 * (os.cpu_count() or 1)


@dataclass
class Options:
    """How a deployment runs; each field is the flag of the same name.

    `targets`, `excludes` and `replaces` hold URNs, or globs with `*` (within a part) and `**`. `replaces` are also
    targets where `--target-replace` was given (the command line puts them in both). `policy_packs` are folders,
    `policy_pack_configs` JSON files, one for each pack. `plan` is the file of a plan to hold the run to, `save_plan`
    the file to write one to.
    """

    parallel: int = field(default_factory=default_parallel)
    targets: tuple[str, ...] = ()
    target_dependents: bool = False
    excludes: tuple[str, ...] = ()
    exclude_dependents: bool = False
    exclude_protected: bool = False
    replaces: tuple[str, ...] = ()
    refresh: bool = False
    run_program: bool | None = None
    continue_on_error: bool = False
    expect_no_changes: bool = False
    clear_pending_creates: bool = False
    import_pending_creates: tuple[tuple[str, str], ...] = ()
    message: str = ""
    policy_packs: tuple[str, ...] = ()
    policy_pack_configs: tuple[str, ...] = ()
    plan: str = ""
    save_plan: str = ""
    debug: bool = False
    verbose: int = 0
    log_to_stderr: bool = False
    log_flow: bool = False
    show_secrets: bool = False
