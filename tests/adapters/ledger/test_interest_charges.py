"""The interest of a payment plan: an invoice of its own, charged once, paid after the plan's invoices."""

from datetime import date

import pytest

from adapters.billing.errors import ConflictingBookingError, InvalidAmountError, UnknownAccountError
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from domain.billing.payment_allocation import AllocationShare
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice, find_unbalanced_invoices, list_events


@pytest.fixture
def ledger(database: Database) -> Ledger:
    add_account(database)
    add_invoice(database, "R1")
    return Ledger(database)


def charge(ledger: Ledger, key: str = "plan:A1:1:1:2", amount: int = 300, account: str = "A1", plan: str = "plan:A1:1") -> str:
    return ledger.charge_interest(key, account, amount, "EUR", TODAY, charged_by=plan, at=AT)


def test_interest_is_owed_from_the_day_it_falls_due(database: Database, ledger: Ledger) -> None:
    facts = ledger.get_invoice_facts(charge(ledger))
    assert (facts.open_balance, facts.due_date, facts.status, list_events(database)) == (300, TODAY, InvoiceStatus.OPEN, [])


def test_interest_under_one_key_is_charged_once(database: Database, ledger: Ledger) -> None:
    invoice_id = charge(ledger)
    assert charge(ledger) == invoice_id
    assert ledger.get_invoice_facts(invoice_id).version == 1
    with pytest.raises(ConflictingBookingError):
        charge(ledger, plan="plan:A1:2")
    with pytest.raises(InvalidAmountError):
        charge(ledger, "other", amount=0)
    with pytest.raises(UnknownAccountError):
        charge(ledger, "other", account="A9")


def test_the_plans_invoices_are_paid_before_its_interest(database: Database, ledger: Ledger) -> None:
    interest = charge(ledger)
    result = ledger.record_payment("P1", "A1", "EUR", 10_200, TODAY, at=AT)
    assert result.allocations == (AllocationShare(invoice_id="R1", amount=10_000), AllocationShare(invoice_id=interest, amount=200))
    assert [(event.charged_by, event.balance_reduction) for event in list_events(database)] == [("", 10_000), ("plan:A1:1", 200)]
    ledger.reverse_payment("P1", TODAY, at=AT)
    assert sum(event.balance_reduction for event in list_events(database) if event.charged_by) == 0
    assert find_unbalanced_invoices(database) == []


def test_who_paid_the_last_instalment_early_has_paid_its_interest(database: Database, ledger: Ledger) -> None:
    ledger.record_payment("P1", "A1", "EUR", 10_250, date(2013, 5, 30), at=AT)
    interest = charge(ledger)
    assert (ledger.get_invoice_facts(interest).open_balance, ledger.get_unapplied_credit("A1")) == (50, {})
    assert (list_events(database)[-1].charged_by, list_events(database)[-1].balance_reduction) == ("plan:A1:1", 250)
    assert find_unbalanced_invoices(database) == []
