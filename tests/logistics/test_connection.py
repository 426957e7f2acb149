from __future__ import annotations

import socket

import pytest

from logistics.connection import connect
from logistics.errors import ConnectionFailed
from logistics.settings import load_stack


@pytest.fixture
def settings(root):
    return load_stack(root, "dev")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_endpoint_that_is_down_is_told_at_once(settings):
    port = free_port()
    variables = {"SNOWFLAKE_HOST": "127.0.0.1", "SNOWFLAKE_PORT": str(port), "SNOWFLAKE_PASSWORD": "hunter2"}
    with pytest.raises(ConnectionFailed) as caught, connect(settings, variables):
        pass
    assert str(caught.value).startswith(f"account LOCAL-DEV at 127.0.0.1:{port} cannot be reached")
    assert "hunter2" not in str(caught.value)


def test_missing_credentials_are_told(settings):
    with (
        pytest.raises(
            ConnectionFailed, match="no credentials for LOCAL-DEV: set SNOWFLAKE_PASSWORD or SNOWFLAKE_PRIVATE_KEY_PATH"
        ),
        connect(settings, {}),
    ):
        pass
