"""Starts worker processes for tests: each is forked from one process that has imported what a worker needs, for importing it costs more
than all else that a worker does as it starts. A worker is a process of its own all the same, and shares nothing with the tests.

Run as a module, it is that one process. It ends with its standard input, so that it does not outlive the tests that started it.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from adapters.process.gc_tuning import collect_garbage_rarely, freeze_loaded_objects
from adapters.shipped_files import PROJECT
from tests.faults.worker_process import run_worker

ADDRESS = "workers"


@cache
def start_fork_server() -> Path:
    """Start the process once for all tests of this one; the socket at which it is asked for workers."""
    folder = tempfile.TemporaryDirectory(prefix="duecourse-workers-")
    address = Path(folder.name) / ADDRESS
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUECOURSE_")}
    command = [sys.executable, "-m", "tests.faults.worker_fork_server", str(address)]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline(), "the process that workers are forked from ended as it started"
    _kept.append((process, folder))
    return address


_kept: list[tuple["subprocess.Popen[bytes]", "tempfile.TemporaryDirectory[str]"]] = []
"""What lives as long as the tests of this process."""


def serve(address: str) -> None:
    """Fork a worker for each connection. The first line that comes over it has the worker's environment and its log, as JSON."""
    signal.signal(signal.SIGCHLD, collect_ended_workers)
    collect_garbage_rarely()
    freeze_loaded_objects()
    with socket.socket(socket.AF_UNIX) as requests:
        requests.bind(address)
        requests.listen()
        print("open", flush=True)
        while True:
            readable, _, _ = select.select([requests, sys.stdin], [], [])
            if sys.stdin in readable:
                return
            connection, _ = requests.accept()
            if os.fork() == 0:
                requests.close()
                become_worker(connection)
            connection.close()


def collect_ended_workers(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become_worker(connection: socket.socket) -> None:
    """Never return: the worker works until it is killed, or until the other end of the connection is closed."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        request = json.loads(connection.makefile().readline())
        os.environ.clear()
        os.environ.update(request["environment"])
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        run_worker(connection)
    finally:
        os._exit(1)


if __name__ == "__main__":
    serve(sys.argv[1])
