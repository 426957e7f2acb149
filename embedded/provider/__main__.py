"""Run the provider as a Pulumi plugin: print the port it listens on, serve until the engine is done with it."""

import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from embedded.provider.protocol import provider_pb2_grpc
from embedded.provider.provider import Provider
from embedded.provider.service import Service
from embedded.provider.session import load_connector

_OPTIONS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]
_THREADS = 64


def main() -> int:
    """Serve on a free port of the loopback interface until SIGTERM, SIGINT or the death of the engine."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    provider = Provider()
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Service(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    load_connector()
    parent = os.getppid()
    while not done.wait(1) and os.getppid() == parent:
        pass  # an engine that was killed cannot stop its plugins, so they look after it themselves
    server.stop(grace=0.5)
    provider.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["statements"]:
        from embedded.provider import statements

        sys.exit(statements.main())
    sys.exit(main())
