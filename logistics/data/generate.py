"""Makes the files that the raw tables are loaded from; the same scale always gives the same rows."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from decimal import Decimal
from importlib import metadata
from pathlib import Path

from logistics.data.mapping import AS_OF, MACROS, RAW_QUERIES, TPCH_TABLES
from logistics.errors import LogisticsError
from logistics.project import local_folder

_GENERATOR = "tpchgen-cli"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Generated files: one gzipped CSV with a header for each raw table.

    Attributes:
        scale: TPC-H's scale factor.
        fingerprint: of everything the rows depend on.
        rows: number of rows by raw table.
    """

    scale: str
    fingerprint: str
    rows: dict[str, int]

    def file(self, root: Path, table: str) -> Path:
        """Returns the file of a raw table."""
        return _folder(root, self.scale) / f"{table}.csv.gz"


def generate(root: Path, scale: Decimal) -> tuple[DataSet, bool]:
    """Makes the files of a scale, or finds them made; returns them and whether they were made now.

    Raises:
        LogisticsError: the generator fails.
    """
    folder = _folder(root, str(scale))
    wanted = _fingerprint(scale)
    found = _read_manifest(folder)
    if (
        found is not None
        and found.fingerprint == wanted
        and all(found.file(root, table).is_file() for table in RAW_QUERIES)
    ):
        return found, False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as parquet:
        _run_generator(scale, Path(parquet))
        rows = _map(Path(parquet), folder)
    made = DataSet(scale=str(scale), fingerprint=wanted, rows=rows)
    (folder / _MANIFEST).write_text(json.dumps(asdict(made), indent=2), encoding="utf-8")
    return made, True


def _folder(root: Path, scale: str) -> Path:
    return local_folder(root) / "data" / f"scale-{scale}"


def _fingerprint(scale: Decimal) -> str:
    parts = [str(scale), metadata.version(_GENERATOR), AS_OF, MACROS, *RAW_QUERIES.values()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_manifest(folder: Path) -> DataSet | None:
    try:
        return DataSet(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _run_generator(scale: Decimal, folder: Path) -> None:
    beside = Path(sys.executable).with_name(_GENERATOR)
    program = str(beside) if beside.is_file() else shutil.which(_GENERATOR)
    if program is None:
        raise LogisticsError(f"{_GENERATOR} is not installed: run `make install`")
    command = [program, "parquet", "-s", str(scale), "-o", str(folder), "--tables", ",".join(TPCH_TABLES), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LogisticsError(f"{_GENERATOR} failed: {done.stderr.strip() or done.stdout.strip()}")


def _map(parquet: Path, folder: Path) -> dict[str, int]:
    """Writes the raw tables' files; returns the number of rows by table."""
    import duckdb

    rows = {}
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        database.execute(MACROS)
        for table in TPCH_TABLES:
            database.execute(f"create view {table} as from read_parquet('{parquet / table}.parquet')")
        for table, query in RAW_QUERIES.items():
            target = folder / f"{table}.csv.gz"
            written = database.execute(
                f"copy ({query}) to '{target}' (format csv, header, compression gzip)"
            ).fetchone()
            rows[table] = int(written[0]) if written else 0
    return rows
