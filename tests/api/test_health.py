"""For those who run it: alive, ready, figures."""

import re

from domain.invoices import InvoiceStatus
from tests.api.conftest import As, Client, Problem
from tests.api.world import World


async def test_anyone_may_ask_whether_it_lives(as_role: As, world: World) -> None:
    async with as_role(None) as stranger:
        assert (await stranger.get("/healthz")).json() == {"status": "ok"}
        assert (await stranger.get("/readyz")).status_code == 200


async def test_it_is_not_ready_without_temporal_and_says_so(as_role: As, problem: Problem, world: World) -> None:
    world.cases.is_reachable = False
    async with as_role(None) as stranger:
        assert "Temporal" in problem(await stranger.get("/readyz"), 503)["detail"]


async def test_figures_are_in_the_format_that_prometheus_reads(auditor: Client, world: World) -> None:
    world.account()
    world.invoice("I-1")
    world.invoice("I-2", status=InvoiceStatus.PAID)
    world.letter("I-1", "unknown")
    answer = await auditor.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]*"\})? \d+', line) for line in samples)
    assert {
        'duecourse_invoices{stage="new"} 1', 'duecourse_invoices{stage="paid"} 1', 'duecourse_letters{state="unknown"} 1',
        'duecourse_open_tasks{kind="unknown_letter"} 1', "duecourse_undelivered_ledger_events 0",
    } == set(samples)  # fmt: skip
