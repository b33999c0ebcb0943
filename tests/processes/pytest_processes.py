"""Pytest's processes: each is forked from one that has loaded the tests. Loading them, and all that they import, takes longer than to find
the tests in them, and as long again where Python has compiled nothing yet.

Run as a module with the server's folder, a leader and pytest's arguments, it is that one process. Run with the server's folder and a
program, as pytest-xdist runs `python -c`, it has the server fork a process for the program, and stands for it until that ends.
"""

import contextlib
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

from adapters.shipped_files import PROJECT
from tests.processes.fork_server import ADDRESS, STANDARD_STREAMS, ForkServer, fork_process, start_server

MODULE = "tests.processes.pytest_processes"
KILLED = 128


class Interpreter(Protocol):
    """How pytest-xdist is told to start a process."""

    popen: bool
    python: str | None


def fork_interpreters(specs: list[Interpreter], arguments: list[str]) -> None:
    """Have processes forked that pytest-xdist would start; `arguments` are pytest's, of which tests to find. Where no process is to be
    forked, or another folder is worked in, it starts them itself."""
    own = [spec for spec in specs if spec.popen and not spec.python]
    if not own or sys.platform != "linux" or Path.cwd() != PROJECT:
        return
    folder = Path(tempfile.mkdtemp(prefix="duecourse-pytest-"))
    start_server(MODULE, folder, os.getpid(), *arguments)
    for spec in own:
        spec.python = f"{sys.executable} -m {MODULE} {folder}"


def _load_tests(arguments: list[str]) -> None:
    import psutil
    import pytest

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        pytest.main(["--collect-only", "-p", "no:cacheprovider", *arguments])
    assert psutil.Process().num_threads() == 1, "a test module starts threads as it is loaded: such a process is not to be forked"


def _become_pytest(request: dict[str, Any], connection: socket.socket) -> None:
    connection.close()
    sys.argv = ["-c"]
    exec(request["program"], {"__name__": "__main__"})
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _stand_for_forked(address: Path, program: str) -> None:
    request = {"environment": dict(os.environ), "program": program}
    connection = fork_process("pytest", request, STANDARD_STREAMS, address)
    with connection.makefile() as said:
        _, status = said.readline(), int(said.readline())
    os._exit(status if status >= 0 else KILLED - status)


if __name__ == "__main__":
    server, *rest = sys.argv[1:]
    if rest[-2:-1] == ["-c"]:
        _stand_for_forked(Path(server) / ADDRESS, rest[-1])
    _load_tests(rest[1:])
    ForkServer(Path(server), int(rest[0]), {"pytest": _become_pytest}).serve()
