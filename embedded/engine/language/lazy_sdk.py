"""Imports generated Pulumi SDK packages piece by piece: what a program uses, when it uses it.

A generated package imports all its resource modules at once, and each of them all input and output types: seconds for a program that
uses a dozen. With this hook a package's names are found in its modules' `__all__` and imported on first use, and the large modules of
types (`_inputs`, `outputs`) run only the classes that are asked for. Names, order of definition and tracebacks are as without it. A
module whose text is not of the expected shape is imported as usual.

It depends on nothing but the standard library: it is imported by the runner, in the program's virtual environment.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import marshal
import os
import re
import sys
import types
from typing import Any

_PACKAGE_MARK = "pulumi-plugin.json"
_TYPE_MODULES = ("_inputs", "outputs")
_STAR_IMPORT = re.compile(r"^from \.(\w+) import \*[^\n]*$", re.MULTILINE)
_ALL = re.compile(r"^__all__ = \[(.*?)\]", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"""['"](\w+)['"]""")
_HEAD_BYTES = 1 << 14
_BLOCK = re.compile(r"^(?![ \t\r\n#)\]}]|elif\b|else\b)", re.MULTILINE)
_CLASS = re.compile(r"^(?:    )?class (\w+)", re.MULTILINE)
_USED_NAME = re.compile(r"(?<![\w.])[A-Z]\w+")
_caches: list[_CodeCache] = []


def install() -> None:
    """Have packages that are imported from now on imported lazily."""
    sys.meta_path.insert(0, _Finder())


def save() -> None:
    """Keep what was compiled for the next run; a folder that cannot be written is left as it is.

    Where Python writes no bytecode (PYTHONDONTWRITEBYTECODE), only beside the bytecode that an installer has put there.
    """
    for cache in _caches:
        if not sys.dont_write_bytecode or os.path.isdir(os.path.dirname(cache.path)):
            cache.save()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what the usual finder finds, and loads generated packages its own way."""

    def __init__(self) -> None:
        self._roots: set[str] = set()

    def find_spec(self, fullname, path=None, target=None):
        root, _, rest = fullname.partition(".")
        if not (root in self._roots or (not rest and root.startswith("pulumi_"))):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader or not spec.origin:
            return spec
        if not rest and not os.path.exists(os.path.join(os.path.dirname(spec.origin), _PACKAGE_MARK)):
            return spec
        self._roots.add(root)
        loader = None
        if spec.submodule_search_locations is not None:
            loader = _PackageLoader
        elif fullname.rpartition(".")[2] in _TYPE_MODULES:
            loader = _TypesLoader
        if loader is not None:
            spec.loader = loader(fullname, spec.origin)
        return spec


# --- packages --------------------------------------------------------------------------------------------------------


class _LazyPackage(types.ModuleType):
    """A package whose names are imported on first use; `__lazy_names__` maps them to the modules that define them."""

    def __getattr__(self, name: str):
        state = self.__dict__
        submodule = state.get("__lazy_names__", {}).get(name)
        if submodule is not None:
            value = getattr(importlib.import_module(f"{self.__name__}.{submodule}"), name)
            state[name] = value
            return value
        if name in state.get("__lazy_modules__", ()):
            return importlib.import_module(f"{self.__name__}.{name}")
        if name == "__all__" and "__lazy_names__" in state:
            return [item for item in dir(self) if not item.startswith("_")]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        # Importing a module binds it in its package, where a function of the same name belongs.
        is_own_module = isinstance(value, types.ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if not (is_own_module and name in self.__dict__.get("__lazy_names__", {})):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        state = self.__dict__
        return sorted({*state, *state.get("__lazy_names__", ()), *state.get("__lazy_modules__", ())})


class _PackageLoader(importlib.machinery.SourceFileLoader):
    """Runs a package's `__init__` without its star imports."""

    def exec_module(self, module: types.ModuleType) -> None:
        source = self.get_data(self.path).decode()
        submodules = _STAR_IMPORT.findall(source)
        folder = os.path.dirname(self.path)
        names = {submodule: _exported(os.path.join(folder, f"{submodule}.py")) for submodule in submodules}
        if not submodules or any(found is None for found in names.values()):
            super().exec_module(module)
            return
        lazy = {name: submodule for submodule in submodules for name in names[submodule] or ()}
        module.__class__ = _LazyPackage
        module.__dict__["__lazy_modules__"] = tuple(submodules)
        module.__dict__["__lazy_names__"] = lazy
        exec(compile(_STAR_IMPORT.sub("", source), self.path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102


def _exported(path: str) -> list[str] | None:
    """The names of a module's `__all__`, from its text; None if they cannot be told so."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_HEAD_BYTES)
            match = _ALL.search(text)
            if match is None and "__all__ = [" in text:
                match = _ALL.search(text + file.read())
    except (OSError, UnicodeDecodeError):
        return None
    return _NAME.findall(match[1]) if match else None


# --- modules of types ------------------------------------------------------------------------------------------------


class _CodeCache:
    """The compiled classes of one module that runs have used so far, in a file beside Python's own."""

    def __init__(self, source: str) -> None:
        self.path = importlib.util.cache_from_source(source).removesuffix(".pyc") + ".lazy"
        stat = os.stat(source)
        self.stamp = (stat.st_mtime_ns, stat.st_size, sys.version)
        self.content: dict[str, Any] = {}
        self.changed = False
        try:
            with open(self.path, "rb") as file:
                loaded = marshal.load(file)
            if loaded.get("stamp") == self.stamp:
                self.content = loaded
        except (OSError, EOFError, ValueError, TypeError, AttributeError):
            self.content = {}
        _caches.append(self)

    def save(self) -> None:
        if not self.changed:
            return
        self.content["stamp"] = self.stamp
        temporary = f"{self.path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(temporary, "wb") as file:
                marshal.dump(self.content, file)
            os.replace(temporary, self.path)
        except OSError:
            return


class _TypesModule(types.ModuleType):
    """A module that runs a class when it is asked for."""

    def __getattr__(self, name: str):
        loader = self.__dict__.get("__lazy_types__")
        if loader is not None:
            if name == "__all__":
                return loader.names_for(sys._getframe(1).f_globals)
            if name in loader.blocks:
                loader.define(self, [name])
                return self.__dict__[name]
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self.__dict__["__lazy_types__"].blocks})


class _TypesLoader(importlib.machinery.SourceFileLoader):
    """Runs the head of a module of types; its classes wait in `blocks`, by name: (start, end, line) of their text."""

    blocks: dict[str, tuple[int, int, int]]

    def exec_module(self, module: types.ModuleType) -> None:
        self._text: str | None = None
        self._cache = _CodeCache(self.path)
        index = self._cache.content.get("index") or self._index()
        if index is None:
            super().exec_module(module)
            return
        self._cache.content["index"] = index
        self._exported, self.blocks, self._uses = index[1], index[2], self._cache.content.setdefault("uses", {})
        module.__class__ = _TypesModule
        module.__dict__["__lazy_types__"] = self
        exec(self._code("", 0, index[0], 1), module.__dict__)  # noqa: S102
        module.__dict__.pop("__all__", None)

    def names_for(self, importer: dict) -> list[str]:
        """What a star import gets: a module of the same package what its text names, any other importer everything."""
        path, name = importer.get("__file__"), importer.get("__name__", "")
        if not path or name.partition(".")[0] != self.name.partition(".")[0]:
            return list(self._exported)
        stat = os.stat(path)
        stamp = (stat.st_mtime_ns, stat.st_size)
        known = self._uses.get(path)
        if known is None or known[0] != stamp:
            with open(path, encoding="utf-8") as file:
                used = set(_USED_NAME.findall(file.read()))
            known = self._uses[path] = (stamp, [item for item in self._exported if item in used])
            self._cache.changed = True
        return list(known[1])

    def define(self, module: types.ModuleType, names: list[str]) -> None:
        """Run the classes of these names, and all that their text names."""
        wanted, queue = {}, list(names)
        while queue:
            name = queue.pop()
            if name in module.__dict__ or name in wanted:
                continue
            wanted[name] = self.blocks[name]
            queue.extend(self._named_in(name))
        for start, end, line in sorted(set(wanted.values())):
            exec(self._code(f"{start}", start, end, line), module.__dict__)  # noqa: S102

    def _named_in(self, name: str) -> list[str]:
        known = self._uses.get(name)
        if known is None:
            start, end, _ = self.blocks[name]
            used = set(_USED_NAME.findall(self._source()[start:end]))
            known = self._uses[name] = sorted(item for item in used if item in self.blocks and item != name)
            self._cache.changed = True
        return known

    def _code(self, key: str, start: int, end: int, line: int) -> types.CodeType:
        codes = self._cache.content.setdefault("codes", {})
        data = codes.get(key)
        if data is not None:
            return marshal.loads(data)
        tree = ast.increment_lineno(ast.parse(self._source()[start:end]), line - 1)
        code = compile(tree, self.path, "exec", dont_inherit=True)
        codes[key] = marshal.dumps(code)
        self._cache.changed = True
        return code

    def _source(self) -> str:
        if self._text is None:
            self._text = self.get_data(self.path).decode()
        return self._text

    def _index(self) -> tuple | None:
        """Where the head ends, the exported names, and the blocks; None if the text is not of the expected shape."""
        text = self._source()
        exported = _ALL.search(text)
        if exported is None:
            return None
        starts = [match.start() for match in _BLOCK.finditer(text, exported.end()) if match.start() < len(text)]
        starts.append(len(text))
        blocks: dict[str, tuple[int, int, int]] = {}
        line, position, number = 1, 0, 0
        while number < len(starts) - 1:
            start = starts[number]
            while text.startswith("@", starts[number]):
                number += 1  # A decorator belongs to the class below it.
            number += 1
            end = starts[number]
            line += text.count("\n", position, start)
            position = start
            defined = _CLASS.findall(text, start, end)
            if not defined:
                return None
            blocks.update((name, (start, end, line)) for name in defined)
        return (starts[0], _NAME.findall(exported[1]), blocks)
