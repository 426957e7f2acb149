"""What a contract says: tables with their columns, keys, protection and readers; roles with their reach."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

POLICY_COLUMNS = {"customer_id": "customer_data_policy", "vehicle_id": "vehicle_data_policy"}
"""The column that makes a table carry protected rows, and the policy that then filters it; the first one wins."""


def _data_type(value: Any) -> str:
    """Checks a Snowflake data type and returns it in upper case."""
    # Not at the head: where declarations are kept from the last run, nothing is parsed.
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse_one(str(value), into=exp.DataType, dialect="snowflake")
    except SqlglotError:
        parsed = None
    if not isinstance(parsed, exp.DataType) or parsed.this == exp.DataType.Type.USERDEFINED:
        raise ValueError(f"{value!r} is no Snowflake data type")
    return " ".join(str(value).upper().split())


DataType = Annotated[str, BeforeValidator(_data_type)]
AccessLevel = Literal["read", "write", "own"]
ACCESS_LEVELS: tuple[AccessLevel, ...] = ("read", "write", "own")
"""What a role may do in a schema; each level holds those before it."""

Name = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """A column of a table.

    Attributes:
        masking_policy: what hides it.
        pii: the value of its PII tag.
        not_personal_because: why it needs no mask although it is computed from personal data.
        renamed_from: its name before; the rows keep their values (`logistics columns`).
        filled_at: the refresh itself fills it with the time: when the row is made, or whenever it changes.
        accepted: the only values that it may have.
    """

    name: Name
    type: DataType
    comment: str = ""
    nullable: bool = True
    masking_policy: Name | None = None
    pii: Name | None = None
    not_personal_because: str | None = None
    renamed_from: Name | None = None
    filled_at: Literal["creation", "change"] | None = None
    accepted: list[str] = []


class ForeignKey(_Part):
    """Columns whose values exist in another table; checked by the quality tests, not enforced by Snowflake."""

    columns: list[Name] = Field(min_length=1)
    references: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")]
    to: list[Name] = Field(min_length=1)


Severity = Literal["info", "warning", "critical"]


class Measured(_Part):
    """What another table has to agree with: an aggregate of its own rows.

    Attributes:
        tolerance: the largest difference that is no failure, in the measure's own unit.
    """

    table: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")]
    measure: str = Field(min_length=1)
    tolerance: float = Field(0.0, ge=0)


class Check(_Part):
    """What holds for a table; exactly one of the kinds below is given.

    Attributes:
        where: rule for rows: a row for which it holds is a failure.
        between: range of `column`, ends included; null leaves an end open. A row without a value passes.
        max_null_share: completeness of `column`: the largest share of rows without a value.
        max_age_hours: freshness: the newest `column`, in UTC, is no older; looked at every 15 minutes.
        min_rows, max_rows: volume.
        equals: consistency: `measure`, an aggregate of this table, agrees with another table's.
        owner: who answers for it; else who answers for the table.
        what_to_do: when it fails.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_ ]*$", max_length=100)]
    severity: Severity = "critical"
    owner: str = ""
    what_to_do: str = ""
    column: Name | None = None
    where: str | None = Field(None, min_length=1)
    between: tuple[float | None, float | None] | None = None
    max_null_share: float | None = Field(None, ge=0, le=1)
    max_age_hours: float | None = Field(None, gt=0)
    min_rows: int | None = Field(None, ge=0)
    max_rows: int | None = Field(None, ge=0)
    measure: str | None = Field(None, min_length=1)
    equals: Measured | None = None

    @property
    def kind(self) -> str:
        """The kind of the check, by what is given."""
        return next(iter(self._kinds()))

    @property
    def failing_rows(self) -> str | None:
        """The condition of a row that fails, or None where the table fails as a whole."""
        if self.between:
            low, high = self.between
            ends = [f"{self.column} {sign} {end:g}" for sign, end in (("<", low), (">", high)) if end is not None]
            return " or ".join(ends)
        return f"{self.column} is null" if self.max_null_share is not None else self.where

    def _kinds(self) -> list[str]:
        given = {
            "rule": self.where,
            "range": self.between,
            "completeness": self.max_null_share,
            "freshness": self.max_age_hours,
            "volume": self.min_rows if self.min_rows is not None else self.max_rows,
            "consistency": self.equals,
        }
        return [kind for kind, value in given.items() if value is not None]

    @model_validator(mode="after")
    def _one_kind(self) -> Check:
        kinds, named = self._kinds(), f"check {self.name}"
        refuse([] if len(kinds) == 1 else [f"{named} gives {' and '.join(kinds) or 'nothing'}: {_ONE_OF}"])
        needs_column = kinds[0] in ("range", "completeness", "freshness")
        refuse([f"{named}: {kinds[0]} needs a column"] if needs_column and not self.column else [])
        refuse([f"{named}: a {kinds[0]} has no column"] if self.column and not needs_column else [])
        refuse([f"{named}: measure and equals go together"] if bool(self.measure) != bool(self.equals) else [])
        ends = [*(self.between or ()), self.min_rows, self.max_rows]
        low, high = ends[:2] if self.between else ends[-2:]
        refuse([f"{named}: an end of between is needed"] if self.between and low is None and high is None else [])
        refuse([f"{named}: {low} is above {high}"] if low is not None and high is not None and low > high else [])
        return self


_ONE_OF = "give one of where, between, max_null_share, max_age_hours, min_rows with max_rows, equals"


class AllowedChanges(_Part):
    """Changes of columns that lose something and are refused unless they stand here by name."""

    drop: list[Name] = []
    change_type: list[Name] = []


class TableContract(_Part):
    """A table as it has to be, and who may read it."""

    table: Name
    schema_name: Name = Field(alias="schema")
    comment: str = Field(min_length=1)
    columns: list[Column] = Field(min_length=1)
    primary_key: list[Name] = []
    foreign_keys: list[ForeignKey] = []
    cluster_by: list[Name] = []
    retention_days: int = Field(1, ge=0, le=90)
    change_tracking: bool = False
    row_access_policy: Name | None = None
    unprotected_because: str | None = None
    readers: list[Name] = []
    engineer_reads_only: bool = False
    appended_by: Name | None = None
    checks: list[Check] = []
    allow: AllowedChanges = AllowedChanges()

    @property
    def full_name(self) -> str:
        """Schema and table, dotted, lower case."""
        return f"{self.schema_name}.{self.table}"

    def column(self, name: str) -> Column | None:
        """Returns the column of that name, if the table has it."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def policy_column(self) -> str | None:
        """The column on which the row access policy is attached."""
        return next((column for column, policy in POLICY_COLUMNS.items() if policy == self.row_access_policy), None)

    @model_validator(mode="after")
    def _consistent(self) -> TableContract:
        names = [column.name for column in self.columns]
        refuse([f"column {name} is declared twice" for name in names if names.count(name) > 1])
        for key, columns in self._column_lists():
            refuse(
                [
                    f"{key} names {column}, which is no column of {self.full_name}"
                    for column in columns
                    if column not in names
                ]
            )
        checks = [check.name for check in self.checks]
        refuse([f"check {name} is declared twice" for name in checks if checks.count(name) > 1])
        self._check_key()
        self._check_masks()
        self._check_row_protection()
        return self

    def _check_key(self) -> None:
        refuse([f"primary key column {name} must not be nullable" for name in self.primary_key if self._nullable(name)])

    def _check_masks(self) -> None:
        refuse(
            [
                f"column {c.name} is tagged pii: {c.pii} but no masking_policy hides it"
                for c in self.columns
                if c.pii and not c.masking_policy
            ]
        )

    def _column_lists(self) -> list[tuple[str, list[str]]]:
        lists = [("primary_key", self.primary_key), ("cluster_by", self.cluster_by)]
        lists += [(f"check {check.name}", [check.column]) for check in self.checks if check.column]
        return lists + [("foreign_keys", key.columns) for key in self.foreign_keys]

    def _nullable(self, name: str) -> bool:
        column = self.column(name)
        return column is not None and column.nullable

    def _check_row_protection(self) -> None:
        """A table with customers' or vehicles' rows is protected, or says why it need not be."""
        needed = next((policy for column, policy in POLICY_COLUMNS.items() if self.column(column)), None)
        if self.row_access_policy and self.row_access_policy not in POLICY_COLUMNS.values():
            raise ValueError(
                f"row_access_policy {self.row_access_policy} is unknown: allowed: {', '.join(POLICY_COLUMNS.values())}"
            )
        if self.unprotected_because and (self.row_access_policy or self.readers):
            raise ValueError("unprotected_because is for a table without row_access_policy and without readers")
        if needed and self.row_access_policy != needed and not self.unprotected_because:
            raise ValueError(f"{self.full_name} carries rows that {needed} protects: set row_access_policy: {needed}")
        if self.policy_column and not self.column(self.policy_column):
            raise ValueError(f"row_access_policy {self.row_access_policy} needs a column {self.policy_column}")


class RoleContract(_Part):
    """A functional role: its place in the hierarchy and where it may work.

    Attributes:
        granted_to: the roles above it.
        access: the level of access to each schema; what is not named is closed.
        warehouses: `environment`, `xs` or `multi`.
        account_privileges: such as EXECUTE TASK.
        owns_tasks_in: schemas whose tasks run as this role; those of other schemas run as DATA_ENGINEER.
    """

    comment: str
    granted_to: list[Name] = Field(min_length=1)
    access: dict[Name, AccessLevel] = {}
    warehouses: list[Name] = []
    account_privileges: list[str] = []
    owns_tasks_in: list[Name] = []


class AccessContract(_Part):
    """The roles of the platform and the schemas of its database."""

    schemas: dict[Name, str]
    tag_masks: list[Name] = []
    roles: dict[Name, RoleContract]

    def readers_of(self, schema: str) -> set[str]:
        """Returns the functional roles that may read a schema and no more."""
        return {name for name, role in self.roles.items() if role.access.get(schema) == "read"}

    @property
    def access_roles(self) -> dict[str, tuple[str, AccessLevel]]:
        """Schema and level of each access role that some functional role needs, by name, lower levels first."""
        return {
            f"{schema}_{level}": (schema, level)
            for schema in self.schemas
            for level in ACCESS_LEVELS
            if any(
                ACCESS_LEVELS.index(level) <= ACCESS_LEVELS.index(role.access[schema])
                for role in self.roles.values()
                if schema in role.access
            )
        }

    @model_validator(mode="after")
    def _reach(self) -> AccessContract:
        for name, role in self.roles.items():
            refuse(
                [
                    f"role {name} works in {schema}, which is no schema"
                    for schema in (*role.access, *role.owns_tasks_in)
                    if schema not in self.schemas
                ]
            )
            refuse(
                [
                    f"role {name} is granted to {up}, which is no role"
                    for up in role.granted_to
                    if up not in (*self.roles, *_BUILT_IN)
                ]
            )
            refuse([f"role {name} uses {wh}, which is no warehouse" for wh in role.warehouses if wh not in WAREHOUSES])
        return self


_BUILT_IN = ("sysadmin", "useradmin", "securityadmin", "accountadmin")
WAREHOUSES = ("environment", "xs", "multi")
"""The warehouses that a role may use: the environment's, COMPUTE_WH_XS, COMPUTE_WH_MULTI."""


def refuse(problems: list[str]) -> None:
    """Refuses the contract for the first of the problems, if there is one."""
    if problems:
        raise ValueError(problems[0])
