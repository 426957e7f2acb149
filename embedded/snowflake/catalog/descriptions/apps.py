"""Alerts and streamlits."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.descriptions.integrations import missing
from embedded.snowflake.catalog.kinds import Definition, Kind, kind_of, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import ShowClauses, answer, columns, prop
from embedded.snowflake.catalog.tags import change
from embedded.snowflake.catalog.values import Property, identifier, identifiers, text
from embedded.snowflake.errors import SnowflakeError, unsupported
from embedded.snowflake.names import ObjectName
from embedded.snowflake.scheduler.schedule import parse_schedule
from embedded.snowflake.security.privileges import holds, reach, require, role_closure
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session


def _settle_alert(session: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    """Check the schedule, and that the warehouse may be used.

    Raises:
        SnowflakeError: the schedule is none (001008) or missing (an alert on new data, 000002), or no such warehouse (002003).
    """
    properties = item.body["properties"]
    if not properties.get("SCHEDULE"):
        raise unsupported("ALERT without SCHEDULE (an alert on new data)")
    if "SCHEDULE" in keys:
        parse_schedule(properties["SCHEDULE"])
    if properties.get("WAREHOUSE") and "WAREHOUSE" in keys:
        reach(session, "WAREHOUSE", ObjectName(None, None, properties["WAREHOUSE"]), "USAGE")


def _read_alert(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    from embedded.snowflake.statements.objects import read_definition

    definition = read_definition(session, tokens, kind_of("ALERT"))
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
                _check_owner_may_execute(session, item)
            if item.body["state"] != state:
                since = session.account.clock.now().isoformat()
                change(session, item, lambda body, s=state, t=since: body.update(state=s, since=t))
            session.account.scheduler.wake()
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


def _check_owner_may_execute(session: Session, item: CatalogObject) -> None:
    catalog = session.account.catalog
    privilege = "EXECUTE ALERT" if item.body["properties"].get("WAREHOUSE") else "EXECUTE MANAGED ALERT"
    if not holds(catalog, role_closure(catalog, [item.owner]), privilege, None):
        raise SnowflakeError(
            f"Cannot execute alert, {privilege} privilege must be granted to owner role", 91089, "23001"
        )


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
