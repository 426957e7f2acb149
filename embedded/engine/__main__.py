"""Start the command line: as a script (the launcher does so) or by `python -m embedded.engine`."""

import os
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if sys.flags.no_site:
    # The launcher starts the virtual environment's interpreter without `site`, which would find these for it.
    environment = Path(sys.executable).parent.parent
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path.append(str(environment / "lib" / version / "site-packages"))

# Children are started while gRPC's threads run; its fork handlers would only complain of that.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from embedded.engine.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
