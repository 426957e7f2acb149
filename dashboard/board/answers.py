"""Answers to the named queries: run once in five minutes for all windows of a viewer, then kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from board.declared import declared
from board.execution import NotReadable, QueryFailed, SessionLost, connector_frame, snowpark_frame
from board.queries import QUERIES
from board.viewer import Viewer, forget_session, session

REFRESH_SECONDS = int(os.environ.get("LOGISTICS_DASHBOARD_REFRESH_SECONDS") or 300)
"""How often a page asks anew."""
_KEPT_SECONDS = max(REFRESH_SECONDS - 5, 1)
"""A little less, so that a refresh never finds the answer that it is to replace."""
_FAILED = "failed"
_ABSENT = "absent"


@dataclass(frozen=True)
class Answer:
    """What a query gave.

    Attributes:
        name: of the query.
        frame: its rows; empty where there are none.
        at: when it ran, UTC.
        state: `rows`, `absent` (not there, or not for this role) or `failed`.
        problem: Snowflake's words where it is not `rows`.
    """

    name: str
    frame: pd.DataFrame
    at: datetime
    state: str = "rows"
    problem: str = ""


@dataclass
class Asked:
    """What one run of a page asked: its answers, and how many statements were sent for it."""

    viewer: Viewer
    answers: list[Answer] = field(default_factory=list)
    sent: int = 0

    def ask(self, name: str, **values: Any) -> Answer:
        """Returns the answer to a named query, of at most five minutes ago."""
        before = datetime.now(UTC)
        try:
            answer = _kept(
                self.viewer,
                name,
                tuple(values[parameter] for parameter in QUERIES[name].parameters),
                _refreshed().get(self.viewer, 0),
            )
        except QueryFailed as error:
            answer = Answer(name, pd.DataFrame(), before, _FAILED, str(error))
        self.sent += answer.at >= before
        self.answers.append(answer)
        return answer

    @property
    def declared(self) -> Mapping[str, Any]:
        """What the program declares."""
        return declared()

    @property
    def environment(self) -> str:
        """The stack."""
        return str(declared()["environment"])

    @property
    def oldest(self) -> datetime | None:
        """When the oldest of the answers was got."""
        return min((answer.at for answer in self.answers), default=None)


def refresh(viewer: Viewer) -> None:
    """Lets every page of a viewer ask anew, so that none shows what another has already seen change."""
    counts = _refreshed()
    counts[viewer] = counts.get(viewer, 0) + 1


@st.cache_resource
def _refreshed() -> dict[Viewer, int]:
    """How often each viewer asked for fresh data."""
    return {}


@st.cache_data(ttl=_KEPT_SECONDS, max_entries=2000, show_spinner=False)
def _kept(viewer: Viewer, name: str, values: tuple[Any, ...], refreshed: int) -> Answer:  # noqa: ARG001 - part of the key
    """Asks Snowflake; a failure is raised, so it is not kept. `refreshed` only tells one request from the next."""
    at = datetime.now(UTC)
    text = QUERIES[name].text
    try:
        try:
            frame = _run(viewer, text, values)
        except SessionLost:
            forget_session(viewer)
            frame = _run(viewer, text, values)
    except NotReadable as error:
        return Answer(name, pd.DataFrame(), at, _ABSENT, str(error))
    return Answer(name, frame, at)


def _run(viewer: Viewer, text: str, values: tuple[Any, ...]) -> pd.DataFrame:
    run = snowpark_frame if viewer.way == "in Snowflake" else connector_frame
    try:
        connection = session(viewer)
    except Exception as error:  # the connector, the server, or the stack's own files: all are told alike
        raise SessionLost(f"no session for {viewer.shown}: {' '.join(str(error).split())}") from None
    return run(connection, text, values)
