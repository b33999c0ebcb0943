"""Invoices: filters, stable pages, one live, its history."""

from datetime import date, timedelta
from threading import get_ident
from typing import Any

import pytest

from adapters.billing.invoice_documents import InvoiceDocuments
from adapters.database.tables import ContactRequest, Invoice, JournalEntry
from adapters.read_model.journal import list_case_history
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_outcome import LetterResult
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on


@pytest.fixture
def portfolio(world: PortfolioWorld) -> PortfolioWorld:
    """late: 60 days, reminded once, on hold; due: today; paid; early: not begun."""
    world.account()
    world.account("A-2", "Hartley & Sons 100%_Ltd", "en", collector="tom")
    late = world.invoice("late", due=TODAY - timedelta(days=60))
    assert late is not None
    world.steps(late, 1)
    apply_command(late, PauseCollection(act_id="p", actor="maria", reason="stock"), moment_on(TODAY))
    world.write(late)
    world.invoice("due", "A-2", due=TODAY, currency="GBP")
    world.invoice("paid", due=TODAY - timedelta(days=30), status=InvoiceStatus.PAID)
    world.invoice("early", due=TODAY + timedelta(days=20), started=False)
    return world


async def ids_of(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/v1/invoices?{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["late", "paid", "due", "early"]),
        ("account=A-2", ["due"]),
        ("collector=tom", ["due"]),
        ("stage=reminder", ["late"]),
        ("stage=new", ["due"]),
        ("stage=paid", ["paid"]),
        ("stage=waiting", ["early"]),
        ("status=open", ["late", "due", "early"]),
        ("min_days_past_due=1", ["late"]),
        ("min_days_past_due=0", ["late", "due"]),
        ("on_hold=true", ["late"]),
        ("on_hold=false", ["paid", "due", "early"]),
        ("currency=GBP", ["due"]),
        ("q=N-LA", ["late"]),
        ("q=hartley", ["due"]),
        ("q=100%25_l", ["due"]),
        ("q=a%25e", []),
        ("account=A-1&status=open&on_hold=false", ["early"]),
    ],
)
async def test_a_filter_finds_what_it_says(auditor: Client, portfolio: PortfolioWorld, query: str, found: list[str]) -> None:
    assert await ids_of(auditor, query) == found


async def test_a_page_says_what_a_case_waits_for(auditor: Client, portfolio: PortfolioWorld) -> None:
    item = (await auditor.get("/v1/invoices?stage=reminder")).json()["items"][0]
    shown = {name: item[name] for name in ("days_past_due", "open_balance", "on_hold", "waiting_for", "next_step", "next_on")}
    assert shown == {
        "days_past_due": 60,
        "open_balance": {"amount": "250.00", "currency": "EUR"},
        "on_hold": True,
        "waiting_for": "pause",
        "next_step": "second_reminder",
        "next_on": None,
    }


async def test_pages_show_every_invoice_once_though_others_come_meanwhile(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    same_day = date(2013, 2, 1)
    for number in range(7):
        world.invoice(f"I-{number}", due=same_day)
    first = (await auditor.get("/v1/invoices?limit=3")).json()
    world.invoice("I-0a", due=same_day)
    world.invoice("I-2a", due=same_day)
    seen = [item["id"] for item in first["items"]]
    cursor = first["next"]
    while cursor:
        page = (await auditor.get(f"/v1/invoices?limit=3&cursor={cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ["I-0", "I-1", "I-2", "I-2a", "I-3", "I-4", "I-5", "I-6"]


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WzEsMl0", "%F0%9F%92%A5"])
async def test_a_foreign_cursor_is_a_problem(auditor: Client, problem: Problem, world: PortfolioWorld, cursor: str) -> None:
    problem(await auditor.get(f"/v1/invoices?cursor={cursor}"), 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "status=lost", "currency=euro", "min_days_past_due=-1"])
async def test_a_filter_that_makes_no_sense_is_a_problem(auditor: Client, problem: Problem, world: PortfolioWorld, query: str) -> None:
    problem(await auditor.get(f"/v1/invoices?{query}"), 422)


async def test_one_invoice_is_read_live(auditor: Client, portfolio: PortfolioWorld) -> None:
    live = portfolio.cases.cases["due"]
    apply_command(live, PauseCollection(act_id="p2", actor="tom", reason="stock"), moment_on(TODAY))
    invoice = (await auditor.get("/v1/invoices/due")).json()
    assert (invoice["source"], invoice["on_hold"], invoice["why"]) == ("live", True, "On hold: paused since 1 Mar 2013 (stock)")
    assert await ids_of(auditor, "on_hold=true") == ["late"]


async def test_without_a_worker_the_read_model_is_shown_and_named(auditor: Client, portfolio: PortfolioWorld) -> None:
    portfolio.cases.answers = False
    invoice: dict[str, Any] = (await auditor.get("/v1/invoices/late", headers={"Accept-Language": "de"})).json()
    assert (invoice["source"], invoice["stage"]) == ("read_model", "reminder")
    assert invoice["why"] == "Angehalten: angehalten seit 01.03.2013 (stock)"
    assert [step["step"] for step in invoice["steps_taken"]] == ["reminder"]


async def test_money_is_the_ledgers_even_when_the_case_has_not_heard_yet(auditor: Client, portfolio: PortfolioWorld) -> None:
    with portfolio.database.writing() as session:
        session.get_one(Invoice, "late").open_balance = 100
    invoice = (await auditor.get("/v1/invoices/late")).json()
    assert invoice["open_balance"] == {"amount": "1.00", "currency": "EUR"}


async def test_nobody_waits_while_it_is_looked_up_whether_an_invoice_can_be_had_printed(
    auditor: Client, portfolio: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections are read from the database, one thread at a time: the event loop must not wait for them."""
    threads: list[int] = []

    def can_fetch(_: InvoiceDocuments, invoice_id: str) -> bool:
        threads.append(get_ident())
        return True

    monkeypatch.setattr(InvoiceDocuments, "can_fetch", can_fetch)
    assert (await auditor.get("/v1/invoices/late")).status_code == 200
    assert threads
    assert get_ident() not in threads


async def test_an_invoice_that_has_not_begun_says_so(auditor: Client, portfolio: PortfolioWorld) -> None:
    invoice = (await auditor.get("/v1/invoices/early")).json()
    assert (invoice["stage"], invoice["why"]) == ("waiting", "Its collection has not begun yet")


async def test_a_currency_without_cents_is_written_without(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("yen", total=1234, currency="JPY")
    assert (await auditor.get("/v1/invoices/yen")).json()["total"] == {"amount": "1234", "currency": "JPY"}


async def test_the_history_says_each_entry_in_words(auditor: Client, portfolio: PortfolioWorld) -> None:
    letter = portfolio.letter("late")
    task = portfolio.task("late")
    history = (await auditor.get("/v1/invoices/late/history?language=fr")).json()
    assert [entry["seq"] for entry in history["entries"]] == list(range(1, len(history["entries"]) + 1))
    assert history["entries"][-1]["sentence"] == "Mise en attente : en pause (stock)"
    assert ([row["id"] for row in history["letters"]], [row["id"] for row in history["tasks"]]) == ([letter], [task])


async def test_no_story_tells_that_the_clock_was_set(auditor: Client, world: PortfolioWorld) -> None:
    """Every case's journal keeps it; it says nothing of the case. The chain around it still counts."""
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    case.write_entry(EntryKind.CLOCK_SET, moment_on(TODAY), day_seconds="2.0")
    case.write_entry(EntryKind.SUSPENSION_ASKED, moment_on(TODAY), invoice="I-1", open_balance=25_000)
    world.write(case)
    entries = (await auditor.get("/v1/invoices/I-1/history")).json()["entries"]
    assert [entry["kind"] for entry in entries] == ["case.opened", "suspension.asked"]
    assert entries[-1]["sentence"] == "The account’s suspension was asked for: invoice N-I-1, €250.00 open"
    assert len((await auditor.get("/v1/accounts/A-1/history")).json()["items"]) == 2
    assert [line.kind for line in list_case_history(world.database, "invoice:I-1")] == ["case.opened", "clock.set", "suspension.asked"]


async def test_an_entry_beside_the_chain_is_not_shown(auditor: Client, portfolio: PortfolioWorld) -> None:
    """A worker died after writing it, and its successor wrote the same number anew."""
    portfolio.add(
        JournalEntry(
            case_id="invoice:late",
            seq=2,
            hash="f" * 64,
            previous="e" * 64,
            kind="case.closed",
            business_at=moment_on(TODAY).business,
            recorded_at=REAL_NOW,
            account_id="A-1",
            invoice_id="late",
            actor="duecourse",
            facts={"outcome": "paid"},
        )
    )
    for path in ("/v1/invoices/late/history", "/v1/accounts/A-1/history"):
        answer = (await auditor.get(path)).json()
        kinds = [entry["kind"] for entry in answer.get("entries", answer.get("items"))]
        assert "case.closed" not in kinds, path
        assert kinds.count("step.taken") == 1, path


async def test_an_unknown_invoice_has_no_history(auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await auditor.get("/v1/invoices/none/history"), 404)


async def test_a_letter_in_doubt_waits_for_a_decision_and_once_it_goes_again_for_its_outcome(
    auditor: Client, as_role: As, world: PortfolioWorld
) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=2))
    assert case is not None
    world.steps(case, 1, LetterResult.UNKNOWN)
    letter = world.letter("I-1", "unknown")
    request: dict[str, Any] = {
        "invoice_id": "I-1",
        "account_id": "A-1",
        "step": "reminder",
        "policy": "standard",
        "policy_version": 1,
        "rank": 1,
    }
    world.add(ContactRequest(**request, letter="reminder", slot=moment_on(TODAY).business, state="unknown", message_id=letter))

    async def read() -> tuple[Any, ...]:
        shown, (listed,) = (await auditor.get("/v1/invoices/I-1")).json(), (await auditor.get("/v1/invoices")).json()["items"]
        return shown["waiting_for"], listed["waiting_for"], shown["steps_taken"][-1]["says"], shown["why"]

    assert (await read())[:3] == ("letter_decision", "letter_decision", "fate unknown")
    async with as_role(Role.COLLECTOR, Accept="text/html") as person:
        assert "a person decides about its letter" in (await person.get("/")).text
        assert (await person.post(f"/v1/letters/{letter}/decision", json={"decision": "resend"})).status_code == 200
        assert "its letter is being sent again" in (await person.get("/")).text
        assert "The letter “First reminder” is being sent again" in (await person.get("/invoices/I-1")).text
    assert await read() == (
        "letter",
        "letter",
        "the letter is being sent again",
        "The letter “First reminder” is being sent again: then the timeline goes on",
    )
