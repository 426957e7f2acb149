"""Streamlit's own connection, and frames written by the connector beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

SCRIPT = """
import pandas as pd
import streamlit as st
from snowflake.connector.pandas_tools import write_pandas

connection = st.connection("snowflake")
cursor = connection.cursor()
for text in ("create or replace database c", "use schema c.public"):
    cursor.execute(text)
frame = pd.DataFrame({"A": [1, 2, 3], "B": ["x", None, "z"]})
assert write_pandas(connection.raw_connection, frame, "FIRST", auto_create_table=True)[:3] == (True, 1, 3)
assert connection.write_pandas(frame, "SECOND", auto_create_table=True)[0]
found = connection.query("select f.a, s.b from first f join second s on f.a = s.a where f.b is not null order by 1")
assert found.to_dict("list") == {"A": [1, 3], "B": ["x", "z"]}, found
connection.raw_connection.close()
print("done")
"""


def test_its_connection_reads_and_writes_frames(server: Any, tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    secrets = {
        "account": "TEST-STREAMLIT",
        "user": "ADMIN",
        "password": "a-test-password",
        "host": "127.0.0.1",
        "protocol": "http",
        "warehouse": "COMPUTE_WH",
    }
    lines = [f'{key} = "{value}"' for key, value in secrets.items()]
    text = "\n".join(["[connections.snowflake]", *lines, f"port = {server.port}", ""])
    (tmp_path / ".streamlit" / "secrets.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == ["done"], done.stderr[-3000:]
