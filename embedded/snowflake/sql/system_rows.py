"""Rows of the system views that come from the catalog, as dictionaries by column name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog import references
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import retention_days
from embedded.snowflake.catalog.policies import default_text
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.catalog.tables import columns as table_columns
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.security.privileges import grants, holds_any, role_closure, role_name, visible

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context

Row = dict[str, Any]
_RELATION_TYPES = {
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
        return self._databases or self._all("DATABASE")

    def schemas(self) -> list[CatalogObject]:
        """The schemas in them."""
        return self._inside("SCHEMA", {item.oid for item in self.databases()})

    def objects(self, *kinds: str) -> list[CatalogObject]:
        """The objects of these kinds in the schemas."""
        containers = {item.oid for item in self.schemas()}
        return [item for kind in kinds for item in self._inside(kind, containers)]

    def _inside(self, kind: str, containers: set[int]) -> list[CatalogObject]:
        found = [item for item in self._all(kind) if item.container in containers]
        return found if self.with_dropped else [item for item in found if visible(self.context.session, item)]

    def _all(self, kind: str) -> list[CatalogObject]:
        if not self.with_dropped:
            return self.catalog.all(kind)
        return self.catalog.ever(kind) if hasattr(self.catalog, "ever") else self.catalog.all(kind)

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


def _yes(flag: Any) -> str:
    return "YES" if flag else "NO"


def tables(reader: Reader) -> Iterator[Row]:
    """TABLES: tables and views of all kinds."""
    for item in reader.objects(*_RELATION_TYPES):
        body, is_table = item.body, item.kind in ("TABLE", "DYNAMIC TABLE")
        temporary = body.get("temporary_session")
        if temporary is not None and temporary != reader.context.session.id:
            continue
        yield {
            **reader.base(item, "TABLE"),
            "TABLE_TYPE": "LOCAL TEMPORARY" if temporary else _RELATION_TYPES[item.kind],
            "IS_TRANSIENT": _yes(body.get("transient")),
            "CLUSTERING_KEY": f"LINEAR({', '.join(body['cluster_by'])})" if body.get("cluster_by") else None,
            "ROW_COUNT": _row_count(reader, item) if is_table and item.dropped_on is None else None,
            "BYTES": _byte_count(reader, item) if is_table and item.dropped_on is None else None,
            "RETENTION_TIME": retention_days(reader.catalog, item) if is_table else None,
            "IS_INSERTABLE_INTO": "YES",
            "IS_TYPED": "YES",
            "AUTO_CLUSTERING_ON": _yes(body.get("cluster_by")),
            "IS_TEMPORARY": _yes(temporary),
            "IS_ICEBERG": "NO",
            "IS_DYNAMIC": _yes(item.kind == "DYNAMIC TABLE"),
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
    for item in reader.objects(*_RELATION_TYPES):
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
        "IS_NULLABLE": _yes(column.nullable),
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
        "IS_IDENTITY": _yes(column.identity),
        "IDENTITY_GENERATION": "BY DEFAULT" if column.identity else None,
        "IDENTITY_START": str(identity["start"]) if identity else None,
        "IDENTITY_INCREMENT": str(identity["increment"]) if identity else None,
        "IDENTITY_CYCLE": "NO" if identity else None,
        "IDENTITY_ORDERED": _yes(identity.get("order")) if identity else None,
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
            "IS_SECURE": _yes(item.body.get("secure")),
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
            "IS_TRANSIENT": _yes(item.body.get("transient")),
            "IS_MANAGED_ACCESS": _yes(item.body.get("managed_access")),
            "RETENTION_TIME": retention_days(reader.catalog, item),
            **reader.times(item),
        }


def databases(reader: Reader) -> Iterator[Row]:
    """DATABASES: all that can be seen, whichever database's INFORMATION_SCHEMA it is."""
    for item in reader._all("DATABASE"):
        if not reader.with_dropped and not visible(reader.context.session, item):
            continue
        yield {
            "DATABASE_ID": item.oid,
            "DATABASE_NAME": item.name,
            "DATABASE_OWNER": role_name(reader.catalog, item.owner) or None,
            "IS_TRANSIENT": _yes(item.body.get("transient")),
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
                "RELY": _yes(constraint.get("rely")),
                "COMMENT": constraint.get("comment"),
            }


def referential_constraints(reader: Reader) -> Iterator[Row]:
    """REFERENTIAL_CONSTRAINTS."""
    for row in constraints(reader):
        if row["CONSTRAINT_TYPE"] == "FOREIGN KEY":
            yield {**row, "MATCH_OPTION": "FULL", "UPDATE_RULE": "NO ACTION", "DELETE_RULE": "NO ACTION"}


# -- privileges


def _grant_rows(reader: Reader, items: list[CatalogObject]) -> Iterator[tuple[CatalogObject, Row]]:
    catalog = reader.catalog
    index = grants(catalog).on
    for item in items:
        if item.owner:
            owner = role_name(catalog, item.owner)
            yield item, _privilege(owner, owner, "OWNERSHIP", True, item.created_on)
        for record in index.get(item.oid, ()):
            granter, grantee = (role_name(catalog, record[key]) or None for key in ("granted_by", "grantee"))
            yield item, _privilege(granter, grantee, record["privilege"], record["grant_option"], record["created_on"])


def _privilege(granter: str | None, grantee: str | None, privilege: str, grantable: bool, created: Any) -> Row:
    from datetime import datetime

    when = datetime.fromisoformat(created) if isinstance(created, str) else created
    return {
        "GRANTOR": granter,
        "GRANTEE": grantee,
        "GRANTED_TO": "ROLE",
        "PRIVILEGE_TYPE": privilege,
        "IS_GRANTABLE": _yes(grantable),
        "CREATED": when,
    }


_GRANTED_KINDS = (
    *_RELATION_TYPES,
    "STREAM",
    "TASK",
    "STAGE",
    "FILE FORMAT",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "PIPE",
    "MASKING POLICY",
    "ROW ACCESS POLICY",
    "TAG",
)


def _granted(reader: Reader) -> list[CatalogObject]:
    return [*reader.databases(), *reader.schemas(), *reader.objects(*_GRANTED_KINDS)]


def _names(reader: Reader, item: CatalogObject) -> tuple[str | None, str | None]:
    """The database and schema that an object is in, by name."""
    if item.container == ACCOUNT:
        return None, None
    parent = reader.catalog.get(item.container)
    if parent.container == ACCOUNT:
        return parent.name, None
    return reader.catalog.get(parent.container).name, parent.name


def object_privileges(reader: Reader) -> Iterator[Row]:
    """OBJECT_PRIVILEGES."""
    for item, row in _grant_rows(reader, _granted(reader)):
        database, schema = _names(reader, item)
        yield {
            **row,
            "OBJECT_CATALOG": database,
            "OBJECT_SCHEMA": schema,
            "OBJECT_NAME": item.name,
            "OBJECT_TYPE": item.kind,
        }


def table_privileges(reader: Reader) -> Iterator[Row]:
    """TABLE_PRIVILEGES."""
    for item, row in _grant_rows(reader, reader.objects(*_RELATION_TYPES)):
        database, schema = _names(reader, item)
        yield {
            **row,
            "TABLE_CATALOG": database,
            "TABLE_SCHEMA": schema,
            "TABLE_NAME": item.name,
            "WITH_HIERARCHY": "NO",
        }


def usage_privileges(reader: Reader) -> Iterator[Row]:
    """USAGE_PRIVILEGES."""
    return (
        row
        for row in object_privileges(reader)
        if row["PRIVILEGE_TYPE"] in ("USAGE", "OWNERSHIP") and row["OBJECT_TYPE"] not in _RELATION_TYPES
    )


def applicable_roles(reader: Reader) -> Iterator[Row]:
    """APPLICABLE_ROLES: those of the session's user."""
    session, catalog = reader.context.session, reader.catalog
    for record in grants(catalog).roles_of.get(session.user, ()):
        role = catalog.get(record["role"])
        yield {
            "GRANTEE": reader.context.user_name,
            "ROLE_NAME": role.name,
            "ROLE_OWNER": role_name(catalog, role.owner),
            "IS_GRANTABLE": "NO",
        }


def enabled_roles(reader: Reader) -> Iterator[Row]:
    """ENABLED_ROLES: the current role and what it inherits."""
    for oid in sorted(role_closure(reader.catalog, [reader.context.session.role])):
        role = reader.catalog.get(oid)
        yield {"ROLE_NAME": role.name, "ROLE_OWNER": role_name(reader.catalog, role.owner)}


def grants_to_roles(reader: Reader) -> Iterator[Row]:
    """GRANTS_TO_ROLES: privileges and roles held by roles."""
    catalog = reader.catalog
    index = grants(catalog)
    for kind in ("DATABASE", "SCHEMA", *_GRANTED_KINDS, "WAREHOUSE", "ROLE", "USER", "INTEGRATION", "RESOURCE MONITOR"):
        for item, row in _grant_rows(reader, catalog.all(kind)):
            database, schema = _names(reader, item)
            yield _granted_row(row, item.kind, item.name, database, schema)
    for record in index.on.get(ACCOUNT, ()):
        row = _privilege(
            role_name(catalog, record["granted_by"]),
            role_name(catalog, record["grantee"]),
            record["privilege"],
            record["grant_option"],
            record["created_on"],
        )
        yield _granted_row(row, "ACCOUNT", reader.context.account.account_name, None, None)
    for role, members in index.members_of.items():
        for record in members:
            grantee = catalog.get(record["grantee"])
            if grantee.kind == "ROLE":
                row = _privilege(
                    role_name(catalog, record["granted_by"]), grantee.name, "USAGE", False, record["created_on"]
                )
                yield _granted_row(row, "ROLE", catalog.get(role).name, None, None)


def _granted_row(row: Row, kind: str, name: str, database: str | None, schema: str | None) -> Row:
    return {
        "CREATED_ON": row["CREATED"],
        "MODIFIED_ON": row["CREATED"],
        "PRIVILEGE": row["PRIVILEGE_TYPE"],
        "GRANTED_ON": kind,
        "NAME": name,
        "TABLE_CATALOG": database,
        "TABLE_SCHEMA": schema,
        "GRANTED_TO": "ROLE",
        "GRANTEE_NAME": row["GRANTEE"],
        "GRANT_OPTION": row["IS_GRANTABLE"] == "YES",
        "GRANTED_BY": row["GRANTOR"],
    }


def grants_to_users(reader: Reader) -> Iterator[Row]:
    """GRANTS_TO_USERS: roles given to users."""
    catalog = reader.catalog
    for role, members in grants(catalog).members_of.items():
        for record in members:
            grantee = catalog.get(record["grantee"])
            if grantee.kind == "USER":
                row = _privilege(
                    role_name(catalog, record["granted_by"]), grantee.name, "USAGE", False, record["created_on"]
                )
                yield {
                    "CREATED_ON": row["CREATED"],
                    "ROLE": catalog.get(role).name,
                    "GRANTED_TO": "USER",
                    "GRANTEE_NAME": grantee.name,
                    "GRANTED_BY": row["GRANTOR"],
                }


def roles(reader: Reader) -> Iterator[Row]:
    """ROLES."""
    for item in reader._all("ROLE"):
        yield {
            "ROLE_ID": item.oid,
            "CREATED_ON": item.created_on,
            "DELETED_ON": item.dropped_on,
            "NAME": item.name,
            "COMMENT": item.comment or None,
            "OWNER": role_name(reader.catalog, item.owner) or None,
            "ROLE_TYPE": "ROLE",
            "OWNER_ROLE_TYPE": "ROLE",
        }


def users(reader: Reader) -> Iterator[Row]:
    """USERS; no secret of them."""
    for item in reader._all("USER"):
        properties = item.body.get("properties", {})
        yield {
            "USER_ID": item.oid,
            "NAME": item.name,
            "CREATED_ON": item.created_on,
            "DELETED_ON": item.dropped_on,
            **{
                key: properties.get(key)
                for key in ("LOGIN_NAME", "DISPLAY_NAME", "FIRST_NAME", "LAST_NAME", "EMAIL", "DEFAULT_WAREHOUSE")
            },
            **{key: properties.get(key) for key in ("DEFAULT_NAMESPACE", "DEFAULT_ROLE", "TYPE")},
            "HAS_PASSWORD": bool(item.body.get("password")),
            "HAS_RSA_PUBLIC_KEY": bool(properties.get("RSA_PUBLIC_KEY")),
            "DISABLED": str(bool(properties.get("DISABLED"))).lower(),
            "COMMENT": item.comment or None,
            "OWNER": role_name(reader.catalog, item.owner) or None,
        }


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
            "ORDERED": _yes(item.body.get("order")),
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
            "IS_AUTOINGEST_ENABLED": _yes(item.body.get("properties", {}).get("AUTO_INGEST")),
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
            "IS_TRANSIENT": _yes(item.body.get("transient")),
            "ACTIVE_BYTES": _byte_count(reader, item) if item.dropped_on is None else 0,
            "TIME_TRAVEL_BYTES": 0,
            "FAILSAFE_BYTES": 0,
            "RETAINED_FOR_CLONE_BYTES": 0,
            "TABLE_CREATED": item.created_on,
            "TABLE_DROPPED": item.dropped_on,
            "DELETED": item.dropped_on is not None,
        }


# -- governance


def policy_references(reader: Reader) -> Iterator[Row]:
    """POLICY_REFERENCES."""
    for row in references.all_policy_references(reader.context.session):
        yield dict(zip(references.POLICY_REFERENCES_COLUMNS, row, strict=True))


def tag_references(reader: Reader) -> Iterator[Row]:
    """TAG_REFERENCES."""
    for row in references.all_tag_references(reader.context.session):
        yield dict(zip(references.TAG_REFERENCES_COLUMNS, row, strict=True))


def tags(reader: Reader) -> Iterator[Row]:
    """TAGS."""
    for item in reader.objects("TAG"):
        database, schema = reader.place(item)
        allowed = item.body.get("allowed_values")
        yield {
            "TAG_ID": item.oid,
            "TAG_NAME": item.name,
            "TAG_SCHEMA_ID": schema.oid,
            "TAG_SCHEMA": schema.name,
            "TAG_DATABASE_ID": database.oid,
            "TAG_DATABASE": database.name,
            "TAG_OWNER": role_name(reader.catalog, item.owner) or None,
            "TAG_COMMENT": item.comment or None,
            "ALLOWED_VALUES": orjson.dumps(allowed).decode() if allowed is not None else None,
            **reader.times(item),
        }


def masking_policies(reader: Reader) -> Iterator[Row]:
    """MASKING_POLICIES."""
    return _policies(reader, "MASKING POLICY")


def row_access_policies(reader: Reader) -> Iterator[Row]:
    """ROW_ACCESS_POLICIES."""
    return _policies(reader, "ROW ACCESS POLICY")


def _policies(reader: Reader, kind: str) -> Iterator[Row]:
    from embedded.snowflake.catalog.arguments import signature

    for item in reader.objects(kind):
        yield {
            **reader.base(item, "POLICY"),
            "POLICY_SIGNATURE": signature(item.body["arguments"], names=True),
            "POLICY_RETURN_TYPE": item.body["returns"],
            "POLICY_BODY": item.body["body"],
            "POLICY_COMMENT": item.comment or None,
        }


def object_dependencies(reader: Reader) -> Iterator[Row]:
    """OBJECT_DEPENDENCIES: what views and dynamic tables read, and the sources of streams."""
    from embedded.snowflake.statements.physical import query_sources

    for item in reader.objects("VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "STREAM"):
        if item.dropped_on is not None:
            continue
        if item.kind == "STREAM":
            sources = {item.body["source"]}
        else:
            try:
                sources = query_sources(reader.context.session, item.body["query"])
            except SnowflakeError:
                continue
        for oid in sorted(sources):
            yield {
                **_dependency(reader, reader.catalog.get(oid), "REFERENCED"),
                **_dependency(reader, item, "REFERENCING"),
                "DEPENDENCY_TYPE": "BY_NAME",
            }


def _dependency(reader: Reader, item: CatalogObject, word: str) -> Row:
    database, schema = _names(reader, item)
    return {
        f"{word}_DATABASE": database,
        f"{word}_SCHEMA": schema,
        f"{word}_OBJECT_NAME": item.name,
        f"{word}_OBJECT_ID": item.oid,
        f"{word}_OBJECT_DOMAIN": item.kind,
    }


def access_history(reader: Reader) -> Iterator[Row]:
    """ACCESS_HISTORY: queries that read or changed objects."""
    for row in reader.context.account.history.rows("query_history"):
        touched = [row["direct_objects_accessed"], row["base_objects_accessed"], row["objects_modified"]]
        if row["execution_status"] != "SUCCESS" or not any(text and text != "[]" for text in touched):
            continue
        yield {
            "QUERY_ID": row["query_id"],
            "QUERY_START_TIME": row["start_time"],
            "USER_NAME": row["user_name"],
            "DIRECT_OBJECTS_ACCESSED": touched[0] or "[]",
            "BASE_OBJECTS_ACCESSED": touched[1] or "[]",
            "OBJECTS_MODIFIED": touched[2] or "[]",
            "POLICIES_REFERENCED": "[]",
            "PARENT_QUERY_ID": row["parent_query_id"],
            "ROOT_QUERY_ID": row["root_query_id"],
        }


def metering_daily(reader: Reader) -> Iterator[Row]:
    """METERING_DAILY_HISTORY: the warehouses' credits by day."""
    days: dict[Any, list[float]] = {}
    for row in reader.context.account.history.rows("warehouse_metering_history"):
        compute, cloud = days.setdefault(row["start_time"].date(), [0.0, 0.0])
        days[row["start_time"].date()] = [
            compute + (row["credits_used_compute"] or 0.0),
            cloud + (row["credits_used_cloud_services"] or 0.0),
        ]
    for day, (compute, cloud) in sorted(days.items()):
        rebate = -min(cloud, compute * 0.1)
        yield {
            "SERVICE_TYPE": "WAREHOUSE_METERING",
            "USAGE_DATE": day,
            "CREDITS_USED_COMPUTE": compute,
            "CREDITS_USED_CLOUD_SERVICES": cloud,
            "CREDITS_USED": compute + cloud,
            "CREDITS_ADJUSTMENT_CLOUD_SERVICES": rebate,
            "CREDITS_BILLED": compute + cloud + rebate,
        }


__all__ = ["Reader", "holds_any"]
