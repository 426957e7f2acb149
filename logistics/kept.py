"""Results that cost time to compute, kept in `.local` until anything that they were made of changes.

They are pickles: reading one runs code, so they lie where only the project's own user can write, like the code itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from logistics.project import LOCAL_FOLDER

_T = TypeVar("_T")
_CODE = Path(__file__).parent
_KEPT_OF_A_NAME = 4
Stamp = tuple[str, int, int]
"""A file: its path, when it was last changed (in nanoseconds), its size in bytes."""


def stamps(folder: Path, pattern: str = "*") -> tuple[Stamp, ...]:
    """Returns what tells whether any file below a folder has changed."""
    found = ((str(file), file.stat()) for file in sorted(folder.rglob(pattern)))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


def kept(root: Path, name: str, made_of: Any, make: Callable[[], _T]) -> _T:
    """Returns what `make` returns: the kept one, if it was made of the same by the same code, else a new one, which is kept.

    Args:
        root: the project's folder; nothing is kept where it has no `.local` yet.
        name: a file name's beginning; the four newest results of a name are kept.
        made_of: everything that the result hangs on beside the code, as values whose `repr` tells them apart; nothing secret.
        make: computes it. What it raises is passed on, and nothing is kept.
    """
    folder = root / LOCAL_FOLDER
    if not folder.is_dir():
        return make()
    told = repr((sys.version, made_of, stamps(_CODE, "*.py"), *_packages()))
    file = folder / "kept" / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.pickle"
    # Whatever is wrong with a kept result, a new one can be made.
    with contextlib.suppress(Exception):
        return pickle.loads(file.read_bytes())
    result = make()
    with contextlib.suppress(OSError):
        _keep(file, pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL), name)
    return result


def _packages() -> Iterable[Stamp]:
    """The parser's version decides what is read from a SQL text; its folder is written anew with each version."""
    for folder in sys.path:
        package = Path(folder, "sqlglot", "__init__.py")
        with contextlib.suppress(OSError):
            stat = package.stat()
            return [(str(package), stat.st_mtime_ns, stat.st_size)]
    return []


def _keep(file: Path, content: bytes, name: str) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}")
    new.write_bytes(content)
    new.replace(file)
    others = sorted(file.parent.glob(f"{name}-*.pickle"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in others[_KEPT_OF_A_NAME:]:
        old.unlink(missing_ok=True)
