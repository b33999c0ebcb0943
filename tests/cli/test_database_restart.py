"""PostgreSQL stops and starts under `up`, `worker` and `api`: all three wait, say so, and go on, and nothing happens twice."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Message
from adapters.imports.column_mapping import load_mapping
from adapters.imports.importer import Importer
from adapters.sample.invoices import make_sample_portfolio
from adapters.sample.simulation import MAPPING_FILE, write_sample_export
from domain.clock import start_of_day
from tests.cli.processes import Running, Up, take_free_port, until
from tests.databases import PostgresServer
from tests.patience import PATIENCE
from tests.processes.commands import ENVIRONMENT

AS_OF = date(2026, 10, 7)
INVOICES, DAY_SECONDS = 22, 3
"""They fall due until November, and letters about them go until December: for more than three minutes, whatever a busy machine needs."""


@pytest.fixture
def books(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Database:
    """A database on PostgreSQL with some invoices, which every command of the test uses."""
    url = postgres_server.create()
    monkeypatch.setitem(ENVIRONMENT, "DUECOURSE_DATABASE_URL", url)
    database = Database(url)
    file = write_sample_export(tmp_path / "invoices.csv", make_sample_portfolio(AS_OF).invoices[:INVOICES])
    Importer(database).run(file, load_mapping(MAPPING_FILE), AS_OF, start_of_day(AS_OF), "the test", hold_new_accounts=False)
    return database


def list_sent(books: Database) -> list[str]:
    """The Message-IDs of the letters that were sent."""
    with books.reading() as session:
        return list(session.scalars(select(col(Message.message_id)).where(col(Message.state) == MessageState.SENT)))


def count_doubtful(books: Database) -> int:
    with books.reading() as session:
        return session.scalar(select(func.count()).where(col(Message.state) == MessageState.UNKNOWN)) or 0


FIGURES = {"duecourse_worker_ready 1", "# TYPE temporal_workflow_task_execution_latency_seconds histogram"}


def ask_readiness(port: int) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE)


def read_figures(port: int) -> list[str]:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text.splitlines()


def test_all_processes_outlast_a_database_that_stops_and_starts(
    start: Callable[..., Up],
    run: Callable[..., Running],
    books: Database,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, worker_port = take_free_port(), take_free_port()
    monkeypatch.setitem(ENVIRONMENT, "DUECOURSE_WORKER_PORT", str(worker_port))
    with postgres_server.away():
        up = start("--no-sample", "--as-of", AS_OF.isoformat(), "--day-seconds", str(DAY_SECONDS))
        up.wait_for("waiting for the database at ")
    up.ready()
    worker, api = run("worker", "--data-dir", str(up.data_dir)), run("api", "--data-dir", str(up.data_dir), "--port", str(port))
    everybody = (up, worker, api)
    assert worker.ready().startswith("for the work of")
    api.ready()
    until(lambda: len(list_sent(books)) > 0, "a first letter")

    with postgres_server.away():
        gone = [running.wait_for("the database at ") for running in everybody]
        probes = [ask_readiness(of) for of in (up.port, port, worker_port)]
        asked = httpx.get(f"http://127.0.0.1:{port}/v1/invoices", headers={"Authorization": "Bearer x"}, timeout=PATIENCE)
    back = [running.wait_for("the database at ") for running in everybody]
    before = len(list_sent(books))
    until(lambda: len(list_sent(books)) > before, "another letter")

    assert all("does not answer (" in line for line in gone)
    assert all("answers again" in line for line in back)
    assert all((probe.status_code, bool(re.search("the database.* does not answer", probe.text))) == (503, True) for probe in probes)
    assert (asked.status_code, asked.headers["retry-after"]) == (503, "5")
    until(lambda: [ask_readiness(of).status_code for of in (up.port, port, worker_port)] == [200] * 3, "all are ready again")
    until(lambda: set(read_figures(worker_port)) >= FIGURES, "the worker has worked, and is ready")
    assert [running.stop() for running in (api, worker, up)] == [0, 0, 0]
    assert count_doubtful(books) == 0
    delivered = list((up.data_dir / "inbox").rglob("*.eml"))
    assert len(delivered) == len(list_sent(books)) == len(set(list_sent(books)))
    books.close()
