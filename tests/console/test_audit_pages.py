"""An account on a day, as it was known then and as it is known now; its proof, why each step came, and who looked at what."""

import re
from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import select, update
from sqlmodel import col

from adapters.audit.effective_balances import load_effective_balances
from adapters.audit.seals.seal_store import SealStore
from adapters.database.append_only import drop_append_only_trigger
from adapters.database.tables import Allocation, Case, Invoice, JournalEntry, Payment
from adapters.identity.users_and_tokens import IdentityStore
from api.console.auditing.proof_works import MOST_OF_ONE_PERSON, ProofWorks
from api.console.kept_works import KEPT_SECONDS
from domain.billing.billing_events import InvoiceStatus
from domain.journal.entry import GENESIS, Entry
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_languages import find_english, visible_words
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token
from tests.patience import Looks

DUE = TODAY - timedelta(days=9)


@pytest.fixture
def audited(world: PortfolioWorld) -> PortfolioWorld:
    """EUR 250 due nine days ago; EUR 100 of it came in five days ago, and was booked today."""
    world.account()
    case = world.invoice("I-1", due=DUE)
    assert case is not None
    world.steps(case, 1)
    world.record_payment(case, 10_000, TODAY)
    world.add(Payment(id="P-1", account_id="A-1", currency="EUR", amount=10_000, received_on=TODAY - timedelta(days=5)))
    world.add(Allocation(payment_id="P-1", invoice_id="I-1", amount=10_000, allocated_on=TODAY))
    return world


async def test_a_day_is_shown_as_it_was_known_then_and_as_it_is_known_now(as_role: As, audited: PortfolioWorld) -> None:
    audited.invoice("I-2", due=TODAY + timedelta(days=20), started=False)
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        day = (TODAY - timedelta(days=2)).isoformat()
        shown = await page(client, f"/audit/accounts/A-1?on={day}")
        assert "€250.00 €150.00" in words(shown), "the payment came in before, and was not known"
        assert '<span class="badge hold">€150.00</span>' in shown, "what differs is marked"
        assert "not yet collected" in shown
        assert "The chain is whole" in shown
        today = await page(client, "/audit/accounts/A-1")
        assert "€150.00 €150.00" in words(today)
        assert "was paid" in today
        assert "was paid" not in shown
        assert (await client.get(f"/audit/accounts/A-1?on={(TODAY + timedelta(days=1)).isoformat()}")).status_code == 422
        assert (await client.get("/audit/accounts/none")).status_code == 404
        assert 'href="/v1/audit/export?account=A-1"' in today
        trail = await page(client, "/audit?account=A-1")
        assert "The account on a day" in trail, "the auditor's own look is in it"
        assert "Nobody has looked at it." in await page(client, "/audit?account=A-1&user=nobody")


async def test_each_entry_says_whether_it_was_verified_and_one_that_was_changed_is_broken(as_role: As, audited: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        states = re.compile(r'<span class="badge (?:done|stage|bad)" title="[^"]+">(verified|not verified yet|broken)</span>')
        unsealed = states.findall(await page(client, "/audit/accounts/A-1"))
        assert set(unsealed) == {"not verified yet"}, "no daily seal was made"
        with audited.database.writing() as session:
            recorded = session.scalars(select(col(JournalEntry.recorded_at))).all()
        SealStore(audited.database).make_seal(TODAY, max(recorded))
        assert states.findall(await page(client, "/audit/accounts/A-1")) == ["verified"] * len(unsealed)
        with audited.database.writing() as session:
            drop_append_only_trigger(session.connection(), "journal")
            session.execute(update(JournalEntry).where(col(JournalEntry.kind) == "payment.received").values(actor="somebody"))
        told = states.findall(await page(client, "/audit/accounts/A-1"))
        assert (told.count("broken"), told.count("verified")) == (1, len(unsealed) - 1)
        with audited.database.writing() as session:
            previous = GENESIS
            for row in session.scalars(select(JournalEntry).order_by(col(JournalEntry.seq))):
                row.previous = previous
                row.hash = previous = Entry.model_validate(row.model_dump(include=set(Entry.model_fields))).digest()
            session.execute(update(Case).values(head=previous))
        assert states.findall(await page(client, "/audit/accounts/A-1")) == ["broken"] * len(unsealed), "the seal names another chain"


def test_what_is_known_now_knows_neither_what_was_taken_back_nor_what_was_cancelled(audited: PortfolioWorld) -> None:
    def read(days_ago: int) -> list[int]:
        balances = load_effective_balances(audited.database, "A-1", TODAY - timedelta(days=days_ago))
        return [each.open_balance for each in balances]

    assert (read(6), read(5), read(0)) == ([25_000], [15_000], [15_000])
    assert read(60) == [], "it had not been issued"
    audited.add(Allocation(payment_id="P-1", invoice_id="I-1", amount=-10_000, allocated_on=TODAY, cause="reversed"))
    assert read(0) == [25_000]
    with audited.database.writing() as session:
        session.execute(update(Invoice).values(status=InvoiceStatus.CANCELLED.value, open_balance=0))
    assert read(6) == [0]


async def test_everything_is_verified_and_an_account_replayed_on_asking(app: FastAPI, as_role: As, audited: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        token = find_form_token(await page(client, "/audit"))
        verified = await follow_proof(client, await client.post("/audit", data={"form_token": token}))
        assert verified.status_code == 200
        assert "Entries" in verified.text
        replayed = await follow_proof(client, await client.post("/audit/accounts/A-1", data={"form_token": token}))
        assert replayed.status_code == 503, "this one has no server to ask for histories"
        assert (await client.post("/audit/accounts/none", data={"form_token": token})).status_code == 404
        assert (await client.post("/audit", data={"form_token": "x"})).status_code == 303
        assert (await client.post("/audit/accounts/A-1", data={})).status_code == 303


async def follow_proof(client: Client, begun: Response) -> Response:
    """The page of a proof, once it is over."""
    assert begun.status_code == 303
    async for _ in Looks():
        shown = await client.get(begun.headers["location"])
        if "<progress" not in shown.text:
            return shown
    raise AssertionError("the proof goes on")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_proof_under_way_says_how_far_it_has_come_and_is_the_askers_alone(
    app: FastAPI, as_role: As, audited: PortfolioWorld
) -> None:
    works: ProofWorks = app.state.proof_works
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        token = find_form_token(await page(client, "/audit"))
        work, _ = works.begin("auditor-1", None)
        address = f"/audit/proofs/{work.token}"
        assert "is being read" in await page(client, address)
        work.report_progress(20_000, 100_000)
        assert "20,000 of 100,000 entries verified so far" in words(await page(client, address))
        again = await client.post("/audit", data={"form_token": token})
        assert again.headers["location"].partition("?")[0] == address, "it is asked for once"
        assert works.begin("auditor-2", None)[1], "by each"
        replaying, _ = works.begin("auditor-1", "A-1")
        replaying.report_progress(1, 2)
        assert "1 of 2 runs replayed so far" in words(await page(client, f"/audit/proofs/{replaying.token}"))
        assert (await client.get("/audit/proofs/none")).status_code == 404
        app.state.proof_works = ProofWorks()
        gone = await client.get(again.headers["location"])
        assert (gone.status_code, "Nothing is known of it any more." in words(gone.text)) == (410, True)
        assert '<form method="post" action="/audit">' in gone.text, "it is begun again from there"
        works = app.state.proof_works
        other, _ = works.begin("auditor-2", "A-1")
        assert (await client.get(f"/audit/proofs/{other.token}")).status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_proof_is_told_in_the_readers_language(app: FastAPI, as_role: As, audited: PortfolioWorld) -> None:
    works: ProofWorks = app.state.proof_works
    begun = [works.begin("auditor-1", account)[0] for account in (None, "A-1")]
    for language in ("de", "es", "fr"):
        IdentityStore(audited.database).add_user("auditor-1", Role.AUDITOR, language=language)
        async with as_role(Role.AUDITOR, Accept="text/html") as client:
            for work in begun:
                for done in (0, 1):
                    work.report_progress(done, done * 2)
                    html = await page(client, f"/audit/proofs/{work.token}")
                    assert find_english(" ".join(visible_words(html)), language) == []


def test_what_proofs_said_is_kept_for_an_hour_and_what_goes_on_for_longer() -> None:
    now = [0.0]
    works = ProofWorks(lambda: now[0])
    over, going = works.begin("ana", "A-1")[0], works.begin("ana", "A-2")[0]
    over.end(None, ValueError())
    assert works.find(over.token, "ana") is over
    now[0] = KEPT_SECONDS + 1
    assert (works.find(over.token, "ana"), works.find(going.token, "ana")) == (None, going)
    for number in range(MOST_OF_ONE_PERSON + 3):
        works.begin("ana", f"B-{number}")[0].end(None)
    last, _ = works.begin("ana", None)
    assert works.find(last.token, "ana") is last
    assert works.find(going.token, "ana") is going


async def test_the_line_through_time_leads_to_a_day(as_role: As, audited: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        shown = await page(client, "/audit/accounts/A-1")
        first, length = date.fromisoformat(re.findall(r'data-first="([^"]+)"', shown)[0]), int(re.findall(r'max="(\d+)"', shown)[0])
        assert first + timedelta(days=length) == TODAY
        assert f'<option value="{length}">' in shown, "the days on which something was written are marked"

        async def move(**sent: object) -> str:
            moved = await client.get("/audit/accounts/A-1", params={name: str(value) for name, value in sent.items()})
            assert moved.status_code == 303
            return moved.headers["location"].removeprefix("/audit/accounts/A-1?on=")

        other = TODAY - timedelta(days=2)
        assert await move(days=1, days_shown=length, on=TODAY) == (first + timedelta(days=1)).isoformat()
        assert await move(days=length, days_shown=length, on=other) == other.isoformat(), "where it stays the date that is written counts"
        assert await move(days=length + 9, days_shown=0) == TODAY.isoformat()
        assert (await client.get("/audit/accounts/A-1?days=-1")).status_code == 422


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.COLLECTIONS_MANAGER])
async def test_the_pages_are_the_auditors(as_role: As, audited: PortfolioWorld, role: Role) -> None:
    async with as_role(role, Accept="text/html") as client:
        assert (await client.get("/audit")).status_code == 403
        assert (await client.get("/audit/accounts/A-1")).status_code == 403
        assert (await client.post("/audit", data={})).status_code == 403
        assert 'href="/audit"' not in await page(client, "/")
