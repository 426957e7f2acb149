"""The flags of preview, up, refresh and destroy, and what they say to the engine and the display."""

from __future__ import annotations

import os
from pathlib import Path

from embedded.engine.backend.checkpoints import is_truthy
from embedded.engine.cli.command import CONFIG_FILE_FLAG, STACK_FLAG, Call
from embedded.engine.cli.flags import Flag
from embedded.engine.display.options import DisplayOptions
from embedded.engine.errors import EngineError
from embedded.engine.options import Options, default_parallel

_COMMON = (
    STACK_FLAG,
    CONFIG_FILE_FLAG,
    Flag("debug", "Print detailed debugging output during resource operations", short="d"),
    Flag("message", "Optional message to associate with the operation", "string", "m", ""),
    Flag("target", "Specify a single resource URN to operate on. Wildcards (*, **) are also supported", "strings", "t"),
    Flag("exclude", "Specify a resource URN to ignore. Wildcards (*, **) are also supported", "strings"),
    Flag("target-dependents", "Allows operating on dependent targets discovered but not specified in --target list"),
    Flag("exclude-dependents", "Allows ignoring of dependent targets discovered but not specified in --exclude list"),
    Flag("diff", "Display operation as a rich diff showing the overall change"),
    Flag("json", "Serialize the diffs, operations, and overall output as JSON", short="j"),
    Flag(
        "parallel",
        "Allow P resource operations to run in parallel at once (1 for no parallelism)",
        "int",
        "p",
        default_parallel(),
    ),
    Flag("run-program", "Run the program to determine up-to-date state for providers", default=None),
    Flag("show-config", "Show configuration keys and variables"),
    Flag("show-replacement-steps", "Show detailed resource replacement creates and deletes instead of a single step"),
    Flag("show-sames", "Show resources that don't need be updated because they haven't changed"),
    Flag("show-secrets", "Show secret outputs in the CLI output"),
    Flag("show-reads", "Show resources that are being read in, alongside those being managed directly in the stack"),
    Flag("show-full-output", "Display full length of inputs & outputs"),
    Flag("show-policy-remediations", "Show per-resource policy remediation details instead of a summary", hidden=True),
    Flag("urns", "Display full URNs instead of short resource names"),
    Flag("suppress-outputs", "Suppress display of stack outputs (in case they contain sensitive values)"),
    Flag("suppress-progress", "Suppress display of periodic progress dots"),
    Flag("suppress-permalink", "Suppress display of the state permalink", "string", default="", bare="false"),
    Flag("continue-on-error", "Continue with other resources even if an error is encountered", default=None),
    Flag("attach-debugger", "Enable attaching a debugger to the program and plugins", "strings", bare="program"),
    Flag("client", "The address of an existing language runtime host to connect to", "string", default="", hidden=True),
    Flag("event-log", "Log events to a file at this path", "string", default="", hidden=True),
    Flag("exec-kind", "", "string", default="", hidden=True),
    Flag("exec-agent", "", "string", default="", hidden=True),
    Flag("skip-config-validation", "Skip validation of stack config values against the project config schema"),
)
_PROGRAM = (
    Flag("config", "Config to use during the operation and save to the stack config file", "strings", "c"),
    Flag("config-path", "Config keys contain a path to a property in a map or list to set"),
    Flag("replace", "Specify resources to replace. Wildcards (*, **) are also supported", "strings"),
    Flag(
        "target-replace",
        "Specify a single resource URN to replace. Shorthand for --target urn --replace urn",
        "strings",
    ),
    Flag("policy-pack", "Run one or more policy packs as part of this operation", "list"),
    Flag("policy-pack-config", "Path to JSON file containing the config for the policy pack of --policy-pack", "list"),
    Flag("refresh", "Refresh the state of the stack's resources before this operation", "string", "r", "", bare="true"),
    Flag("expect-no-changes", "Return an error if any changes occur or are proposed"),
    Flag("skip-plugin-pre-install", "Plugins are always looked for when they are needed", hidden=True),
)
_APPLY = (
    Flag("yes", "Automatically approve and perform the operation after previewing it", short="y"),
    Flag("skip-preview", "Do not calculate a preview before performing the operation", short="f"),
)
_PREVIEW_ONLY = Flag("preview-only", "Only show a preview, but don't perform the operation itself")

UP_FLAGS = (
    *_COMMON,
    *_PROGRAM,
    *_APPLY,
    Flag("plan", "[EXPERIMENTAL] Path to a plan file that the update must not exceed", "string", default=""),
    Flag("strict", "[EXPERIMENTAL] Generate a plan during preview and constrain the update to that plan"),
    Flag("secrets-provider", "The secrets provider of a new stack", "string", default="default", hidden=True),
    Flag("ignore-protect", "Ignore the protect resource option for this operation", hidden=True),
)
PREVIEW_FLAGS = (
    *_COMMON,
    *_PROGRAM,
    Flag(
        "save-plan", "[EXPERIMENTAL] Save the operations proposed by the preview to a plan file", "string", default=""
    ),
    Flag(
        "import-file",
        "Save any creates seen during the preview into an import file to use with pulumi import",
        "string",
        default="",
    ),
)
REFRESH_FLAGS = (
    *_COMMON,
    *_APPLY,
    _PREVIEW_ONLY,
    Flag("expect-no-changes", "Return an error if any changes occur during this refresh"),
    Flag("clear-pending-creates", "Clear all pending creates, dropping them from the state"),
    Flag("skip-pending-creates", "Skip importing pending creates in interactive mode"),
    Flag(
        "import-pending-creates",
        "A list of form [[URN ID]...] describing the provider IDs of pending creates",
        "strings",
    ),
)
DESTROY_FLAGS = (
    *_COMMON,
    *_APPLY,
    _PREVIEW_ONLY,
    Flag("config", "Config to use during the operation and save to the stack config file", "strings", "c"),
    Flag("config-path", "Config keys contain a path to a property in a map or list to set"),
    Flag("exclude-protected", "Do not destroy protected resources. Destroy all other resources"),
    Flag("refresh", "Refresh the state of the stack's resources before this operation", "string", "r", "", bare="true"),
    Flag("remove", "Remove the stack and its config file after all resources in the stack have been deleted"),
    Flag("ignore-protect", "Ignore the protect resource option for this operation", hidden=True),
)
IMPORT_FLAGS = (
    *_COMMON,
    *_APPLY,
    _PREVIEW_ONLY,
)


_UNSUPPORTED = {
    "ignore_protect": "unprotect resources by `pulumi state unprotect`",
    "attach_debugger": "have the program itself call debugpy.listen() and debugpy.wait_for_client()",
}
_UNSUPPORTED_VARIABLES = (
    "PULUMI_DISABLE_PROVIDER_PREVIEW",
    "PULUMI_DISABLE_RESOURCE_REFERENCES",
    "PULUMI_DISABLE_OUTPUT_VALUES",
)


def engine_options(call: Call) -> Options:
    """The engine's options of a command line.

    Raises:
        EngineError: Flags that exclude each other, or that this engine does not support.
    """
    flags = call.flags
    if flags.get("target") and flags.get("exclude"):
        raise EngineError(
            "if any flags in the group [target exclude] are set none of the others can be; [exclude target] were all set"
        )
    for name, instead in _UNSUPPORTED.items():
        if flags.get(name):
            raise EngineError(f"--{name.replace('_', '-')} is not supported by this engine; {instead}")
    for variable in _UNSUPPORTED_VARIABLES:
        if is_truthy(variable):
            raise EngineError(f"{variable} is not supported by this engine; unset it or use the official CLI")
    for path in (*flags.get("policy_pack", ()), *flags.get("policy_pack_config", ())):
        if not Path(path).exists():
            raise EngineError(f"policy pack: '{path}' does not exist")
    configs = flags.get("policy_pack_config", ())
    if configs and len(configs) != len(flags["policy_pack"]):
        raise EngineError('the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags')
    replaces = tuple(flags.get("replace", ())) + tuple(flags.get("target_replace", ()))
    continue_on_error = flags["continue_on_error"]
    session = call.session
    return Options(
        parallel=max(flags["parallel"], 1),
        targets=tuple(flags["target"]) + tuple(flags.get("target_replace", ())),
        target_dependents=flags["target_dependents"],
        excludes=tuple(flags["exclude"]),
        exclude_dependents=flags["exclude_dependents"],
        exclude_protected=flags.get("exclude_protected", False),
        replaces=replaces,
        refresh=_refresh(call),
        run_program=_run_program(call),
        continue_on_error=is_truthy("PULUMI_CONTINUE_ON_ERROR") if continue_on_error is None else continue_on_error,
        expect_no_changes=flags.get("expect_no_changes", False),
        clear_pending_creates=flags.get("clear_pending_creates", False),
        import_pending_creates=_pending_creates(flags.get("import_pending_creates", [])),
        message=flags["message"],
        policy_packs=tuple(flags.get("policy_pack", ())),
        policy_pack_configs=tuple(flags.get("policy_pack_config", ())),
        plan=flags.get("plan", ""),
        save_plan=flags.get("save_plan", ""),
        debug=flags["debug"],
        verbose=session.verbose,
        log_to_stderr=session.log_to_stderr,
        log_flow=session.log_flow,
        show_secrets=flags["show_secrets"],
    )


def _refresh(call: Call) -> bool:
    text = call.flags.get("refresh", "")
    if not text:
        return call.session.project.refresh_always
    return Flag("refresh", "", short="r").convert(text)


def _run_program(call: Call) -> bool | None:
    given = call.flags["run_program"]
    if given is None and os.environ.get("PULUMI_RUN_PROGRAM"):
        return is_truthy("PULUMI_RUN_PROGRAM")
    return given


def _pending_creates(items: list[str]) -> tuple[tuple[str, str], ...]:
    if len(items) % 2:
        raise EngineError("--import-pending-creates takes pairs of a URN and an id")
    return tuple(zip(items[::2], items[1::2], strict=True))


def display_options(call: Call) -> DisplayOptions:
    """The display's options of a command line."""
    flags = call.flags
    return DisplayOptions(
        color=call.session.color,
        diff=flags["diff"],
        json=flags["json"],
        show_config=flags["show_config"],
        show_sames=flags["show_sames"],
        show_reads=flags["show_reads"],
        show_replacement_steps=flags["show_replacement_steps"],
        show_secrets=flags["show_secrets"],
        show_urns=flags["urns"],
        show_policy_remediations=flags["show_policy_remediations"],
        suppress_outputs=flags["suppress_outputs"],
        suppress_progress=flags["suppress_progress"],
        truncate_output=not flags["show_full_output"],
        debug=flags["debug"],
        interactive=call.session.interactive,
        emoji=call.session.emoji,
    )
