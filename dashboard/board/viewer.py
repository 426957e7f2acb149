"""Who looks, and by which session each query of theirs runs.

There are three ways in. In Snowflake the session is the app's. On a machine it is the connection that `logistics dashboard` was
started with. Where that command was given a file with `[auth]`, everybody signs in first, and a session is opened for each
user of `logistics:users`, with that user's own role.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from board.declared import declared

STACK_VARIABLE = "LOGISTICS_DASHBOARD_STACK"
ROLE_VARIABLE = "LOGISTICS_DASHBOARD_ROLE"
USER_VARIABLE = "LOGISTICS_DASHBOARD_USER"
SIGN_IN_VARIABLE = "LOGISTICS_DASHBOARD_SIGN_IN"
QUERY_TAG = "DASHBOARD"
"""Of every statement, so that what the dashboard costs can be told."""


@dataclass(frozen=True)
class Viewer:
    """Who looks: names the session and the cache's entries. Empty names are those of the connection's defaults."""

    user: str
    role: str
    way: str

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.user or 'the app'} as {self.role or 'its owner role'}"


def in_snowflake() -> bool:
    """Returns whether the app runs in Snowflake; on a machine the command names the stack."""
    return STACK_VARIABLE not in os.environ


def current_viewer() -> Viewer | None:
    """Returns who looks, or None after showing the sign-in page (or why the one who signed in sees nothing)."""
    if in_snowflake():
        session = _active_session()
        return Viewer(user="", role=str(session.get_current_role() or "").strip('"'), way="in Snowflake")
    if os.environ.get(SIGN_IN_VARIABLE):
        return _signed_in()
    return Viewer(user=os.environ[USER_VARIABLE], role=os.environ[ROLE_VARIABLE], way="by this machine's connection")


def session(viewer: Viewer) -> Any:
    """Returns the connection that a viewer's queries run by; the same one for all windows of that viewer."""
    if viewer.way == "in Snowflake":
        return _active_session()
    connection = st.connection(f"{viewer.user}/{viewer.role}", type="snowflake", **_parameters(viewer))
    return connection.raw_connection


def forget_session(viewer: Viewer) -> None:
    """Lets go of a viewer's connection, so that the next query opens another."""
    if viewer.way != "in Snowflake":
        st.connection(f"{viewer.user}/{viewer.role}", type="snowflake", **_parameters(viewer)).reset()


def _active_session() -> Any:
    from snowflake.snowpark.context import get_active_session  # pyright: ignore[reportMissingImports]

    return get_active_session()


def _parameters(viewer: Viewer) -> dict[str, Any]:
    """Returns what the connector needs for a viewer's session, as every command of the platform finds it."""
    from logistics.connection import parameters
    from logistics.local.environment import environment
    from logistics.local.secrets import user_key_file
    from logistics.project import project_root
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, os.environ[STACK_VARIABLE])
    variables = os.environ | environment(root, settings)
    own = viewer.user != settings.account.user
    token = _access_token() if viewer.way == "signed in" else None
    key: Path | None = user_key_file(root) if own and settings.account.is_local else None
    found = parameters(
        settings, variables, role=viewer.role, user=viewer.user if own else None, private_key_file=key, token=token
    )
    found["session_parameters"] = {"QUERY_TAG": QUERY_TAG}
    return found | {"paramstyle": "qmark"}


def _access_token() -> str | None:
    """Returns the viewer's token for Snowflake's External OAuth, where the sign-in gives one."""
    tokens = getattr(st.user, "tokens", {})
    return tokens["access"] if "access" in tokens else None  # noqa: SIM401 - it has no get


def _signed_in() -> Viewer | None:
    if not st.user.is_logged_in:
        _sign_in_page()
        return None
    user = platform_user(st.user.to_dict(), declared()["users"])
    if user is None:
        st.error(
            f"No user of {declared()['environment']} has the address {st.user.get('email', '(none)')}: "
            "add it to `logistics:users` in the stack file.",
            icon=":material/block:",
        )
        st.button("Sign out", on_click=st.logout)
        return None
    return Viewer(user=user["user"], role=user["role"], way="signed in")


def platform_user(claims: Mapping[str, Any], users: list[dict[str, str]]) -> dict[str, str] | None:
    """Returns the platform's user with the address that somebody signed in with; None if there is none.

    An address that the identity provider has not verified counts for nobody.
    """
    address = str(claims.get("email") or "").lower()
    if not address or claims.get("email_verified") is False:
        return None
    return next((user for user in users if user["email"].lower() == address), None)


def _sign_in_page() -> None:
    st.title("Logistics platform")
    st.write("Sign in to see what your role may see.")
    st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")
