"""An account on a day, as it was known then and as it is known now; its proof, why each step came, and who looked at what."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from adapters.audit.effective_balances import load_effective_balances
from adapters.database.tables import Allocation, Invoice, Payment
from domain.billing.billing_events import InvoiceStatus
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token

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
        assert "/audit/accounts/{account_id}" in trail, "the auditor's own look is in it"
        assert "Nobody has looked at it." in await page(client, "/audit?account=A-1&user=nobody")


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
        verified = await client.post("/audit", data={"form_token": token})
        assert verified.status_code == 200
        assert "Entries" in verified.text
        replayed = await client.post("/audit/accounts/A-1", data={"form_token": token})
        assert replayed.status_code == 503, "this one has no server to ask for histories"
        assert (await client.post("/audit/accounts/none", data={"form_token": token})).status_code == 404
        assert (await client.post("/audit", data={"form_token": "x"})).status_code == 303
        assert (await client.post("/audit/accounts/A-1", data={})).status_code == 303


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.COLLECTIONS_MANAGER])
async def test_the_pages_are_the_auditors(as_role: As, audited: PortfolioWorld, role: Role) -> None:
    async with as_role(role, Accept="text/html") as client:
        assert (await client.get("/audit")).status_code == 403
        assert (await client.get("/audit/accounts/A-1")).status_code == 403
        assert (await client.post("/audit", data={})).status_code == 403
        assert 'href="/audit"' not in await page(client, "/")
