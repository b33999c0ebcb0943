"""Notes about accounts, and about invoices whose cases are over: kept with the account, and found by its erasure."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from adapters.cases import notes
from adapters.database.tables import AccountNoteRecord
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.commands import AddNote
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld

NOTES = "/v1/accounts/A-1/notes"


@pytest.fixture
def known(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.account("A-2")
    world.invoice("I-1")
    world.invoice("P-1", status=InvoiceStatus.PAID)
    world.invoice("B-1", account="A-2")
    return world


def recorded(world: PortfolioWorld) -> list[tuple[str, str | None, str]]:
    with world.database.reading() as session:
        return [(row.account_id, row.invoice_id, row.author) for row in session.exec(select(AccountNoteRecord))]


async def test_a_note_about_an_account_is_kept_with_it_once(collector: Client, known: PortfolioWorld) -> None:
    for _ in range(2):
        answer = await collector.post(NOTES, json={"text": "Moves in May"}, headers={"Idempotency-Key": "k"})
        assert answer.json()["recorded"] == "now"
    (note,) = (await collector.get(NOTES)).json()["items"]
    assert (note["text"], note["author"], note["invoice_id"]) == ("Moves in May", "collector-1", None)
    assert recorded(known) == [("A-1", None, "collector-1")]
    assert known.cases.acts == []


@pytest.mark.parametrize("path", [NOTES, "/v1/invoices/P-1/notes"])
async def test_a_note_on_a_settled_invoice_is_kept_with_the_account(collector: Client, known: PortfolioWorld, path: str) -> None:
    body = {"text": "Thanked us"} | ({"invoice_id": "P-1"} if path == NOTES else {})
    assert (await collector.post(path, json=body)).status_code == 200
    (note,) = (await collector.get(NOTES)).json()["items"]
    assert (note["invoice_id"], note["invoice_number"]) == ("P-1", "N-P-1")
    assert recorded(known) == [("A-1", "P-1", "collector-1")]


async def test_a_note_on_an_open_invoice_goes_to_its_case(collector: Client, known: PortfolioWorld) -> None:
    await collector.post(NOTES, json={"text": "Rang", "invoice_id": "I-1"})
    assert [type(command) for command in known.cases.acts] == [AddNote]
    assert recorded(known) == []
    assert [note["text"] for note in (await collector.get(NOTES)).json()["items"]] == ["Rang"]


async def test_notes_are_listed_page_by_page_and_only_the_accounts(collector: Client, known: PortfolioWorld) -> None:
    for number in range(5):
        await collector.post(NOTES, json={"text": f"note {number}"})
    await collector.post("/v1/accounts/A-2/notes", json={"text": "another's"})
    first = (await collector.get(f"{NOTES}?limit=3")).json()
    rest = (await collector.get(f"{NOTES}?limit=3&cursor={first['next']}")).json()
    assert {note["text"] for note in [*first["items"], *rest["items"]]} == {f"note {number}" for number in range(5)}
    assert rest["next"] is None


async def test_a_note_names_an_invoice_of_its_account_and_says_something(
    collector: Client, auditor: Client, known: PortfolioWorld, problem: Problem
) -> None:
    document = problem(await collector.post(NOTES, json={"text": "x", "invoice_id": "B-1"}), 422)
    assert document["errors"][0]["pointer"] == "/invoice_id"
    problem(await collector.post(NOTES, json={"text": ""}), 422)
    problem(await collector.post("/v1/accounts/nowhere/notes", json={"text": "x"}), 404)
    problem(await auditor.post(NOTES, json={"text": "x"}), 403)
    assert recorded(known) == []


async def test_notes_stand_in_the_accounts_history_in_order_of_time_on_whatever_page(
    collector: Client, auditor: Client, known: PortfolioWorld
) -> None:
    """The case's entries are of the days after the due date; the notes of today, and of one moment."""
    world_case = known.cases.cases["I-1"]
    known.steps(world_case, 2)
    for number in range(3):
        await collector.post(NOTES, json={"text": f"note {number}"})
    await collector.post("/v1/invoices/P-1/notes", json={"text": "Thanked us"})
    whole = (await auditor.get("/v1/accounts/A-1/history")).json()["items"]
    assert [entry["kind"] for entry in whole[:4]] == ["note.added"] * 4
    assert {(entry["text"], entry["invoice_id"]) for entry in whole[:4]} >= {("note 0", None), ("Thanked us", "P-1")}
    assert len(whole) > 6
    assert (whole[0]["case_id"], whole[0]["seq"], whole[0]["hash"]) == ("", 0, "")
    paged: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await auditor.get(f"/v1/accounts/A-1/history?limit=2{cursor and '&cursor=' + cursor}")).json()
        paged, cursor = [*paged, *page["items"]], page["next"]
    assert paged == whole


async def test_a_note_and_an_entry_of_one_moment_are_both_listed_once(auditor: Client, known: PortfolioWorld) -> None:
    opened = (await auditor.get("/v1/accounts/A-1/history")).json()["items"][-1]
    at = datetime.fromisoformat(opened["business_at"])
    for number in range(2):
        notes.save_note(known.database, f"n{number}", "A-1", None, "mia", "x", at)
        notes.record_account_note(known.database, f"note:n{number}", REAL_NOW)
    listed: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await auditor.get(f"/v1/accounts/A-1/history?limit=1{cursor and '&cursor=' + cursor}")).json()
        listed, cursor = [*listed, *(entry["facts"].get("note") or entry["kind"] for entry in page["items"])], page["next"]
    assert listed[-3:] == [opened["kind"], "note:n1", "note:n0"]
    assert len(set(listed)) == len(listed)


async def test_a_past_day_knows_no_later_note(collector: Client, auditor: Client, known: PortfolioWorld) -> None:
    await collector.post(NOTES, json={"text": "Moves in May"})
    for day, count in ((TODAY, 1), (TODAY - timedelta(days=1), 0)):
        entries = (await auditor.get(f"/v1/accounts/A-1/history?at={day}")).json()["items"]
        assert sum(entry["kind"] == "note.added" for entry in entries) == count
