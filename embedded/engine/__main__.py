"""Start the command line: as a script (the launcher does so) or by `python -m embedded.engine`."""

import gc
import os
import sys
import types
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

# Objects made between two collections: most of what a run makes lives to its end, and Python's 700 scans it over and over.
_COLLECTION_THRESHOLD = 50_000


def stand_in_for_sdk() -> None:
    """Put empty packages in place of `pulumi` and `pulumi.runtime`, of which the engine needs only the protocol's modules.

    The SDK around them takes a third of the command line's start-up. Without the SDK nothing changes: the import says so.
    """
    spec = PathFinder.find_spec("pulumi")
    if spec is None or spec.origin is None or "pulumi" in sys.modules:
        return
    root = Path(spec.origin).parent
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        package.__spec__ = ModuleSpec(name, None, is_package=True)
        sys.modules[name] = package


if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if sys.flags.no_site:
    # The launcher starts the virtual environment's interpreter without `site`, which would find these for it.
    environment = Path(sys.executable).parent.parent
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path.append(str(environment / "lib" / version / "site-packages"))

# Children are started while gRPC's threads run; its fork handlers would only complain of that.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# gRPC's documented default, which its newer versions leave: else a connection that ends is told on stderr now and then.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

gc.set_threshold(_COLLECTION_THRESHOLD)
stand_in_for_sdk()

from embedded.engine.cli import main  # noqa: E402 - after what it shall find

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
