"""Runs a Pulumi program in this process: started as a script, with one argument, the program's folder.

It loads the SDK and waits for the run's JSON on standard input, so that the engine can start it before it knows what is run; without
one it ends. It depends on nothing but the program's own `pulumi` package, since it runs in the program's virtual environment. Exit
codes: 0 done, 1 the program failed with an error that it has logged, 32 it failed and its traceback is shown. Generated SDK packages are
imported lazily (`lazy_sdk`), unless PULUMI_EMBEDDED_EAGER_IMPORTS is set. Hot functions of the SDK are replaced (`fast_sdk`), unless
PULUMI_EMBEDDED_PLAIN_SDK is set. Garbage is collected less often than by Python's own
setting, unless PULUMI_EMBEDDED_DEFAULT_COLLECTION is set.

Source: sdk/python/cmd/pulumi-language-python-exec of Pulumi 3.260.0.
"""

import asyncio
import gc
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

_SHOWN_ERROR_EXIT_CODE = 32
# Objects made between two collections. A resource makes thousands that live to the end; Python's 700 scans them over and over.
_COLLECTION_THRESHOLD = 100_000
# Each call of the SDK waits for its answer in a thread. Python's own pool has four more than processors: a few invokes that wait would
# hold up every registration.
_THREADS_PER_STEP = 4
_MAXIMUM_THREADS = 1024


def _user_traceback(program: str) -> str:
    """The traceback from the program's own first frame on, or the whole one if it is not in it."""
    main = os.path.join(program, "__main__.py") if os.path.isdir(program) else program
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if os.path.abspath(frame.filename) == os.path.abspath(main):
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def _configure(options: dict) -> None:
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            monitor=options["monitor"],
            engine=options["engine"],
            project=options["project"],
            stack=options["stack"],
            parallel=options["parallel"],
            dry_run=options["dry_run"],
            organization=options["organization"],
            root_directory=options["root"],
        )
    )
    if not options["debug"]:
        # Seven calls a resource that nobody sees: more than half of what a large program costs.
        pulumi.log.debug = lambda *_arguments, **_keywords: None


def _read_options() -> dict:
    """Wait for the run's JSON; the program has no standard input, and finds its configuration in the environment."""
    text = sys.stdin.buffer.read()
    if not text:
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    options = json.loads(text)
    os.environ.update(options["environment"])
    return options


def _run_program() -> None:
    runpy.run_path(options["program"], run_name="__main__")


if __name__ == "__main__":
    if not os.environ.get("PULUMI_EMBEDDED_DEFAULT_COLLECTION"):
        gc.set_threshold(_COLLECTION_THRESHOLD)
    import fast_sdk  # both in the script's own folder, and like the script free of all that the program may not have
    import lazy_sdk

    # The script's own folder gives way to the program's: nothing of the engine can be imported by accident.
    sys.path[0] = sys.argv[1]
    os.chdir(sys.argv[1])
    if not os.environ.get("PULUMI_EMBEDDED_EAGER_IMPORTS"):
        lazy_sdk.install()

    import pulumi
    import pulumi.runtime

    if not os.environ.get("PULUMI_EMBEDDED_PLAIN_SDK"):
        fast_sdk.install()
    options = _read_options()
    sys.argv = [options["program"]]
    _configure(options)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = min(max(options["parallel"], 1) * _THREADS_PER_STEP, _MAXIMUM_THREADS)
    loop.set_default_executor(ThreadPoolExecutor(threads))
    exit_code = 1
    try:
        coro = pulumi.runtime.run_in_stack(_run_program)
        loop.run_until_complete(coro)
        exit_code = 0
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:
        pulumi.log.error("Program failed with an unhandled exception:\n" + _user_traceback(options["program"]))
        exit_code = _SHOWN_ERROR_EXIT_CODE
    finally:
        loop.close()
        lazy_sdk.save()
        sys.stdout.flush()
        sys.stderr.flush()
    # The SDK's worker threads and channels hold nothing that needs an orderly end.
    os._exit(exit_code)
