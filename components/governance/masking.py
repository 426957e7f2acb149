"""Masking policies and the tag that marks personal data; tables take both up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.sql import PolicyFile


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """The policies' files, the names of those on the tag, the kinds of personal data, and the schema to put them in."""

    policies: Mapping[str, PolicyFile]
    tag_masks: Sequence[str]
    pii_kinds: Sequence[str]
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]


@dataclass(frozen=True, kw_only=True)
class MaskingResources:
    """The tag, and the masking policies by name without schema."""

    pii: snowflake.Tag
    policies: dict[str, snowflake.MaskingPolicy]


class Masking(pulumi.ComponentResource):
    """One masking policy a file, and the tag PII, which masks what it is put on by policies of its own.

    A column's own policy comes before its tag's; the tag's are the second line, for what is tagged later or by hand.
    """

    def __init__(self, name: str, config: MaskingConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Masking", name, None, opts)
        self._config = config
        policies = {policy.object_name.lower(): self._create_policy(policy) for policy in config.policies.values()}
        pii = snowflake.Tag(
            "pii",
            name="PII",
            database=config.database.name,
            schema=config.schemas["governance"].name,
            allowed_values=sorted(config.pii_kinds),
            masking_policies=[policies[name].fully_qualified_name for name in config.tag_masks] or None,
            comment="Personal data, and which kind of it",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.resources = MaskingResources(pii=pii, policies=policies)
        self.register_outputs({"policies": sorted(policies)})

    def _create_policy(self, policy: PolicyFile) -> snowflake.MaskingPolicy:
        return snowflake.MaskingPolicy(
            policy.object_name.lower(),
            name=policy.object_name,
            database=self._config.database.name,
            schema=self._config.schemas[policy.schema.lower()].name,
            arguments=[{"name": argument, "type": data_type} for argument, data_type in policy.arguments],
            return_data_type=policy.returns,
            body=policy.body,
            comment=policy.comment,
            opts=pulumi.ResourceOptions(parent=self),
        )
