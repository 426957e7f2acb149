"""Rows of the system views that come from the catalog, as dictionaries by column name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import retention_days
from embedded.snowflake.catalog.policies import default_text
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.catalog.tables import columns as table_columns
from embedded.snowflake.security.privileges import role_name, visible

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context

Row = dict[str, Any]
RELATION_TYPES = {
    "TABLE": "BASE TABLE",
    "VIEW": "VIEW",
    "MATERIALIZED VIEW": "MATERIALIZED VIEW",
    "DYNAMIC TABLE": "BASE TABLE",
    "EXTERNAL TABLE": "EXTERNAL TABLE",
    "EVENT TABLE": "EVENT TABLE",
}


class Reader:
    """Walks the catalog for a view: one database or all, dropped objects too or not, only what the roles may see."""

    def __init__(self, context: Context, databases: list[CatalogObject] | None, *, with_dropped: bool) -> None:
        self.context = context
        self.catalog = context.account.catalog
        self.with_dropped = with_dropped
        self._databases = databases

    def databases(self) -> list[CatalogObject]:
        """The databases of the view, or all."""
        return self._databases or self.all("DATABASE")

    def schemas(self) -> list[CatalogObject]:
        """The schemas in them."""
        return self._inside("SCHEMA", {item.oid for item in self.databases()})

    def objects(self, *kinds: str) -> list[CatalogObject]:
        """The objects of these kinds in the schemas."""
        containers = {item.oid for item in self.schemas()}
        return [item for kind in kinds for item in self._inside(kind, containers)]

    def _inside(self, kind: str, containers: set[int]) -> list[CatalogObject]:
        own = (None, self.context.session.id)
        found = [
            item
            for item in self.all(kind)
            if item.container in containers and item.body.get("temporary_session") in own
        ]
        return found if self.with_dropped else [item for item in found if visible(self.context.session, item)]

    def all(self, kind: str) -> list[CatalogObject]:
        """All objects of a kind in the account."""
        return self.catalog.ever(kind) if self.with_dropped else self.catalog.all(kind)

    def place(self, item: CatalogObject) -> tuple[CatalogObject, CatalogObject]:
        """The database and schema of an object."""
        schema = self.catalog.get(item.container)
        return self.catalog.get(schema.container), schema

    def base(self, item: CatalogObject, prefix: str) -> Row:
        """What views say of every object of a schema: names with a prefix (`TABLE_CATALOG` …), owner, times, comment."""
        database, schema = self.place(item)
        return {
            f"{prefix}_CATALOG": database.name,
            f"{prefix}_SCHEMA": schema.name,
            f"{prefix}_NAME": item.name,
            f"{prefix}_OWNER": role_name(self.catalog, item.owner) or None,
            f"{prefix}_ID": item.oid,
            f"{prefix}_SCHEMA_ID": schema.oid,
            f"{prefix}_CATALOG_ID": database.oid,
            **self.times(item),
        }

    def times(self, item: CatalogObject) -> Row:
        """When an object was made, changed and dropped, and its comment."""
        created = item.created_on.astimezone(UTC)
        return {
            "CREATED": created,
            "LAST_ALTERED": created,
            "LAST_DDL": created,
            "LAST_DDL_BY": role_name(self.catalog, item.owner) or None,
            "DELETED": item.dropped_on,
            "COMMENT": item.comment or None,
            "OWNER_ROLE_TYPE": "ROLE",
        }


def yes(flag: Any) -> str:
    """YES or NO."""
    return "YES" if flag else "NO"


def tables(reader: Reader) -> Iterator[Row]:
    """TABLES: tables and views of all kinds."""
    for item in reader.objects(*RELATION_TYPES):
        body, is_table = item.body, item.kind in ("TABLE", "DYNAMIC TABLE")
        temporary = body.get("temporary_session")
        yield {
            **reader.base(item, "TABLE"),
            "TABLE_TYPE": "LOCAL TEMPORARY" if temporary else RELATION_TYPES[item.kind],
            "IS_TRANSIENT": yes(body.get("transient")),
            "CLUSTERING_KEY": f"LINEAR({', '.join(body['cluster_by'])})" if body.get("cluster_by") else None,
            "ROW_COUNT": _row_count(reader, item) if is_table and item.dropped_on is None else None,
            "BYTES": _byte_count(reader, item) if is_table and item.dropped_on is None else None,
            "RETENTION_TIME": retention_days(reader.catalog, item) if is_table else None,
            "IS_INSERTABLE_INTO": "YES",
            "IS_TYPED": "YES",
            "AUTO_CLUSTERING_ON": yes(body.get("cluster_by")),
            "IS_TEMPORARY": yes(temporary),
            "IS_ICEBERG": "NO",
            "IS_DYNAMIC": yes(item.kind == "DYNAMIC TABLE"),
            "IS_HYBRID": "NO",
        }


def _row_count(reader: Reader, item: CatalogObject) -> int:
    from embedded.snowflake.statements.physical import row_count

    return row_count(reader.context.session, item)


def _byte_count(reader: Reader, item: CatalogObject) -> int:
    from embedded.snowflake.statements.physical import byte_count

    return byte_count(reader.context.session, item)


_DATA_TYPES = {"VARCHAR": "TEXT"}


def columns(reader: Reader) -> Iterator[Row]:
    """COLUMNS: of tables and views."""
    for item in reader.objects(*RELATION_TYPES):
        base = reader.base(item, "TABLE")
        for place, column in enumerate(table_columns(item), 1):
            yield {**base, **_column(column, place)}


def _column(column: TableColumn, place: int) -> Row:
    kind, identity = column.type, column.identity or {}
    is_text = kind.kind in ("VARCHAR", "BINARY")
    return {
        "COLUMN_ID": column.id,
        "COLUMN_NAME": column.name,
        "ORDINAL_POSITION": place,
        "COLUMN_DEFAULT": default_text(column),
        "IS_NULLABLE": yes(column.nullable),
        "DATA_TYPE": _DATA_TYPES.get(kind.kind, kind.kind),
        "CHARACTER_MAXIMUM_LENGTH": kind.length if is_text else None,
        "CHARACTER_OCTET_LENGTH": (min(kind.length * 4, 16_777_216) if kind.kind == "VARCHAR" else kind.length)
        if is_text and kind.length
        else None,
        "NUMERIC_PRECISION": kind.precision if kind.kind == "NUMBER" else None,
        "NUMERIC_PRECISION_RADIX": 10 if kind.kind == "NUMBER" else None,
        "NUMERIC_SCALE": kind.scale if kind.kind == "NUMBER" else None,
        "DATETIME_PRECISION": kind.precision if kind.kind.startswith("TIME") else 0 if kind.kind == "DATE" else None,
        "COLLATION_NAME": column.collation,
        "IS_SELF_REFERENCING": "NO",
        "IS_IDENTITY": yes(column.identity),
        "IDENTITY_GENERATION": "BY DEFAULT" if column.identity else None,
        "IDENTITY_START": str(identity["start"]) if identity else None,
        "IDENTITY_INCREMENT": str(identity["increment"]) if identity else None,
        "IDENTITY_CYCLE": "NO" if identity else None,
        "IDENTITY_ORDERED": yes(identity.get("order")) if identity else None,
        "COMMENT": column.comment or None,
    }


def views(reader: Reader) -> Iterator[Row]:
    """VIEWS: the definition is told to the owner's role only when the view is secure."""
    active = reader.context.roles
    for item in reader.objects("VIEW", "MATERIALIZED VIEW"):
        hidden = item.body.get("secure") and item.owner not in active
        yield {
            **reader.base(item, "TABLE"),
            "VIEW_DEFINITION": None if hidden else item.body.get("text"),
            "CHECK_OPTION": "NONE",
            "IS_UPDATABLE": "NO",
            "INSERTABLE_INTO": "NO",
            "IS_SECURE": yes(item.body.get("secure")),
        }


def schemata(reader: Reader) -> Iterator[Row]:
    """SCHEMATA."""
    for item in reader.schemas():
        yield {
            "CATALOG_NAME": reader.catalog.get(item.container).name,
            "SCHEMA_NAME": item.name,
            "SCHEMA_ID": item.oid,
            "CATALOG_ID": item.container,
            "SCHEMA_OWNER": role_name(reader.catalog, item.owner) or None,
            "IS_TRANSIENT": yes(item.body.get("transient")),
            "IS_MANAGED_ACCESS": yes(item.body.get("managed_access")),
            "RETENTION_TIME": retention_days(reader.catalog, item),
            **reader.times(item),
        }


def databases(reader: Reader) -> Iterator[Row]:
    """DATABASES: all that can be seen, whichever database's INFORMATION_SCHEMA it is."""
    for item in reader.all("DATABASE"):
        if not reader.with_dropped and not visible(reader.context.session, item):
            continue
        yield {
            "DATABASE_ID": item.oid,
            "DATABASE_NAME": item.name,
            "DATABASE_OWNER": role_name(reader.catalog, item.owner) or None,
            "IS_TRANSIENT": yes(item.body.get("transient")),
            "RETENTION_TIME": retention_days(reader.catalog, item),
            "TYPE": "IMPORTED DATABASE" if item.body.get("origin") else "STANDARD",
            **reader.times(item),
        }


def catalog_name(reader: Reader) -> Iterator[Row]:
    """INFORMATION_SCHEMA_CATALOG_NAME."""
    for item in reader.databases():
        yield {"CATALOG_NAME": item.name}


def _constraint_name(constraint: Row, item: CatalogObject, place: int) -> str:
    return constraint.get("name") or f"SYS_CONSTRAINT_{item.oid}_{place}"


def constraints(reader: Reader) -> Iterator[Row]:
    """TABLE_CONSTRAINTS."""
    for item in reader.objects("TABLE"):
        base = reader.base(item, "TABLE")
        for place, constraint in enumerate(item.body.get("constraints", []), 1):
            yield {
                **base,
                "CONSTRAINT_CATALOG": base["TABLE_CATALOG"],
                "CONSTRAINT_SCHEMA": base["TABLE_SCHEMA"],
                "CONSTRAINT_NAME": _constraint_name(constraint, item, place),
                "CONSTRAINT_TYPE": constraint["type"],
                "IS_DEFERRABLE": "NO",
                "INITIALLY_DEFERRED": "YES",
                "ENFORCED": "NO",
                "RELY": yes(constraint.get("rely")),
                "COMMENT": constraint.get("comment"),
            }


def referential_constraints(reader: Reader) -> Iterator[Row]:
    """REFERENTIAL_CONSTRAINTS."""
    for row in constraints(reader):
        if row["CONSTRAINT_TYPE"] == "FOREIGN KEY":
            yield {**row, "MATCH_OPTION": "FULL", "UPDATE_RULE": "NO ACTION", "DELETE_RULE": "NO ACTION"}


def place_names(reader: Reader, item: CatalogObject) -> tuple[str | None, str | None]:
    """The database and schema that an object is in, by name."""
    if item.container == ACCOUNT:
        return None, None
    parent = reader.catalog.get(item.container)
    if parent.container == ACCOUNT:
        return parent.name, None
    return reader.catalog.get(parent.container).name, parent.name


# -- other objects


def sequences(reader: Reader) -> Iterator[Row]:
    """SEQUENCES."""
    for item in reader.objects("SEQUENCE"):
        yield {
            **reader.base(item, "SEQUENCE"),
            "DATA_TYPE": "NUMBER",
            "NUMERIC_PRECISION": 38,
            "NUMERIC_PRECISION_RADIX": 10,
            "NUMERIC_SCALE": 0,
            "START_VALUE": str(item.body.get("start")),
            "INCREMENT": str(item.body.get("increment")),
            "CYCLE_OPTION": "NO",
            "ORDERED": yes(item.body.get("order")),
        }


def stages(reader: Reader) -> Iterator[Row]:
    """STAGES."""
    for item in reader.objects("STAGE"):
        url = item.body.get("properties", {}).get("URL")
        yield {
            **reader.base(item, "STAGE"),
            "STAGE_URL": url,
            "STAGE_TYPE": "External Named" if url else "Internal Named",
        }


def file_formats(reader: Reader) -> Iterator[Row]:
    """FILE_FORMATS."""
    for item in reader.objects("FILE FORMAT"):
        yield {
            **reader.base(item, "FILE_FORMAT"),
            "FILE_FORMAT_TYPE": item.body.get("properties", {}).get("TYPE") or item.body.get("type"),
        }


def functions(reader: Reader) -> Iterator[Row]:
    """FUNCTIONS."""
    return _code(reader, "FUNCTION")


def procedures(reader: Reader) -> Iterator[Row]:
    """PROCEDURES."""
    return _code(reader, "PROCEDURE")


def _code(reader: Reader, kind: str) -> Iterator[Row]:
    from embedded.snowflake.catalog.arguments import signature

    for item in reader.objects(kind):
        returns = item.body["returns"]
        yield {
            **reader.base(item, kind),
            "ARGUMENT_SIGNATURE": signature(item.body["arguments"], names=True),
            "DATA_TYPE": f"TABLE {signature(returns['table'], names=True)}" if isinstance(returns, dict) else returns,
            f"{kind}_LANGUAGE": item.body["language"],
            f"{kind}_DEFINITION": None
            if item.body.get("secure") and item.owner not in reader.context.roles
            else item.body["body"],
        }


def pipes(reader: Reader) -> Iterator[Row]:
    """PIPES."""
    for item in reader.objects("PIPE"):
        yield {
            **reader.base(item, "PIPE"),
            "DEFINITION": item.body.get("definition") or item.body.get("body") or item.body.get("statement"),
            "IS_AUTOINGEST_ENABLED": yes(item.body.get("properties", {}).get("AUTO_INGEST")),
        }


def load_history(reader: Reader) -> Iterator[Row]:
    """LOAD_HISTORY: of the database's tables that can be seen."""
    names = {item.name for item in reader.databases()}
    seen = {(reader.place(item)[1].name, item.name) for item in reader.objects("TABLE")}
    for row in reader.context.account.history.rows("load_history"):
        if row["table_catalog_name"] in names and (row["table_schema_name"], row["table_name"]) in seen:
            yield {
                **{key.upper(): value for key, value in row.items()},
                "SCHEMA_NAME": row["table_schema_name"],
                "FIRST_ERROR_COL_NAME": row["first_error_column_name"],
            }


def storage_metrics(reader: Reader) -> Iterator[Row]:
    """TABLE_STORAGE_METRICS."""
    for item in reader.objects("TABLE"):
        yield {
            **reader.base(item, "TABLE"),
            "ID": item.oid,
            "CLONE_GROUP_ID": item.oid,
            "IS_TRANSIENT": yes(item.body.get("transient")),
            "ACTIVE_BYTES": _byte_count(reader, item) if item.dropped_on is None else 0,
            "TIME_TRAVEL_BYTES": 0,
            "FAILSAFE_BYTES": 0,
            "RETAINED_FOR_CLONE_BYTES": 0,
            "TABLE_CREATED": item.created_on,
            "TABLE_DROPPED": item.dropped_on,
            "DELETED": item.dropped_on is not None,
        }


def packages(_: Reader) -> Iterator[Row]:
    """PACKAGES: what handlers' interpreter has, for any version of Python."""
    from embedded.snowflake.programs.python_code import available_packages

    for name, version in sorted(available_packages().items()):
        yield {"PACKAGE_NAME": name, "VERSION": version, "LANGUAGE": "python"}
