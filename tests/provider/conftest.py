import contextlib
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from embedded.provider import description
from embedded.provider.checks import Naming
from embedded.provider.errors import StatementError
from embedded.provider.provider import Difference, Provider
from embedded.provider.session import ConnectorSession, Pool
from embedded.provider.values import decode_struct, encode_struct

PASSWORD = "a-password-of-tests-1"
NOTHING = encode_struct({})


@dataclass
class Kept:
    """A resource in the stack of a test."""

    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Stack:
    """Does with resources what an engine does, and keeps the statements that were sent."""

    provider: Provider
    resources: dict[str, Kept] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def token(self, type_: str) -> str:
        return description.raw_schema()["resources"][type_]["token"]

    def check(self, type_: str, name: str, inputs: dict[str, Any]) -> Any:
        old = self.resources[name].inputs if name in self.resources else {}
        return self.provider.check(self.token(type_), encode_struct(inputs), encode_struct(old), Naming(name, b"seed"))

    def _checked(self, type_: str, name: str, inputs: dict[str, Any]) -> Any:
        checked = self.check(type_, name, inputs)
        assert checked.failures == []
        return encode_struct(checked.inputs)

    def up(self, type_: str, name: str, inputs: dict[str, Any]) -> str:
        """Create, update or leave a resource; replacements are answered only."""
        news = self._checked(type_, name, inputs)
        kept = self.resources.get(name)
        if kept is None:
            self.provider.create(self.token(type_), news, 0, preview=True)
            result = self.provider.create(self.token(type_), news, 0, preview=False)
            outputs = decode_struct(encode_struct(result.outputs))
            self.resources[name] = Kept(type_, result.id, decode_struct(news), outputs)
            return "create"
        difference = self.diff(name, inputs)
        if difference.replaces:
            return "replace"
        if difference.changed:
            olds, old_inputs = encode_struct(kept.outputs), encode_struct(kept.inputs)
            arguments = (self.token(type_), kept.id, olds, news, old_inputs, 0)
            self.provider.update(*arguments, preview=True)
            kept.outputs = decode_struct(encode_struct(self.provider.update(*arguments, preview=False)))
        kept.inputs = decode_struct(news)
        return "update" if difference.changed else "same"

    def diff(self, name: str, inputs: dict[str, Any]) -> Difference:
        kept = self.resources[name]
        news = self._checked(kept.type, name, inputs)
        olds, old_inputs = encode_struct(kept.outputs), encode_struct(kept.inputs)
        return self.provider.diff(self.token(kept.type), olds, news, old_inputs, [])

    def refresh(self, name: str) -> bool:
        """Read a resource; False when it is gone."""
        kept = self.resources[name]
        olds, inputs = encode_struct(kept.outputs), encode_struct(kept.inputs)
        found = self.provider.read(self.token(kept.type), kept.id, olds, inputs)
        if not found.id:
            return False
        kept.outputs = decode_struct(encode_struct(found.outputs))
        kept.inputs = decode_struct(encode_struct(found.inputs))
        return True

    def read(self, type_: str, id_: str) -> Any:
        """Import a resource: its inputs, or None when there is none."""
        found = self.provider.read(self.token(type_), id_, NOTHING, NOTHING)
        return decode_struct(encode_struct(found.inputs)) if found.id else None

    def destroy(self, name: str) -> None:
        kept = self.resources.pop(name)
        self.provider.delete(self.token(kept.type), kept.id, encode_struct(kept.outputs), 0)

    def fresh(self) -> None:
        """Go on as a new run would: no shared answer, nothing sent yet. The sessions stay open."""
        new = Provider()
        new.configure(self.provider.given)
        new.use(self.provider.pool)
        self.provider = new
        self.sent.clear()


def attach(provider: Provider) -> Stack:
    """Return a stack that records what a provider's sessions send."""
    stack = Stack(provider)

    class Recording(ConnectorSession):
        def run(self, sql: str, seconds: float) -> list[dict[str, Any]]:
            stack.sent.append(sql)
            return super().run(sql, seconds)

    provider.use(Pool(lambda: Recording(provider.config)))
    return stack


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of a local Snowflake in memory."""
    environment = {**os.environ, "LOCAL_SNOWFLAKE_ADMIN_PASSWORD": PASSWORD}
    command = [sys.executable, "-m", "embedded.snowflake", "serve", "--memory", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
    assert process.stdout is not None
    found = re.search(r":(\d+)", process.stdout.readline())
    assert found, "the local Snowflake does not start"
    yield int(found.group(1))
    process.terminate()
    process.wait(10)
    process.stdout.close()


_numbers = itertools.count(1)


def configuration(port: int, account: str) -> dict[str, Any]:
    return {
        "organizationName": "ORG",
        "accountName": account,
        "host": "127.0.0.1",
        "port": port,
        "protocol": "http",
        "user": "ADMIN",
        "password": PASSWORD,
        "role": "ACCOUNTADMIN",
        "previewFeaturesEnabled": description.raw_schema()["features"],
    }


@pytest.fixture(scope="session")
def open_stack(server: int) -> Any:
    """Open a stack on an account of its own."""

    @contextlib.contextmanager
    def make() -> Iterator[Stack]:
        provider = Provider()
        provider.configure(configuration(server, f"T{next(_numbers)}"))
        made = attach(provider)
        try:
            yield made
        finally:
            made.provider.close()

    return make


@pytest.fixture
def stack(open_stack: Any) -> Iterator[Stack]:
    """A stack on an account of the test's own."""
    with open_stack() as made:
        yield made


class Scripted:
    """A session that answers from a list of (pattern, rows or error), the last matching one first."""

    def __init__(self, script: list[tuple[str, Any]], sent: list[str], delay: float = 0) -> None:
        self._script = script
        self._sent = sent
        self._delay = delay

    def run(self, sql: str, seconds: float) -> list[dict[str, Any]]:
        self._sent.append(sql)
        if self._delay:
            time.sleep(min(self._delay, seconds))
        for pattern, answer in reversed(self._script):
            if re.search(pattern, sql):
                if isinstance(answer, Exception):
                    raise answer
                return answer(sql) if callable(answer) else answer
        return [{"status": "done"}]

    def abort(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def scripted() -> Any:
    """Make a stack whose sessions answer from a script."""

    def make(script: list[tuple[str, Any]], delay: float = 0, **config: Any) -> Stack:
        provider = Provider()
        features = description.raw_schema()["features"]
        provider.configure({"previewFeaturesEnabled": features, **config})
        made = Stack(provider)
        provider.use(Pool(lambda: Scripted(script, made.sent, delay)))
        return made

    return make


@pytest.fixture
def refused() -> Any:
    """Make the error of a refused statement."""
    return lambda errno, message, sql="SELECT 1": StatementError(errno, "02000", message, sql)
