"""Commands of Duecourse's command line, as processes that tests start, interrupt and kill."""

import os
import signal
import tempfile
from collections.abc import Mapping
from subprocess import CompletedProcess, TimeoutExpired
from typing import IO

from tests.patience import PATIENCE
from tests.processes.fork_server import fork_process

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DUECOURSE_")}


class CommandProcess:
    """`python duecourse.py …` in the project's folder, forked from a process that has loaded it; used as `subprocess.Popen` is."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] = ENVIRONMENT, errors: IO[str] | None = None) -> None:
        """What it writes is read from `stdout`; what it says of errors goes there too, unless a file is named for that."""
        readable, writable = os.pipe()
        request = {"arguments": arguments, "environment": dict(environment)}
        nothing = os.open(os.devnull, os.O_RDONLY)
        self._connection = fork_process("command", request, (nothing, writable, errors.fileno() if errors else writable))
        os.close(nothing)
        os.close(writable)
        self.stdout = os.fdopen(readable, encoding="utf-8")
        self.returncode: int | None = None
        self._said = b""
        self.pid = int(self._read_line(PATIENCE))

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                return self.wait(0.001)
            except TimeoutExpired:
                return None
        return self.returncode

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit status, negative when a signal killed it. Raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = int(self._read_line(seconds))
            self._connection.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read_line(self, seconds: float) -> bytes:
        self._connection.settimeout(seconds)
        while b"\n" not in self._said:
            try:
                more = self._connection.recv(100)
            except TimeoutError:
                raise TimeoutExpired("duecourse.py", seconds) from None
            assert more, "the process that commands are forked from has ended"
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line


def run_command(*arguments: str, environment: Mapping[str, str] = ENVIRONMENT) -> CompletedProcess[str]:
    """Run a command that ends by itself."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = CommandProcess(*arguments, environment=environment, errors=errors)
        with process.stdout:
            output = process.stdout.read()
        status = process.wait()
        errors.seek(0)
        return CompletedProcess(arguments, status, output, errors.read())
