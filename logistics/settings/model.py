"""The settings of a stack: every key of `Pulumi.<stack>.yaml`, its type, default, allowed values and meaning."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from logistics.settings.values import (
    AUTHENTICATION_METHODS,
    WAREHOUSE_SIZES,
    AuthenticationMethod,
    Cron,
    Identifier,
    Network,
    Suffix,
    WarehouseSize,
    decoded,
)

LOCAL_ORGANIZATION = "LOCAL"
"""The organization whose accounts live in the local Snowflake of this project."""

PREVIEW_FEATURES = (
    "snowflake_table_resource",
    "snowflake_table_constraint_resource",
    "snowflake_stage_internal_resource",
    "snowflake_tables_datasource",
    "snowflake_authentication_policy_resource",
    "snowflake_password_policy_resource",
    "snowflake_alert_resource",
)
"""The plugin's preview features that the program uses."""


def _price(value: Any) -> Any:
    """Reads a price from its written form, so that 3.00 keeps its cents."""
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return value
    cents = Decimal("0.01")
    return price.quantize(cents) if price.is_finite() and price == price.quantize(cents) else price


_CRON_FORM = "five cron fields and a time zone, such as '*/5 * * * * UTC'"
_IDENTIFIER_FORM = "an unquoted Snowflake identifier (letters, digits, _ and $)"


def setting(default: Any = ..., *, allowed: str = "", about: str, **limits: Any) -> Any:
    """Returns a pydantic field that carries the words for the README's reference and for errors."""
    return Field(default, description=about, json_schema_extra={"allowed": allowed}, **limits)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class UserSettings(_Section):
    """A person's or a service's user, and the rows that it may see as DATA_ANALYST."""

    name: Identifier = setting(about="The user's name.", allowed=_IDENTIFIER_FORM)
    role: Identifier = setting(
        about="The role granted to it, which is its default role.", allowed="a role of sql/access.yaml"
    )
    email: str = setting(
        "", about="The address that Snowflake writes to.", allowed="an e-mail address", pattern=r"^$|^[^@\s]+@[^@\s]+$"
    )
    rsa_public_key: str = setting(
        "",
        about="The public key of its key-pair login; on the local Snowflake `make` supplies one.",
        allowed="base64, one line",
    )
    customers: list[str] = setting(
        default_factory=list, about="The customers whose rows it sees as DATA_ANALYST.", allowed="customer_id values"
    )
    vehicles: list[str] = setting(
        default_factory=list, about="The vehicles whose rows it sees as DATA_ANALYST.", allowed="vehicle_id values"
    )


class PlatformSettings(_Section):
    """The `logistics:` keys of a stack file."""

    environment: Literal["dev", "staging", "prod"] = setting(
        about="Which environment this stack is; names its warehouse (COMPUTE_WH_DEV and so on)."
    )
    name_suffix: Suffix = setting(
        "",
        about="Put behind the names of the database, warehouses, monitor, roles and users, so that several stacks share one account.",
        allowed="letters, digits and _",
    )
    warehouse_size: WarehouseSize = setting(
        about="Size of the environment's warehouse.", allowed=", ".join(WAREHOUSE_SIZES)
    )
    auto_suspend_seconds: int = setting(
        60, about="Idle seconds after which a warehouse is suspended.", allowed="30 to 86400", ge=30, le=86400
    )
    warehouse_auto_suspend_seconds: int | None = setting(
        None,
        about="The same of the environment's warehouse alone; none given: `autoSuspendSeconds`.",
        allowed="30 to 86400",
        ge=30,
        le=86400,
    )
    xs_auto_suspend_seconds: int | None = setting(
        None,
        about="The same of COMPUTE_WH_XS alone; none given: `autoSuspendSeconds`.",
        allowed="30 to 86400",
        ge=30,
        le=86400,
    )
    multi_cluster_auto_suspend_seconds: int | None = setting(
        None,
        about="The same of COMPUTE_WH_MULTI alone; none given: `autoSuspendSeconds`.",
        allowed="30 to 86400",
        ge=30,
        le=86400,
    )
    warehouse_max_clusters: int = setting(
        1,
        about="Most clusters of the environment's warehouse; above 1 needs an edition with multi-cluster warehouses.",
        allowed="1 to 10",
        ge=1,
        le=10,
    )
    multi_cluster_size: WarehouseSize = setting(
        "MEDIUM", about="Size of COMPUTE_WH_MULTI.", allowed=", ".join(WAREHOUSE_SIZES)
    )
    multi_cluster_max_clusters: int = setting(
        10,
        about="Most clusters of COMPUTE_WH_MULTI; 1 on an edition without multi-cluster warehouses.",
        allowed="1 to 10",
        ge=1,
        le=10,
    )
    cost_monitor: Literal["deployed", "account"] = setting(
        "deployed",
        about="Who bounds the spend: the deployment, by daily_cost_monitor on its warehouses, which takes ACCOUNTADMIN; or a monitor "
        "of the whole account, which an administrator made (sql/account/cost_monitor.sql).",
        allowed="deployed, account",
    )
    daily_credit_quota: int = setting(
        100,
        about="Credits a day that daily_cost_monitor allows the environment's warehouse, or the account.",
        allowed="1 or more",
        ge=1,
    )
    monitor_notify_users: list[Identifier] = setting(
        default_factory=list,
        about="Users whom the monitor notifies (each needs a verified e-mail address).",
        allowed=_IDENTIFIER_FORM,
    )
    credit_price_usd: Annotated[Decimal, BeforeValidator(_price)] = setting(
        Decimal("3.00"),
        about="Price of one credit in USD, for vw_cost_monitoring.",
        allowed="0.01 to 100",
        ge=Decimal("0.01"),
        le=100,
    )
    storage_price_usd: Annotated[Decimal, BeforeValidator(_price)] = setting(
        Decimal("23.00"),
        about="Price of a terabyte of storage a month in USD, for what the optimizer says of unused tables.",
        allowed="0.01 to 1000",
        ge=Decimal("0.01"),
        le=1000,
    )
    slow_statement_seconds: int = setting(
        60,
        about="Seconds above which the optimizer calls a statement slow (95th percentile of its runs).",
        allowed="1 to 172800",
        ge=1,
        le=172800,
    )
    max_warehouse_size: WarehouseSize = setting(
        "X-LARGE",
        about="Largest size that `logistics optimize --apply` may write.",
        allowed=", ".join(WAREHOUSE_SIZES),
    )
    max_clusters: int = setting(
        10, about="Most clusters that `logistics optimize --apply` may write.", allowed="1 to 10", ge=1, le=10
    )
    min_auto_suspend_seconds: int = setting(
        60,
        about="Least idle seconds before suspension that `logistics optimize --apply` may write.",
        allowed="30 to 86400",
        ge=30,
        le=86400,
    )
    segments_trigger: Literal["stream", "cron"] = setting(
        "stream",
        about="What starts update_customer_segments: the stream's data, at once, or the schedule of `segmentsCron` when there is data.",
    )
    segments_cron: Cron = setting(
        "*/5 * * * * UTC", about="Schedule of update_customer_segments where the trigger is `cron`.", allowed=_CRON_FORM
    )
    audit_cron: Cron = setting(
        "*/15 * * * * UTC", about="Schedule of fill_audit_log, which fills audit_log.", allowed=_CRON_FORM
    )
    models_cron: Cron = setting(
        "30 3 * * * UTC",
        about="Schedule of watch_models, which scores, compares and watches the models.",
        allowed=_CRON_FORM,
    )
    models_psi_threshold: float = setting(
        0.2, about="Population stability index from which a model's input has drifted.", allowed="0 to 10", ge=0, le=10
    )
    models_ks_threshold: float = setting(
        0.1, about="Kolmogorov-Smirnov distance from which a model's input has drifted.", allowed="0 to 1", ge=0, le=1
    )
    models_drift_alpha: float = setting(
        0.01,
        about="Most probable rate of checks that find drift where there is none.",
        allowed="0.000001 to 0.5",
        ge=1e-6,
        le=0.5,
    )
    models_performance_drop: float = setting(
        0.2, about="Share by which a serving model's loss may rise above its holdout's.", allowed="0 to 10", ge=0, le=10
    )
    models_max_age_days: int = setting(
        30,
        about="Days after its training after which a serving model is trained anew.",
        allowed="1 to 3650",
        ge=1,
        le=3650,
    )
    models_latency_milliseconds: int = setting(
        500, about="Most milliseconds in which a model may score 1,000 rows.", allowed="1 to 60000", ge=1, le=60000
    )
    models_fairness_gap: float = setting(
        0.5,
        about="Share by which a model may fare worse for one customer tier than for all others.",
        allowed="0 to 10",
        ge=0,
        le=10,
    )
    models_step_back: float = setting(
        0.02,
        about="Share by which a new version may fare worse than the serving one on the same rows.",
        allowed="0 to 1",
        ge=0,
        le=1,
    )
    statement_timeout_seconds: int = setting(
        3600,
        about="Seconds after which a running statement is cancelled, on every warehouse.",
        allowed="1 to 172800",
        ge=1,
        le=172800,
    )
    queued_timeout_seconds: int = setting(
        600,
        about="Seconds after which a statement that waits for a warehouse is cancelled; 0 lets it wait.",
        allowed="0 to 172800",
        ge=0,
        le=172800,
    )
    task_timeout_seconds: int = setting(
        3600,
        about="Seconds after which a run of a task is cancelled.",
        allowed="1 to 604800",
        ge=1,
        le=604800,
    )
    task_error_integration: str = setting(
        "",
        about="The notification integration, for a queue, that tells of failed tasks; none given: nobody is told.",
        allowed=f"none or {_IDENTIFIER_FORM}",
        pattern=r"^$|^[A-Za-z_][A-Za-z0-9_$]*$",
    )
    approved_weakenings: list[str] = setting(
        default_factory=list,
        about="Protections that the next deployment may weaken, by the names that the policy pack gives them.",
        allowed="names from the policy protection-not-weakened",
    )
    deploy_email_integration: str = setting(
        "",
        about="The notification integration of type EMAIL that mails how deployments and rollbacks ended; none given: nobody is mailed.",
        allowed=f"none or {_IDENTIFIER_FORM}",
        pattern=r"^$|^[A-Za-z_][A-Za-z0-9_$]*$",
    )
    deploy_email_to: list[Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+$")]] = setting(
        default_factory=list,
        about="The addresses of those mails, as the integration allows them.",
        allowed="e-mail addresses",
    )
    quality_email_integration: str = setting(
        "",
        about="The notification integration of type EMAIL that mails critical quality alerts; none given: nobody is mailed.",
        allowed=f"none or {_IDENTIFIER_FORM}",
        pattern=r"^$|^[A-Za-z_][A-Za-z0-9_$]*$",
    )
    quality_email_to: list[Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+$")]] = setting(
        default_factory=list,
        about="The addresses of those mails, as the integration allows them.",
        allowed="e-mail addresses",
    )
    result_cache: bool = setting(
        True,
        about="Whether users are answered from the result cache where a result is unchanged.",
        allowed="true, false",
    )
    allowed_networks: list[Network] = setting(
        default_factory=list,
        about="IPv4 networks from which the users below may log in; none given: from everywhere.",
        allowed="IPv4 addresses or networks, such as 192.0.2.0/24",
    )
    authentication_methods: list[AuthenticationMethod] = setting(
        default_factory=list,
        about="How the users below may log in; none given: as the account allows.",
        allowed=", ".join(AUTHENTICATION_METHODS),
    )
    password_min_length: int = setting(
        14, about="Least length of the users' passwords, where they have one.", allowed="8 to 256", ge=8, le=256
    )
    max_retention_days: int = setting(
        1,
        about="Upper bound of the contracts' Time Travel retention, in days (above 1 needs Enterprise edition).",
        allowed="0 to 90",
        ge=0,
        le=90,
    )
    protect_stateful: bool = setting(
        False,
        about="Whether Pulumi refuses to delete what holds data: the database, schemas, tables and stage.",
        allowed="true, false",
    )
    users: list[UserSettings] = setting(
        default_factory=list,
        about="Users of this environment and what they may see.",
        allowed="a list; see the keys of a user below",
    )

    @model_validator(mode="before")
    @classmethod
    def _decode(cls, values: Any) -> Any:
        """Turns the JSON text in which Pulumi hands lists to a program back into lists."""
        return {key: decoded(value) for key, value in values.items()} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _no_user_twice(self) -> PlatformSettings:
        names = [user.name for user in self.users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"users: {', '.join(twice)} named twice")
        return self

    @property
    def model_limits(self) -> dict[str, dict[str, float]]:
        """The limits of the models' gates and drift, by the names of logistics.ml.core."""
        return {
            "gates": {
                "latency_milliseconds": self.models_latency_milliseconds,
                "fairness_gap": self.models_fairness_gap,
                "step_back": self.models_step_back,
            },
            "drift": {
                "psi": self.models_psi_threshold,
                "ks": self.models_ks_threshold,
                "alpha": self.models_drift_alpha,
                "performance_drop": self.models_performance_drop,
                "age_days": self.models_max_age_days,
            },
        }

    def named(self, name: str) -> str:
        """Returns the Snowflake name of an account-level object: upper case, with the stack's suffix."""
        return f"{name.upper()}{self.name_suffix}"

    @property
    def database(self) -> str:
        """The name of the platform's database."""
        return self.named("logistics")

    @property
    def warehouse(self) -> str:
        """The name of the environment's warehouse."""
        return self.named(f"compute_wh_{self.environment}")


class AccountSettings(BaseModel):
    """The `snowflake:` keys of a stack file that this project itself reads; the plugin checks the values of the others."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

    organization_name: str = setting(
        about=f"The account's organization; `{LOCAL_ORGANIZATION}` is the local Snowflake.",
        allowed="an organization",
        min_length=1,
    )
    account_name: str = setting(about="The account's name within the organization.", allowed="an account", min_length=1)
    user: str = setting(about="The user that deploys.", allowed="a user", min_length=1)
    role: str = setting(
        about="The role that deploys; it must be able to create roles, warehouses and monitors.",
        allowed="a role",
        min_length=1,
    )
    preview_features_enabled: list[str] = setting(
        about="Preview features of the Snowflake plugin that the program uses.",
        allowed="a list with " + ", ".join(PREVIEW_FEATURES),
    )

    @model_validator(mode="before")
    @classmethod
    def _decode(cls, values: Any) -> Any:
        """Turns JSON text back into lists."""
        return {key: decoded(value) for key, value in values.items()} if isinstance(values, dict) else values

    @property
    def is_local(self) -> bool:
        """Whether the account lives in the local Snowflake."""
        return self.organization_name.upper() == LOCAL_ORGANIZATION

    @property
    def account(self) -> str:
        """The account identifier to log in with: ORGANIZATION-ACCOUNT."""
        return f"{self.organization_name}-{self.account_name}".upper()


class StackSettings(_Section):
    """All settings of one stack."""

    stack: str
    file: str
    account: AccountSettings
    platform: PlatformSettings
