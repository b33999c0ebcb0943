"""Commands as a person starts them: what they print, and how they end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from queue import Empty, Queue
from time import monotonic, sleep

import httpx
import psutil
import pytest

from adapters.config.settings import PROJECT
from tests.patience import PATIENCE
from tests.processes.commands import ENVIRONMENT, CommandProcess

LOWEST_PORT, PORTS_OF_A_WORKER = 20_000, 500
_port_numbers = count(os.getpid() % PORTS_OF_A_WORKER)
"""Another test run on the same machine begins at another number."""


class Running:
    """One command that runs until it is stopped, from its first line to its exit. `typed`: as a person types it, by an interpreter that has
    loaded nothing yet."""

    def __init__(self, *arguments: str, typed: bool = False) -> None:
        self.process: CommandProcess | subprocess.Popen[str] = _type_command(*arguments) if typed else CommandProcess(*arguments)
        self.screen: list[str] = []
        self._lines: Queue[str | None] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def ready(self) -> str:
        """What stands on the line that begins with `ready`: the URL, or whose work it does."""
        return self.wait_for("ready ").removeprefix("ready ")

    def wait_for(self, beginning: str) -> str:
        """The next line that begins like this; those before it are on the `screen` alone."""
        deadline = monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - monotonic(), 0.01))
            except Empty:
                line = None
            if line is None:
                pytest.fail(f"never {beginning!r}:\n" + "\n".join(self.screen))
            self.screen.append(line)
            if line.startswith(beginning):
                return line

    def rest(self) -> list[str]:
        """What it wrote after the line that was waited for, once it has ended."""
        return [line for line in iter(lambda: self._lines.get(timeout=PATIENCE), None) if line is not None]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """End it at once, where it has not ended yet."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Up(Running):
    """One `duecourse up`."""

    def __init__(self, data_dir: Path, *options: str, port: int | None = None, typed: bool = False) -> None:
        self.data_dir = data_dir
        self.port = port or take_free_port()
        super().__init__("up", "--data-dir", str(data_dir), "--port", str(self.port), *options, typed=typed)

    @property
    def temporal_pid(self) -> int:
        file = self.data_dir / "temporal.json"
        text = file.read_text(encoding="utf-8")
        while not text:  # it is just being written
            text = file.read_text(encoding="utf-8")
        pid: int = json.loads(text)["pid"]
        return pid

    def ask_readiness(self) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=PATIENCE)

    @property
    def temporal(self) -> psutil.Process:
        return psutil.Process(self.temporal_pid)


def take_free_port() -> int:
    """A port that no other program is given: below those that the system hands out. Each process of the test run has some of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in islice(_port_numbers, PORTS_OF_A_WORKER):
        port = LOWEST_PORT + worker * PORTS_OF_A_WORKER + number % PORTS_OF_A_WORKER
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def _type_command(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "duecourse.py", *arguments],
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE
    while not condition():
        if monotonic() > deadline:
            pytest.fail(f"waited in vain: {what}")
        sleep(0.05)
