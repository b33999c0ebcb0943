"""For those who run it: alive, ready, figures."""

import re
from dataclasses import replace
from datetime import timedelta

from fastapi import FastAPI

from adapters.audit.histories.archive_sweep import LAST_SWEEP_SETTING
from adapters.database.tables import Setting
from domain.audit.archive_status import ArchiveSweepResult
from domain.billing.billing_events import InvoiceStatus
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld


async def test_anyone_may_ask_whether_it_lives(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(None) as stranger:
        assert (await stranger.get("/healthz")).json() == {"status": "ok"}
        assert (await stranger.get("/readyz")).status_code == 200


async def test_it_is_not_ready_without_temporal_and_says_so(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    world.cases.is_reachable = False
    async with as_role(None) as stranger:
        assert "Temporal" in problem(await stranger.get("/readyz"), 503)["detail"]


async def test_figures_are_in_the_format_that_prometheus_reads(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.invoice("I-2", status=InvoiceStatus.PAID)
    world.letter("I-1", "unknown")
    answer = await auditor.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"\})? \d+', line) for line in samples)
    assert {
        'duecourse_invoices{stage="new"} 1',
        'duecourse_invoices{stage="paid"} 1',
        'duecourse_letters{state="unknown"} 1',
        'duecourse_open_tasks{kind="unknown_letter"} 1',
        "duecourse_undelivered_ledger_events 0",
        "duecourse_policies_refused 0",
    } == set(samples)


async def test_the_archives_figures_stand_beside_them_once_it_was_swept_and_its_lag_grows(auditor: Client, world: PortfolioWorld) -> None:
    swept = ArchiveSweepResult(at=REAL_NOW - timedelta(minutes=5), left=3, lag_seconds=60, at_risk=1)
    world.add(Setting(name=LAST_SWEEP_SETTING, value=swept.model_dump(mode="json")))
    samples = dict(
        line.rsplit(" ", 1) for line in (await auditor.get("/metrics")).text.splitlines() if line.startswith("duecourse_archive")
    )
    assert samples == {
        "duecourse_archive_swept_seconds": "300",
        "duecourse_archive_lag_seconds": "360",
        "duecourse_archive_left": "3",
        "duecourse_archive_at_risk": "1",
    }


async def test_the_sdks_own_figures_follow_ours(app: FastAPI, auditor: Client, world: PortfolioWorld) -> None:
    app.state.parts = replace(app.state.parts, read_sdk_metrics=lambda: "temporal_request_total 7\n")
    lines = (await auditor.get("/metrics")).text.splitlines()
    assert (lines[-1], "duecourse_undelivered_ledger_events 0" in lines) == ("temporal_request_total 7", True)
