"""Alerts and streamlits."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.descriptions.integrations import missing
from embedded.snowflake.catalog.kinds import Definition, Kind, kind_of, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import ShowClauses, answer, columns, prop
from embedded.snowflake.catalog.tags import change
from embedded.snowflake.catalog.values import Property, identifier, identifiers, text
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_MINUTES = re.compile(r"\s*(\d+)\s+MINUTES?\s*\Z", re.IGNORECASE)
_CRON = re.compile(r"\s*USING\s+CRON\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(\S+)\s*\Z", re.IGNORECASE)


def _settle_alert(_: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    schedule = item.body["properties"].get("SCHEDULE")
    if "SCHEDULE" in keys and schedule and not _MINUTES.match(schedule) and not _CRON.match(schedule):
        raise SqlCompilationError(f"invalid value [{schedule}] for parameter 'SCHEDULE'", 1008, "22023")


def _read_alert(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    from embedded.snowflake.statements.objects import read_definition

    definition = read_definition(session, tokens, kind_of("ALERT"))
    absent = [key for key in ("SCHEDULE",) if not definition.body["properties"].get(key)]
    if absent:
        raise missing(*absent)
    tokens.expect("IF", "(", "EXISTS")
    definition.body["condition"] = tokens.skip_parenthesis().strip()
    tokens.expect(")", "THEN")
    definition.body["action"] = tokens.rest()
    if not definition.body["action"]:
        raise tokens.unexpected()
    definition.body["state"] = "suspended"
    return definition


def _alter_alert(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    for word, state in (("RESUME", "started"), ("SUSPEND", "suspended")):
        if tokens.accept(word):
            require(session, "OPERATE", item)
            if state == "started":
                require(session, "EXECUTE ALERT")
            change(session, item, lambda body, state=state: body.update(state=state))
            return True
    if tokens.accept("MODIFY", "CONDITION", "EXISTS"):
        require(session, "OWNERSHIP", item)
        condition = tokens.skip_parenthesis().strip()
        change(session, item, lambda body: body.update(condition=condition))
        return True
    if tokens.accept("MODIFY", "ACTION"):
        require(session, "OWNERSHIP", item)
        action = tokens.rest()
        change(session, item, lambda body: body.update(action=action))
        return True
    return False


_ALERT_SHOW = columns(
    "created_on name database_name schema_name owner comment warehouse schedule state condition action owner_role_type",
    warehouse=prop("WAREHOUSE"),
    schedule=prop("SCHEDULE"),
    state=lambda _, item: item.body["state"],
    condition=lambda _, item: item.body["condition"],
    action=lambda _, item: item.body["action"],
)

register(
    Kind(
        "ALERT",
        "ALERTS",
        properties={"WAREHOUSE": Property(identifier), "SCHEDULE": Property(text)},
        create_privilege="CREATE ALERT",
        privileges=("MONITOR", "OPERATE"),
        show=_ALERT_SHOW,
        describe=lambda session, item: answer(session, _ALERT_SHOW, [item], ShowClauses()),
        read=_read_alert,
        settle=_settle_alert,
        alter=_alter_alert,
    )
)


# -- streamlits


def _read_streamlit(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    from embedded.snowflake.statements.objects import read_definition

    source = tokens.string() if tokens.accept("FROM") else None
    definition = read_definition(session, tokens, kind_of("STREAMLIT"))
    properties = definition.body["properties"]
    if source is not None:
        properties["ROOT_LOCATION"] = source
    absent = [key for key in ("ROOT_LOCATION", "MAIN_FILE") if not properties.get(key)]
    if absent:
        raise missing(*absent)
    definition.body["url_id"] = uuid.uuid4().hex[:20]
    return definition


def _list(key: str) -> Any:
    return lambda _, item: "[" + ", ".join(item.body["properties"].get(key) or []) + "]"


_STREAMLIT_DESCRIBE = columns(
    "name title root_location main_file query_warehouse url_id default_packages user_packages import_urls"
    " external_access_integrations external_access_secrets",
    title=prop("TITLE", None),
    root_location=prop("ROOT_LOCATION"),
    main_file=prop("MAIN_FILE"),
    query_warehouse=prop("QUERY_WAREHOUSE", None),
    url_id=lambda _, item: item.body["url_id"],
    default_packages=lambda *_: "python==3.11.*,streamlit",
    user_packages=lambda *_: "[]",
    import_urls=lambda *_: "[]",
    external_access_integrations=_list("EXTERNAL_ACCESS_INTEGRATIONS"),
    external_access_secrets=lambda *_: "{}",
)

register(
    Kind(
        "STREAMLIT",
        "STREAMLITS",
        properties={
            "ROOT_LOCATION": Property(text),
            "MAIN_FILE": Property(text),
            "QUERY_WAREHOUSE": Property(identifier),
            "TITLE": Property(text),
            "EXTERNAL_ACCESS_INTEGRATIONS": Property(identifiers),
        },
        create_privilege="CREATE STREAMLIT",
        privileges=("USAGE",),
        show=columns(
            "created_on name database_name schema_name title owner comment query_warehouse url_id owner_role_type",
            title=prop("TITLE", None),
            query_warehouse=prop("QUERY_WAREHOUSE", None),
            url_id=lambda _, item: item.body["url_id"],
        ),
        describe=lambda session, item: answer(session, _STREAMLIT_DESCRIBE, [item], ShowClauses()),
        read=_read_streamlit,
    )
)
