"""`pulumi import`: existing resources taken into a stack, and the code that declares them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from embedded.engine import urn as urns
from embedded.engine import values
from embedded.engine.backend.files import write_atomically
from embedded.engine.backend.recovery import current_checkpoint
from embedded.engine.cli import terminal
from embedded.engine.cli.command import Call, command
from embedded.engine.cli.deploy import Deployment
from embedded.engine.cli.flags import Flag
from embedded.engine.cli.import_code import program_text
from embedded.engine.cli.import_entries import read_import_file
from embedded.engine.cli.operation_flags import IMPORT_FLAGS
from embedded.engine.cli.operations import new_deployment, perform
from embedded.engine.deployment.operation import ImportSpec
from embedded.engine.errors import EngineError

_NOTICE = (
    "Please copy the following code into your Pulumi application. Not doing so\n"
    "will cause Pulumi to report that an update will happen on the next update command.\n"
)
_PROTECTED_NOTICE = (
    "Please note that the imported resources are marked as protected. To destroy them\n"
    "you will need to remove the `protect` option and run `pulumi update` *before*\n"
    "the destroy will take effect.\n"
)


@command(
    "[type] [name] [id]",
    maximum=None,
    flags=(
        *IMPORT_FLAGS,
        Flag("file", "The path to a JSON-encoded file containing a list of resources to import", "string", "f", ""),
        Flag("out", "The path to the file that will contain the generated resource declarations", "string", "o", ""),
        Flag("generate-code", "Generate resource declaration code for the imported resources", default=True),
        Flag("generate-resources", "When used with --from, always write a JSON-encoded file", "string", default=""),
        Flag("from", "Invoke a converter to import the resources", "string", default=""),
        Flag("parent", "The name and URN of the parent resource in the format name=urn", "string", default=""),
        Flag(
            "provider",
            "The name and URN of the provider to use for the import in the format name=urn",
            "string",
            default="",
        ),
        Flag("properties", "The property names to use for the import in the format name1,name2", "list"),
        Flag("protect", "Allow resources to be imported with protection from deletion enabled", default=True),
    ),
)
def import_resources(call: Call) -> None:
    """Import resources into an existing stack

    Resources that are not managed by Pulumi can be imported into a stack using this command. The resources are read from the
    cloud provider; a definition for each resource is printed to stdout, to be added to the program.

    A single resource may be specified in the command line arguments, or a set of resources by a JSON file of the form

        {"nameTable": {"provider-or-parent-name": "urn"},
         "resources": [{"type": "...", "name": "...", "id": "...", "parent": "...", "provider": "...", "properties": ["..."]}]}
    """
    flags = call.flags
    if flags["from"] or (call.after_dashes is not None and flags["from"]):
        raise EngineError("--from is not supported by this engine: it runs no converters")
    _ = call.session.project
    reference = call.session.require_stack(flags["stack"])
    specs = _from_file(call, reference.name) if flags["file"] else [_from_arguments(call)]
    specs = [replace(spec, protect=flags["protect"]) for spec in specs]
    deployment = new_deployment(call, "import")
    decrypt = deployment.manager.decrypt
    deployment.imports = tuple(
        replace(spec, inputs=values.properties_from_json(spec.inputs, decrypt)) for spec in specs
    )
    perform(deployment)
    if flags["generate_code"] and not flags["preview_only"]:
        _write_code(call, deployment, specs)


def _from_arguments(call: Call) -> ImportSpec:
    flags = call.flags
    if len(call.arguments) != 3:
        raise EngineError(
            "an inline resource must be specified if no converter or import file is used: pulumi import TYPE NAME ID"
        )
    type_, name, id_ = call.arguments
    parent = _named_urn(flags["parent"], "parent")
    provider = _known_provider(call, _named_urn(flags["provider"], "provider"))
    return ImportSpec(type_, name, id_, parent, provider, properties=tuple(flags["properties"]))


def _named_urn(text: str, what: str) -> str:
    if not text:
        return ""
    _, separator, urn = text.partition("=")
    if not separator or not urns.is_valid(urn):
        raise EngineError(
            f"could not parse {what} spec: expected a {what} name and URN in the format name=urn, got '{text}'"
        )
    return urn


def _known_provider(call: Call, urn: str) -> str:
    """The provider's URN, if the stack has it.

    Raises:
        EngineError: It has not.
    """
    session = call.session
    checkpoint = current_checkpoint(session.backend, session.require_stack(call.flags["stack"]))
    if urn and not any(item["urn"] == urn and not item.get("delete") for item in checkpoint.resources):
        raise EngineError(f"provider '{urn}' is not in the stack's state")
    return urn


def _from_file(call: Call, stack: str) -> list[ImportSpec]:
    flags = call.flags
    if call.arguments or flags["parent"] or flags["provider"] or flags["properties"]:
        raise EngineError("an inline resource may not be specified in conjunction with an import file")
    specs = read_import_file(Path(flags["file"]), stack, call.session.project.name)
    project = call.session.project.name
    made = {
        urns.child(stack, project, spec.parent, spec.type, spec.name)
        for spec in specs
        if urns.is_provider_type(spec.type)
    }
    for provider in {spec.provider for spec in specs} - made:
        _known_provider(call, provider)
    return specs


def _variables(call: Call) -> dict[str, str]:
    """The program's variables for URNs, as the name table or the flags give them."""
    named = [call.flags["parent"], call.flags["provider"]]
    found = {urn: name for name, _, urn in (text.partition("=") for text in named if text)}
    if call.flags["file"]:
        table = json.loads(Path(call.flags["file"]).read_text(encoding="utf-8")).get("nameTable") or {}
        found.update({urn: name for name, urn in table.items()})
    return found


def _write_code(call: Call, deployment: Deployment, specs: list[ImportSpec]) -> None:
    session = call.session
    checkpoint = current_checkpoint(session.backend, deployment.reference)
    wanted = {(spec.type, spec.name) for spec in specs}
    resources = [
        item
        for item in checkpoint.resources
        if (item["type"], urns.name_of(item["urn"])) in wanted and not item.get("delete")
    ]
    text = program_text(resources, _variables(call))
    if call.flags["out"]:
        write_atomically(Path(call.flags["out"]), text.encode(), durable=False, private=False)
        return
    terminal.out(_NOTICE)
    if call.flags["protect"]:
        terminal.out(_PROTECTED_NOTICE)
    terminal.out(text)
