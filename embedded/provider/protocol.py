"""Import Pulumi's protocol modules without the SDK around them.

``import pulumi`` takes most of a second (it loads the whole SDK); the protocol modules need none of it. So empty
packages of the same names stand in while they are imported, unless the SDK is loaded already.
"""

import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path


def _stand_in() -> list[str]:
    """Put empty packages in place of the SDK; return their names, empty when the SDK is loaded already."""
    if "pulumi" in sys.modules:
        return []
    found = importlib.util.find_spec("pulumi")
    if found is None or found.origin is None:
        raise ImportError("the package pulumi is not installed")
    root = Path(found.origin).parent
    for name, folder in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        package.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = package
    return ["pulumi", "pulumi.runtime"]


_stand_ins = _stand_in()

from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc  # noqa: E402 - after the stand-ins

for _name in _stand_ins:  # so that whoever needs the SDK itself can still import it
    del sys.modules[_name]

__all__ = ["plugin_pb2", "provider_pb2", "provider_pb2_grpc"]
