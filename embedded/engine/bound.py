"""Becomes another program that the kernel kills when the engine is gone: `python bound.py ENGINE_PID COMMAND…` (Linux).

A process of its own, since nothing may run between fork and exec in an engine with gRPC's threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)  # the engine was gone before the kernel knew of the wish
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
