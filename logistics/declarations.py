"""Everything the platform declares, read from sql/ and checked together for one stack."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from logistics.contracts import AccessContract, TableContract, load_access
from logistics.errors import ContractError, SettingsError, SqlFileError
from logistics.kept import kept, stamps
from logistics.ml.objects import CodeObject, load_objects
from logistics.modelling import Models
from logistics.quality.checks import Alert, Quality
from logistics.settings import StackSettings
from logistics.sql import Identifier, Literal, SqlFiles, SqlObject, TaskFile, Values


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """Tables, access, SQL objects and models of the platform, consistent with each other and with the stack's settings.

    `tables` and `sql` hold those of the models too.
    """

    tables: dict[str, TableContract]
    access: AccessContract
    sql: SqlFiles
    models: Models
    quality: Quality
    alert: Alert
    code_objects: list[CodeObject]


def placeholder_values(settings: StackSettings, access: AccessContract) -> Values:
    """Returns what SQL files may name: the database, the price of a credit, and each role's name as a text literal."""
    platform = settings.platform
    roles = {role: Literal(value=platform.named(role)) for role in access.roles}
    audit_schedule = f"USING CRON {platform.audit_cron}"
    return {
        "database": Identifier(name=platform.database),
        "audit_schedule": Literal(value=audit_schedule),
        "models_schedule": Literal(value=f"USING CRON {platform.models_cron}"),
        "models_options": Literal(value=json.dumps({"limits": platform.model_limits})),
        "database_name": Literal(value=platform.database),
        "credit_price_usd": Literal(value=platform.credit_price_usd),
        **roles,
    }


def load_declarations(root: Path, settings: StackSettings) -> Declarations:
    """Reads every contract and SQL file under `root` for one stack; once, while neither the files of sql/ nor this code change.

    Raises:
        ContractError, SqlFileError: a file is wrong; names file and line.
        SettingsError: the stack file names a role that does not exist.
    """
    stamp = (str(root.resolve()), settings.file, settings.platform, stamps(root / "sql"))
    for known, declared in _loaded:
        if known == stamp:
            return declared
    declared = kept(root, f"declarations-{settings.stack}", stamp, lambda: _load(root, settings))
    _loaded.append((stamp, declared))
    return declared


# A command's steps each want them: compiling takes a third of a second. Four: a stack and those it is compared with.
_loaded: deque[tuple[tuple[Any, ...], Declarations]] = deque(maxlen=4)


def _load(root: Path, settings: StackSettings) -> Declarations:
    # Only where they are read anew: the parser alone takes a fifth of a second to import.
    from logistics.modelling.compiler import compile_models
    from logistics.quality.declared import collect
    from logistics.quality.tasks import quality_alert, quality_tasks
    from logistics.sql.load import load_sql

    access = load_access(root)
    values = placeholder_values(settings, access)
    written = load_sql(root, values)
    models = compile_models(root, settings.platform.database, values, written.streams, written.views)
    quality = collect(root, models, list(written.views), values, settings.platform.database)
    tables, sql = dict(models.tables), _with_models(written, models, quality_tasks(quality))
    for contract in models.kept.values():
        _check_table(contract, access, sql, models)
    known = {*models.kept, *sql.views, *sql.streams}
    for sql_object in (*sql.views.values(), *sql.masking_policies.values(), *sql.row_access_policies.values()):
        _check_object(sql_object, known, access, settings.platform.database)
    for sql_object in (*sql.streams.values(), *sql.tasks.values()):
        _check_object(sql_object, known, access, settings.platform.database)
    _check_users(settings, access)
    platform = settings.platform
    return Declarations(
        tables=tables,
        access=access,
        sql=sql,
        models=models,
        quality=quality,
        alert=quality_alert(platform.database, platform.quality_email_integration, platform.quality_email_to),
        code_objects=load_objects(root, platform.database),
    )


def _with_models(written: SqlFiles, models: Models, checking: Mapping[str, TaskFile]) -> SqlFiles:
    """Returns the objects of sql/, those that come from the models, and the tasks that check the data's quality."""
    for name in sorted({*written.tasks} & {*models.tasks}):
        raise SqlFileError(written.tasks[name].file, 1, f"{name} is the task of a model too: {models.tasks[name].file}")
    return replace(
        written,
        views=dict(sorted({**written.views, **models.views}.items())),
        streams=dict(sorted({**written.streams, **models.streams}.items())),
        tasks=dict(sorted({**written.tasks, **models.tasks, **checking}.items())),
    )


def local_name(name: str, database: str) -> str:
    """Returns `schema.name` for a table of the platform's database; other databases' tables keep their full name."""
    first, _, rest = name.partition(".")
    return rest if first == database.lower() and "." in rest else name


def _check_table(contract: TableContract, access: AccessContract, sql: SqlFiles, models: Models) -> None:
    model = models.models.get(contract.full_name)
    file = model.contract_file if model else Path("sql/tables", contract.schema_name, f"{contract.table}.yaml")
    masks = {name.split(".")[1] for name in sql.masking_policies}
    policies = {name.split(".")[1] for name in sql.row_access_policies}
    wanted_masks = {column.masking_policy for column in contract.columns if column.masking_policy}
    _refuse(file, "schema", {contract.schema_name}, access.schemas)
    _refuse(file, "reader", {*contract.readers, *({contract.appended_by} - {None})}, access.roles)
    _check_readers(file, contract.full_name, contract.readers, access)
    _refuse(file, "masking policy", wanted_masks, masks)
    _refuse(file, "row access policy", {contract.row_access_policy} - {None}, policies)


def _refuse(file: Path, what: str, wanted: set, known: Iterable[str]) -> None:
    missing = sorted(wanted - set(known))
    if missing:
        raise ContractError(file, None, f"unknown {what} {missing[0]}: allowed: {', '.join(sorted(known))}")


def _check_readers(file: Path, name: str, readers: Iterable[str], access: AccessContract) -> None:
    """A table or view is read by all who read its schema, or by none of them; roles that write are no readers."""
    holders = access.readers_of(name.split(".")[0])
    if readers and set(readers) != holders:
        raise ContractError(
            file, None, f"readers of {name} must be the roles that read its schema: {', '.join(sorted(holders))}"
        )


def _check_object(sql_object: SqlObject, known: set[str], access: AccessContract, database: str) -> None:
    for name in sorted(sql_object.reads):
        if not name.startswith("snowflake.") and local_name(name, database) not in known:
            raise SqlFileError(
                sql_object.file, None, f"{sql_object.name} reads {name}, which this platform does not declare"
            )
    for role in sql_object.readers:
        if role not in access.roles:
            raise SqlFileError(sql_object.file, 1, f"unknown reader {role}: allowed: {', '.join(sorted(access.roles))}")
    _check_readers(sql_object.file, sql_object.name, sql_object.readers, access)
    if sql_object.name.split(".")[0] not in access.schemas:
        raise SqlFileError(
            sql_object.file, None, f"unknown schema in {sql_object.name}: allowed: {', '.join(access.schemas)}"
        )


def _check_users(settings: StackSettings, access: AccessContract) -> None:
    for position, user in enumerate(settings.platform.users):
        if user.role.lower() not in access.roles:
            allowed = ", ".join(role.upper() for role in access.roles)
            raise SettingsError(
                f"{settings.file}: logistics:users[{position}].role is {user.role!r}: allowed: {allowed}"
            )
