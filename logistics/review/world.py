"""A local Snowflake and a Pulumi backend for one review, with nothing of the caller's: no account, no credentials, no state."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from logistics.local import server
from logistics.local.secrets import admin_password, passphrase_file, user_key_file
from logistics.project import local_folder
from logistics.review.sources import Sides, make_local, write_sides

_THEIRS = ("PULUMI_", "SNOWFLAKE_", "LOGISTICS_", "LOCAL_SNOWFLAKE_", "AWS_", "AZURE_", "GOOGLE_", "ARM_")
_CODE = ("embedded", "logistics", "components")
_ANY_FREE_PORT = 0


@contextmanager
def open_world(root: Path, ref: str, *, allow_dirty: bool = False, patch: Path | None = None) -> Iterator[Sides]:
    """Writes both sides of a change and starts a local Snowflake for them; all of it goes when the block ends.

    Args:
        root: the project; its folder is only read, but for the generated data that `.local/data` keeps.
        ref: what the change is compared with.
        allow_dirty: whether what no commit holds belongs to the head.
        patch: applied to the head.

    Raises:
        UsageError: there is no such base, or the project has changes that are not allowed.
    """
    data = local_folder(root) / "data"
    data.mkdir(exist_ok=True)
    with _without_credentials(), _ended_by_signal(), tempfile.TemporaryDirectory(prefix="logistics-review-") as folder:
        local = Path(folder) / "local"
        local.mkdir(mode=0o700)
        (local / "data").symlink_to(data)
        sides = write_sides(root, Path(folder), ref, allow_dirty=allow_dirty, patch=patch)
        yield sides


@contextmanager
def served(root: Path, sides: Sides) -> Iterator[Sides]:
    """Points both sides at a local Snowflake that is started for the block; returns them with the secrets nobody opened."""
    local = sides.base.parent / "local"
    hidden = sorted({key for side in (sides.base, sides.head) for key in make_local(side, local, root / ".venv")})
    _compile(sides)
    for make in (admin_password, passphrase_file, user_key_file):
        make(sides.head)  # now, before several environments would make them at once
    try:
        server.start(sides.head, _ANY_FREE_PORT)
        yield replace(sides, hidden=tuple(hidden))
    finally:
        server.stop(sides.head)


def _compile(sides: Sides) -> None:
    """Compiles both sides once: a deployment starts a dozen processes, each of which would do it again."""
    folders = [str(path) for side in (sides.base, sides.head) for name in _CODE if (path := side / name).is_dir()]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "0", *folders], capture_output=True, check=False)


@contextmanager
def _without_credentials() -> Iterator[None]:
    """Takes what leads to accounts and backends out of the environment, and puts it back."""
    taken = {key: value for key, value in os.environ.items() if key.startswith(_THEIRS)}
    for key in taken:
        del os.environ[key]
    try:
        yield
    finally:
        for key in [key for key in os.environ if key.startswith(_THEIRS)]:
            del os.environ[key]
        os.environ.update(taken)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Ends the block at SIGTERM as at an interrupt, so that the server does not outlive it."""

    def end(number: int, _: FrameType | None) -> Any:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
