"""A generated SDK imported lazily is the same package as imported whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LANGUAGE = Path(__file__).resolve().parents[3] / "embedded" / "engine" / "language"
_HOOK = f"import sys; sys.path.insert(0, {str(LANGUAGE)!r}); import lazy_sdk; lazy_sdk.install()\n"


def _run(code: str, folder: Path, lazy: bool = True) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", (_HOOK if lazy else "") + code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """A small generated package: two resources, a function that has its module's name, types that name each other."""
    package = tmp_path / "pulumi_toy"
    package.mkdir()
    head = "import pulumi\nfrom . import _utilities\nfrom typing import Optional, TypedDict, NotRequired\n"
    files = {
        "pulumi-plugin.json": "{}",
        "_utilities.py": "LOADED = []\n",
        "__init__.py": "from . import _utilities\nfrom .box import *\nfrom .get_lid import *\nfrom ._inputs import *\n"
        "from . import outputs\nAFTER = 1\n",
        "_inputs.py": head + '__all__ = ["InnerArgs", "OuterArgs", "OtherArgs"]\n\n'
        "class InnerArgs(TypedDict):\n    x: NotRequired[int]\n\n"
        "@pulumi.input_type\nclass OuterArgs:\n    def __init__(self, *, inner: Optional['InnerArgs'] = None):\n"
        "        pulumi.set(self, 'inner', inner)\n"
        "    @property\n    @pulumi.getter\n    def inner(self) -> Optional['InnerArgs']:\n        return pulumi.get(self, 'inner')\n\n"
        "class OtherArgs:\n    _utilities.LOADED.append('OtherArgs')\n    def line(self):\n        raise ValueError\n",
        "outputs.py": head + '__all__ = ["Out"]\n\nclass Out(dict):\n    pass\n',
        "box.py": head
        + "from ._inputs import *\nfrom . import outputs\n__all__ = ['Box']\n_utilities.LOADED.append('box')\n"
        "class Box:\n    def __init__(self, outer: Optional['OuterArgs'] = None, out: 'outputs.Out' = None): ...\n",
        "get_lid.py": "__all__ = ['get_lid', 'Lid']\nclass Lid: ...\ndef get_lid(): return Lid()\n",
    }
    for name, text in files.items():
        (package / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import pulumi_toy as t; print(t._utilities.LOADED, t.AFTER)", "[] 1"),
        ("import pulumi_toy as t; t.Box; print(t._utilities.LOADED)", "['box']"),
        ("import pulumi_toy as t; print(t.OuterArgs.__module__, t.OuterArgs().inner)", "pulumi_toy._inputs None"),
        ("import pulumi_toy as t; print(type(t.get_lid).__name__)", "function"),
        ("import pulumi_toy.get_lid, pulumi_toy as t; print(type(t.get_lid).__name__)", "function"),
        ("from pulumi_toy.get_lid import Lid; import pulumi_toy as t; print(t.Lid is Lid)", "True"),
        ("from pulumi_toy import *; print(Box.__name__, OtherArgs.__name__, callable(get_lid))", "Box OtherArgs True"),
        ("import pulumi_toy as t; print('Box' in dir(t), hasattr(t, 'Nope'))", "True False"),
        ("import typing, pulumi_toy as t; print(typing.get_type_hints(t.Box.__init__)['out'].__name__)", "Out"),
        ("import typing, pulumi_toy as t; print('OuterArgs' in str(typing.get_type_hints(t.Box.__init__)))", "True"),
        ("import pulumi_toy as t; t.Box; print('OtherArgs' in vars(sys.modules['pulumi_toy.box']))", "False"),
        (
            "import pulumi_toy._inputs as i; print(sorted(n for n in dir(i) if n.endswith('Args')))",
            "['InnerArgs', 'OtherArgs', 'OuterArgs']",
        ),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else None,
)
def test_lazy_package(sdk: Path, code: str, wanted: str) -> None:
    assert _run(code, sdk).strip() == wanted


def test_tracebacks_have_the_lines_of_the_file(sdk: Path) -> None:
    code = "import pulumi_toy as t\ntry: t.OtherArgs().line()\nexcept ValueError as e: print(e.__traceback__.tb_next.tb_lineno)"
    lines = (sdk / "pulumi_toy" / "_inputs.py").read_text().splitlines()
    assert int(_run(code, sdk)) == 1 + next(n for n, line in enumerate(lines) if "raise ValueError" in line)


def test_second_run_takes_the_compiled_classes(sdk: Path) -> None:
    code = "import pulumi_toy as t; print(t.OtherArgs.__name__); lazy_sdk.save()"
    assert _run(code, sdk) == _run(code, sdk) == "OtherArgs\n"
    assert list((sdk / "pulumi_toy" / "__pycache__").glob("_inputs*.lazy"))


def test_changed_source_is_compiled_anew(sdk: Path) -> None:
    code = "import pulumi_toy as t; print(getattr(t.OtherArgs, 'NEW', 0)); lazy_sdk.save()"
    assert _run(code, sdk) == "0\n"
    inputs = sdk / "pulumi_toy" / "_inputs.py"
    inputs.write_text(inputs.read_text().replace("class OtherArgs:", "class OtherArgs:\n    NEW = 1"))
    assert _run(code, sdk) == "1\n"


def test_module_of_another_shape_is_imported_whole(sdk: Path) -> None:
    inputs = sdk / "pulumi_toy" / "_inputs.py"
    inputs.write_text(inputs.read_text() + "\nOtherArgs.patched = True\n")
    assert _run("import pulumi_toy as t; print(t.OtherArgs.patched)", sdk) == "True\n"


_SHAPE = """
import inspect, json
from pulumi import _types
import pulumi_snowflake as s
names = ["Warehouse", "Task", "TaskScheduleArgs", "Database", "get_databases", "GetDatabasesResult", "User", "Provider"]
print(json.dumps({
    "names": sorted(n for n in dir(s) if not n.startswith("__")),
    "signatures": {n: str(inspect.signature(getattr(s, n))) for n in names},
    "resources": {n: str(_types.resource_types(getattr(s, n))) for n in ("Warehouse", "Task", "Database", "User")},
    "inputs": {n: str(_types.input_type_types(getattr(s, n))) for n in ("TaskScheduleArgs", "WarehouseArgs")},
}))
"""


@pytest.mark.slow
def test_snowflake_sdk_is_the_same(tmp_path: Path) -> None:
    lazy, whole = (json.loads(_run(_SHAPE, tmp_path, lazy=lazy)) for lazy in (True, False))
    assert set(whole["names"]) - set(lazy["names"]) == set()
    del lazy["names"], whole["names"]
    assert lazy == whole
