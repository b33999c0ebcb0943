"""Starts processes for tests: each is forked from one process that has imported what Duecourse needs, for importing it costs more than all
else that most of them do. A process of these is one of its own all the same, with the environment and the output that it is given, and
shares nothing with the tests. What the processes do is in `forked_roles`.

There is one such process in a test run, for all of pytest's. It ends soon after them.
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
LONGEST_REQUEST = 200_000
LOOKS_AFTER_THE_RUN_SECONDS = 2.0
STANDARD_STREAMS = (0, 1, 2)


def fork_process(role: str, request: dict[str, Any], output: int, errors: int) -> socket.socket:
    """Start a process in a session of its own, without input; `output` and `errors` are file descriptors, which stay open here. The first
    line that comes over the connection is the process's id; then comes what its role says over it, and at last its exit status."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(_find_server()))
    message = json.dumps({"role": role, **request}).encode()
    assert len(message) < LONGEST_REQUEST
    socket.send_fds(connection, [len(message).to_bytes(4, "big")], [output, errors])
    connection.sendall(message)
    return connection


@cache
def _find_server() -> Path:
    """The socket of this test run's server, which is started by whichever process needs it first."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"duecourse-forks-{run}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ADDRESS).exists():
            _start_server(folder)
    return folder / ADDRESS


_kept: list["subprocess.Popen[bytes]"] = []
"""Referred to as long as the tests of this process run."""


def _start_server(folder: Path) -> None:
    leader = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUECOURSE_")}
    command = [sys.executable, "-m", "tests.forked_roles", str(folder), str(leader)]
    server = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    assert server.stdout is not None
    assert server.stdout.readline(), "the process that others are forked from ended as it started"
    _kept.append(server)


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
            for target, stream in zip(STANDARD_STREAMS, (os.open(os.devnull, os.O_RDONLY), *streams), strict=True):
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
    length, streams, _, _ = socket.recv_fds(connection, 4, 2)
    with connection.makefile("rb", buffering=0) as stream:
        message = bytearray()
        while len(message) < int.from_bytes(length, "big"):
            message += stream.read(int.from_bytes(length, "big") - len(message)) or _fail()
    return json.loads(message), streams


def _fail() -> bytes:
    raise ValueError("the request was cut off")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
