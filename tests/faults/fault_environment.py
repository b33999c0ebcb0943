"""Where faults are played: the real Temporal server on a file, real worker processes, and an SMTP server that can be in any mood."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from temporalio.client import Client

from adapters.composition import Services, compose_services
from adapters.config.settings import PROJECT, Settings
from adapters.database.clock_store import store_clock
from adapters.database.engine import Database
from adapters.temporal.client import TemporalUnreachableError, connect_client
from adapters.temporal.embedded_server import TemporalServer
from domain.clock import Clock
from tests.faults.scripted_smtp_server import ScriptedSmtpServer, start_scripted_smtp_server
from tests.faults.worker_process import READY
from tests.patience import PATIENCE, Looks
from tests.processes.fork_server import fork_process

TAKEOVER_SECONDS = 10
"""Tests that kill every worker do not wait as long as a company would."""


class WorkerProcess:
    """`log` takes what the process has to say."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment, self._log = environment, log
        self._process: int | None = None

    async def start(self) -> None:
        connection = await asyncio.to_thread(self._fork)
        self._said, self._connection = await asyncio.open_unix_connection(sock=connection)
        self._process = int(await self._read_line())

    def _fork(self) -> socket.socket:
        with self._log.open("a+") as log:
            return fork_process("worker", {"environment": self._environment}, (log.fileno(),) * 3)

    async def wait_until_ready(self) -> None:
        """Until it polls."""
        assert await self._read_line() == READY

    async def _read_line(self) -> str:
        line = (await asyncio.wait_for(self._said.readline(), PATIENCE)).decode().strip()
        assert line, f"the worker ended as it started; {self._log} says why: {self._log.read_text()[-2000:]}"
        return line

    async def kill(self) -> None:
        """SIGKILL: it has no chance to write down anything. The connection ends with the process."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self._process = None
        with contextlib.suppress(ConnectionResetError):
            await self._said.read()
        self._connection.close()


class FaultEnvironment:
    """`parts` are those of the test's own process: it imports, and decides as a person does, but works on no workflow."""

    def __init__(
        self, server: TemporalServer, client: Client, parts: Services, office: ScriptedSmtpServer, environment: dict[str, str]
    ) -> None:
        self.client, self.parts, self.office = client, parts, office
        self._server, self._environment = server, environment
        self._workers: list[WorkerProcess] = []

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def worker_environment(self) -> dict[str, str]:
        """The environment variables of a process that is to work here."""
        return self._environment

    def create_worker(self) -> WorkerProcess:
        """Not yet started; it ends with the theatre at the latest."""
        worker = WorkerProcess(self._environment, self.parts.settings.data_dir / "worker.log")
        self._workers.append(worker)
        return worker

    async def start_worker(self) -> WorkerProcess:
        """A new worker, once it polls."""
        worker = self.create_worker()
        await worker.start()
        await worker.wait_until_ready()
        return worker

    async def kill_temporal(self) -> None:
        """SIGKILL, and wait until the server is back on the same file."""
        killed = self._server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await self.wait_until(lambda: self._server.pid != killed, "the Temporal server is started again")
        await self._answers()

    async def _answers(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(TemporalUnreachableError):
                await connect_client(self._server.address, self.client.namespace)
                return
            await asyncio.sleep(0.2)
        raise AssertionError("the Temporal server did not come back")

    async def wait_until(self, holds: Callable[[], object], what: str) -> None:
        """Until `holds`, which may ask the database."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not await asyncio.to_thread(holds):
            assert asyncio.get_running_loop().time() < deadline, f"it never came to be that {what}"
            await asyncio.sleep(0.1)

    async def wait_for_rest(self, case_ids: Iterable[str]) -> None:
        """Until no task of these cases is open: an entry is in the database before the task that wrote it is over, and in the history."""
        handles = [self.client.get_workflow_handle(case_id) for case_id in case_ids]
        async for _ in Looks(0.1):
            described = [(await handle.describe()).raw_description for handle in handles]
            if not any(description.HasField("pending_workflow_task") for description in described):
                return
        raise AssertionError(f"{[handle.id for handle in handles]} do not come to rest")

    async def close(self) -> None:
        for worker in self._workers:
            await worker.kill()


def write_letters_only_policies(folder: Path) -> Path:
    """The standard policies, but for the steps that ask for people's word: a play of letters ends with the last of them. The folder."""
    shutil.copytree(PROJECT / "policies", folder, dirs_exist_ok=True)
    standard = yaml.safe_load((folder / "standard.yaml").read_text(encoding="utf-8"))
    standard["timeline"] = [step for step in standard["timeline"] if step["act"] in ("letter", "call")]
    (folder / "standard.yaml").write_text(yaml.safe_dump(standard, sort_keys=False), encoding="utf-8")
    return folder


@asynccontextmanager
async def start_fault_environment(
    database: Database,
    folder: Path,
    clock: Clock,
    seed: int = 0,
    policies: Path | None = None,
    takeover_seconds: int = TAKEOVER_SECONDS,
) -> AsyncIterator[FaultEnvironment]:
    """Duecourse's parts on `database`, on `clock`, with the policies that come with it unless others are named; nothing works until a
    worker is started. `takeover_seconds` is the workers' setting."""
    store_clock(database, clock, clock.real_anchor)
    async with start_scripted_smtp_server(seed) as office:
        settings = Settings.load(
            data_dir=folder,
            database_url=database.url,
            smtp_host="127.0.0.1",
            smtp_port=office.port,
            smtp_security="none",
            worker_takeover_seconds=takeover_seconds,
        )
        server = await TemporalServer.find_or_start(folder, settings.temporal_namespace)
        try:
            client = await connect_client(server.address, settings.temporal_namespace)
            parts = compose_services(settings, database)
            parts.policies.load_folder(policies or settings.policies_dir)
            environment = _environment(settings, database.url, server.address, office.port)
            stage = FaultEnvironment(server, client, parts, office, environment)
            try:
                yield stage
            finally:
                await stage.close()
        finally:
            await server.stop()


def _environment(settings: Settings, database_url: str, temporal: str, smtp_port: int) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUECOURSE_")}
    return inherited | {
        "DUECOURSE_DATA_DIR": str(settings.data_dir),
        "DUECOURSE_DATABASE_URL": database_url,
        "DUECOURSE_TEMPORAL_ADDRESS": temporal,
        "DUECOURSE_SMTP_HOST": "127.0.0.1",
        "DUECOURSE_SMTP_PORT": str(smtp_port),
        "DUECOURSE_SMTP_SECURITY": "none",
        "DUECOURSE_WORKER_TAKEOVER_SECONDS": str(settings.worker_takeover_seconds),
    }
