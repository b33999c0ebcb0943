"""What a worker shows to those who watch over it."""

import asyncio
import socket
from types import SimpleNamespace

import httpx
import pytest

from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.temporal.embedded_server import PortInUseError
from cli.worker_probes import WorkerProbes, shown_probes
from domain.clock import Clock
from tests.cli.processes import take_free_port
from tests.databases import PostgresServer
from tests.patience import PATIENCE


def settings_with(port: int) -> Settings:
    return Settings.load(worker_port=port)


def watching(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)


async def test_a_worker_lives_before_it_works_and_is_ready_while_it_works() -> None:
    port, stop = take_free_port(), asyncio.Event()
    async with shown_probes(settings_with(port)) as probes, watching(port) as watcher:
        assert (await watcher.get("/healthz")).json() == {"status": "ok"}
        waiting = await watcher.get("/readyz")
        probes.begun, probes.stop = True, stop
        working = await watcher.get("/readyz")
        probes.watch = SimpleNamespace(absent=["the database at db/x"])  # type: ignore[assignment]
        without = await watcher.get("/readyz")
        probes.watch = None
        stop.set()
        stopping = await watcher.get("/readyz")
        wrong = [(await watcher.get("/v1/invoices")).status_code, (await watcher.post("/metrics")).status_code]

    assert (waiting.status_code, waiting.json()["detail"]) == (503, "the worker has not begun")
    assert (working.status_code, working.json()) == (200, {"status": "ok", "warnings": []})
    assert (without.status_code, without.json()["detail"]) == (503, "the database at db/x does not answer")
    assert without.headers["content-type"] == "application/problem+json"
    assert (stopping.status_code, stopping.json()["detail"]) == (503, "the worker stops")
    assert wrong == [404, 405]


def test_a_workers_figures_stay_while_the_database_is_away(postgres_server: PostgresServer) -> None:
    url = postgres_server.create()
    probes, database = WorkerProbes(), Database(url)
    probes.services = SimpleNamespace(database=database, clock=Clock.real_time())  # type: ignore[assignment]
    probes.begun = True

    there = probes.render_metrics()
    with postgres_server.away():
        away = probes.render_metrics()
    database.close()
    postgres_server.give_back(url)

    assert {"duecourse_worker_ready 1", "duecourse_undelivered_ledger_events 0"} <= set(there.splitlines())
    assert away.splitlines()[-1] == "duecourse_worker_ready 1"


async def test_a_port_that_another_program_has_is_refused_by_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUseError, match="choose another with DUECOURSE_WORKER_PORT"):
        async with shown_probes(settings_with(taken.getsockname()[1])):
            pass
