"""Forks processes for tests from one that has loaded what they need, for loading it costs more than all else that most of them do. Each is
a process of its own all the same, with the environment and the streams that it is given, and shares nothing with those that asked for it.

A test run has one such server for Duecourse's own processes (`duecourse_processes`), and one for pytest's (`pytest_processes`). They end
soon after the test run.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from adapters.shipped_files import PROJECT

ADDRESS, LOCK = "processes", "lock"
LENGTH_BYTES = 4
LOOKS_AFTER_THE_RUN_SECONDS = 2.0
STANDARD_STREAMS = (0, 1, 2)


def fork_process(role: str, request: dict[str, Any], streams: tuple[int, int, int], address: Path | None = None) -> socket.socket:
    """Start a process in a session of its own. `streams` are the file descriptors of its input, its output and its errors, which stay open
    here; `address` is the server's, unless it is the one for Duecourse's processes.

    The first line that comes over the connection is the process's id; then comes what its role says over it, and at last its exit status.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(address or find_server()))
    message = json.dumps({"role": role, **request}).encode()
    socket.send_fds(connection, [len(message).to_bytes(LENGTH_BYTES, "big")], streams)
    connection.sendall(message)
    return connection


@cache
def find_server() -> Path:
    """The socket of the server for Duecourse's processes, which is started by whichever process of the test run needs it first."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"duecourse-forks-{run}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / ADDRESS).exists():
            return folder / ADDRESS
        leader = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
        return start_server("tests.processes.duecourse_processes", folder, leader)


def start_server(module: str, folder: Path, leader: int, *arguments: str) -> Path:
    """Start a server that lives as long as the process `leader`; its socket, which is in `folder`. `module` is run with the folder, the
    leader and the arguments."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUECOURSE_")}
    server = subprocess.Popen(
        [sys.executable, "-m", module, str(folder), str(leader), *arguments],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdout is not None
    assert server.stdout.readline(), "the process that others are forked from ended as it started"
    _kept.append(server)
    return folder / ADDRESS


_kept: list["subprocess.Popen[bytes]"] = []
"""Referred to as long as the tests of this process run."""


# --- the one process

Role = Callable[[dict[str, Any], socket.socket], None]
"""What a process does: it gets the request, and the connection over which it was asked for."""


class ForkServer:
    """`leader` is the process that leads the test run."""

    def __init__(self, folder: Path, leader: int, roles: dict[str, Role]) -> None:
        self._folder, self._leader, self._roles = folder, leader, roles
        self._connections: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Until the test run is over. Then those are killed that have not ended."""
        ended, wakeup = socket.socketpair()
        for end in (ended, wakeup):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup.fileno())
        with socket.socket(socket.AF_UNIX) as requests:
            requests.bind(str(self._folder / ADDRESS))
            requests.listen(64)
            print("open", flush=True)
            while _is_alive(self._leader):
                readable, _, _ = select.select([requests, ended], [], [], LOOKS_AFTER_THE_RUN_SECONDS)
                if ended in readable:
                    ended.recv(1_000)
                    self._collect()
                if requests in readable:
                    self._fork(requests.accept()[0], [requests, ended, wakeup])
        for process in self._connections:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fork(self, connection: socket.socket, own: list[socket.socket]) -> None:
        streams = list[int]()
        with contextlib.suppress(OSError, ValueError):
            request, streams = _receive(connection)
            process = os.fork()
            if process == 0:
                for other in (*own, *self._connections.values()):
                    other.close()
                self._become(request, streams, connection)
            self._connections[process] = connection
        for stream in streams:
            os.close(stream)

    def _become(self, request: dict[str, Any], streams: list[int], connection: socket.socket) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            connection.sendall(f"{os.getpid()}\n".encode())
            os.environ.clear()
            os.environ.update(request["environment"])
            for target, stream in zip(STANDARD_STREAMS, streams, strict=True):
                os.dup2(stream, target)
                os.close(stream)
            self._roles[request["role"]](request, connection)
        finally:
            os._exit(1)

    def _collect(self) -> None:
        """Say with which status the ended ones have ended, as `subprocess` says it: of a killed one the signal's number, negative."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                process, status = found
                with self._connections.pop(process) as connection, contextlib.suppress(OSError):
                    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    length, streams, _, _ = socket.recv_fds(connection, LENGTH_BYTES, len(STANDARD_STREAMS))
    message = bytearray()
    while missing := int.from_bytes(length, "big") - len(message):
        part = connection.recv(missing)
        if not part:
            raise ValueError("the request was cut off")
        message += part
    return json.loads(message), streams


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
