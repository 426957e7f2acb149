"""What policy packs found, as text: violations and remediations, pack by pack.

Source: pkg/backend/display (progress.go, diff.go) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from embedded.engine import urn as urns
from embedded.engine.display import colors
from embedded.engine.display.operations import display_type
from embedded.engine.display.options import DisplayOptions
from embedded.engine.display.printer import Printer
from embedded.engine.display.property_diff import diff_objects
from embedded.engine.display.rows import names_of_changes
from embedded.engine.events import PolicyEvent, PolicyRemediationEvent

_LEVEL_RANKS = {"remediate": 0, "mandatory": 1, "advisory": 2, "disabled": 3}
_SEVERITY_RANKS = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_INDENT = "        "


@dataclass
class PackSection:
    """One pack's part of the list of policies; `key` is NAME@vVERSION."""

    key: str
    paths: list[str] = field(default_factory=list)
    violations: list[PolicyEvent] = field(default_factory=list)
    remediations: list[PolicyRemediationEvent] = field(default_factory=list)

    @property
    def violated(self) -> bool:
        """Whether a mandatory policy was violated."""
        return any(item.enforcement_level == "mandatory" for item in self.violations)

    def lines(self, options: DisplayOptions) -> Iterator[str]:
        """The section's lines, coloured by tags."""
        sign = "❌" if self.violated else "⚠️" if self.violations else "✅"
        place = f" (local: {'; '.join(sorted(self.paths))})" if self.paths else ""
        yield f"    {sign} {colors.INFO}{self.key}{colors.RESET}{place}"
        if options.show_policy_remediations:
            for item in self.remediations:
                if line := render_remediation(item, options, f"{_INDENT}- ", detailed=False):
                    yield line.removesuffix("\n")
        else:
            yield from self._counted()
        for item in sorted(self.violations, key=_order):
            yield render_violation(item, options, f"{_INDENT}- ", f"{_INDENT}  ").removesuffix("\n")

    def _counted(self) -> Iterator[str]:
        for name, count in sorted(Counter(item.policy_name for item in self.remediations).items()):
            resources = "resource" if count == 1 else "resources"
            yield f"{_INDENT}- {colors.INFO}[remediate]  {name}{colors.RESET}  ({count} {resources})"


def pack_sections(
    packs: Mapping[str, str], violations: Sequence[PolicyEvent], remediations: Sequence[PolicyRemediationEvent]
) -> list[PackSection]:
    """The sections of the packs that ran, sorted.

    Args:
        packs: Versions by name, `NAME|local|PATH` for packs of this machine.
        violations: Of all packs.
        remediations: Of all packs, in their order.
    """
    sections: dict[str, PackSection] = {}

    def section(name: str, version: str) -> PackSection:
        key = f"{name}@v{version}"
        return sections.setdefault(key, PackSection(key))

    for name, version in packs.items():
        base, _, path = name.partition("|local|")
        if path:
            section(base, version).paths.append(path)
        else:
            section(base, version)
    for violation in violations:
        section(violation.policy_pack_name, violation.policy_pack_version).violations.append(violation)
    for remediation in remediations:
        section(remediation.policy_pack_name, remediation.policy_pack_version).remediations.append(remediation)
    return [sections[key] for key in sorted(sections)]


def _order(event: PolicyEvent) -> tuple[int, int, str, str]:
    rank = _LEVEL_RANKS.get(event.enforcement_level, len(_LEVEL_RANKS))
    severity = _SEVERITY_RANKS.get(event.severity, len(_SEVERITY_RANKS))
    return rank, severity, event.policy_name, event.resource_urn


def render_violation(event: PolicyEvent, options: DisplayOptions, prefix: str = "", line_prefix: str = "") -> str:
    """A violation; `prefix` stands before it (by default the pack's name), `line_prefix` before the lines of its message."""
    color = colors.ERROR if event.enforcement_level == "mandatory" else colors.WARNING
    severity = f" [severity: {event.severity}]" if event.severity else ""
    line = f"{color}[{event.enforcement_level}]{severity}  {event.policy_name}{colors.RESET}"
    line = (prefix or _pack(event)) + line + _resource(event.resource_urn, options)
    if line_prefix:
        line += "\n"
    message = event.message.removesuffix("\n").replace("\n", f"\n{line_prefix}")
    return f"{line}{line_prefix}{message}\n"


def render_remediation(
    event: PolicyRemediationEvent, options: DisplayOptions, prefix: str = "", *, detailed: bool = True
) -> str:
    """A remediation with what it changed, in full or as the names of the properties; empty if it changed nothing."""
    diff = diff_objects(event.before, event.after)
    if diff is None:
        return ""
    line = f"{colors.INFO}[remediate]  {event.policy_name}{colors.RESET}{_resource(event.resource_urn, options)}"
    line = (prefix or _pack(event)) + line
    if not detailed:
        return f"{line} [{names_of_changes(diff)}]\n"
    printer = Printer([], 2, "update", prefix=True, summary=True, show_secrets=options.show_secrets)
    printer.print_object_diff(diff)
    return f"{line}\n{printer.text}\n"


def _pack(event: PolicyEvent | PolicyRemediationEvent) -> str:
    return f"    {colors.INFO}{event.policy_pack_name}@v{event.policy_pack_version} {colors.RESET}"


def _resource(urn: str, options: DisplayOptions) -> str:
    if not urn:
        return ""
    name = urn if options.show_urns else urns.name_of(urn)
    return f"  ({display_type(urns.type_of(urn))}: {name})"
