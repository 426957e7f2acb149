"""The policy pack: hands Pulumi's resources to the rules, and their breaches back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from rules import RULES
from rules.model import UNKNOWN, Resource, Rule

_LOCAL = "LOCAL"


def _plain(value: Any) -> Any:
    """Returns a value without the library's proxies, UNKNOWN where they refuse to tell it."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, place) for place in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return _plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def _resource(given: Any, provider: Any, needs: Mapping[str, Iterable[PolicyResource]]) -> Resource:
    props = _plain(given.props)
    of_provider = _plain(provider.props) if provider is not None else props
    return Resource(
        type=given.resource_type,
        name=given.name,
        urn=given.urn,
        props=props,
        protect=bool(given.opts.protect),
        is_local=str(of_provider.get("organizationName", "")).upper() == _LOCAL,
        needs={
            key: frozenset(f"{each.resource_type.rsplit(':', 1)[-1]}:{each.name}" for each in found)
            for key, found in needs.items()
        },
    )


def _told(rule: Rule, message: str) -> str:
    return f"{message}. {rule.mend}"


def _resource_policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: Callable[..., None]) -> None:
        if not {args.resource_type.rsplit(":", 1)[-1], "*"} & rule.kinds:
            args.not_applicable(f"asked of {', '.join(sorted(rule.kinds))}")
        resource = _resource(args, args.provider, {})
        for violation in rule.broken_by([resource], args.get_config()):
            report(_told(rule, violation.message), violation.urn or None)

    return ResourceValidationPolicy(validate=validate, **_options(rule))


def _stack_policy(rule: Rule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: Callable[..., None]) -> None:
        resources = [_resource(each, each.provider, each.property_dependencies) for each in args.resources]
        for violation in rule.broken_by(resources, args.get_config()):
            report(_told(rule, violation.message), violation.urn or None)

    return StackValidationPolicy(validate=validate, **_options(rule))


def _options(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": f"{rule.what} {rule.why}",
        "enforcement_level": EnforcementLevel.ADVISORY if rule.advisory else EnforcementLevel.MANDATORY,
        "config_schema": PolicyConfigSchema(properties={key: dict(about) for key, about in rule.schema.items()})
        if rule.schema
        else None,
        "severity": Severity[rule.severity.upper()],
    }


PolicyPack(
    "logistics",
    [_resource_policy(rule) if rule.check is not None else _stack_policy(rule) for rule in RULES],
    enforcement_level=EnforcementLevel.MANDATORY,
)
