"""Debts that are given up: once, never more than is open, and what comes in afterwards is a recovery."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlmodel import col

from adapters.billing.errors import ConflictingBookingError, CurrencyMismatchError, InvalidAmountError, UnknownInvoiceError
from adapters.database.engine import Database
from adapters.database.tables import Allocation, Invoice
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from domain.billing.payment_allocation import AllocationShare
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice, find_unbalanced_invoices, list_event_kinds, list_events


@pytest.fixture
def ledger(database: Database) -> Ledger:
    add_account(database)
    add_invoice(database, "R1")
    return Ledger(database)


def write_off(ledger: Ledger, amount: int = 10_000, key: str = "W1", invoice_id: str = "R1", currency: str = "EUR") -> int:
    return ledger.write_off(key, invoice_id, amount, currency, TODAY, recorded_by="will", at=AT)


def pay(ledger: Ledger, payment_id: str, amount: int, invoice_id: str | None = None) -> tuple[list[tuple[str, int]], int]:
    result = ledger.record_payment(payment_id, "A1", "EUR", amount, TODAY, "bank 7", invoice_id, at=AT)
    return [(share.invoice_id, share.amount) for share in result.allocations], result.unapplied


def written_off(database: Database, invoice_id: str = "R1") -> int:
    """As the invoice says; it must be what its allocations say."""
    held = select(func.coalesce(func.sum(Allocation.amount), 0))
    held = held.where(col(Allocation.invoice_id) == invoice_id, col(Allocation.write_off_key).is_not(None))
    with database.reading() as session:
        said = session.get_one(Invoice, invoice_id).written_off
        assert session.execute(held).scalar_one() == said
        return said


def test_what_is_open_is_written_off_and_the_invoice_is_settled(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 4_000)

    assert write_off(ledger) == 6_000

    facts = ledger.get_invoice_facts("R1")
    assert (facts.status, facts.open_balance, facts.is_settled) == (InvoiceStatus.WRITTEN_OFF, 0, True)
    assert list_event_kinds(database)[-1] == ("invoice.written_off", 6_000, "written_off")
    assert find_unbalanced_invoices(database) == []


def test_a_part_that_is_written_off_leaves_the_rest_to_be_paid(database: Database, ledger: Ledger) -> None:
    assert write_off(ledger, 4_000) == 4_000
    assert (ledger.get_invoice_facts("R1").status, ledger.get_invoice_facts("R1").open_balance) == (InvoiceStatus.OPEN, 6_000)

    assert pay(ledger, "P1", 6_000) == ([("R1", 6_000)], 0)
    assert ledger.get_invoice_facts("R1").status is InvoiceStatus.PAID
    assert find_unbalanced_invoices(database) == []


def test_a_write_off_under_one_key_is_booked_once(database: Database, ledger: Ledger) -> None:
    first = write_off(ledger, 4_000)

    assert write_off(ledger, 4_000) == first
    assert ledger.get_invoice_facts("R1").open_balance == 6_000
    add_invoice(database, "R2")
    with pytest.raises(ConflictingBookingError, match="W1"):
        write_off(ledger, 4_000, invoice_id="R2")


def test_nothing_is_written_off_of_what_was_paid_meanwhile_and_that_answer_stands(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 10_000)
    assert write_off(ledger) == 0
    ledger.reverse_payment("P1", TODAY, at=AT)
    assert write_off(ledger) == 0
    assert ledger.get_invoice_facts("R1").open_balance == 10_000


def test_a_write_off_that_cannot_be_booked_is_refused(database: Database, ledger: Ledger) -> None:
    with pytest.raises(UnknownInvoiceError):
        write_off(ledger, invoice_id="R9")
    with pytest.raises(InvalidAmountError):
        write_off(ledger, 0)
    with pytest.raises(CurrencyMismatchError):
        write_off(ledger, currency="USD")
    assert list_event_kinds(database) == []


def test_money_on_a_written_off_invoice_is_a_recovery(database: Database, ledger: Ledger) -> None:
    write_off(ledger)

    assert pay(ledger, "P1", 1_500, "R1") == ([("R1", 1_500)], 0)

    event = list_events(database)[-1]
    assert (event.kind.value, event.amount, event.payment_id, event.reference) == ("payment.recovered", 1_500, "P1", "bank 7")
    assert (ledger.get_invoice_facts("R1").status, ledger.get_invoice_facts("R1").open_balance) == (InvoiceStatus.WRITTEN_OFF, 0)
    assert (written_off(database), ledger.get_unapplied_credit("A1")) == (8_500, {})
    assert find_unbalanced_invoices(database) == []


def test_a_recovery_is_booked_once_and_never_beyond_what_was_given_up(database: Database, ledger: Ledger) -> None:
    write_off(ledger, 4_000)
    pay(ledger, "P1", 6_000)
    first = pay(ledger, "P2", 5_000, "R1")

    assert first == ([("R1", 4_000)], 1_000)
    assert pay(ledger, "P2", 5_000, "R1") == first
    assert (written_off(database), ledger.get_unapplied_credit("A1")) == (0, {"EUR": 1_000})
    assert find_unbalanced_invoices(database) == []


def test_money_without_a_name_pays_what_is_open_before_it_recovers(database: Database, ledger: Ledger) -> None:
    write_off(ledger)
    add_invoice(database, "young", due=date(2013, 5, 20))

    assert pay(ledger, "P1", 12_000) == ([("young", 10_000), ("R1", 2_000)], 0)


def test_a_recovery_that_bounces_is_written_off_again(database: Database, ledger: Ledger) -> None:
    write_off(ledger, 4_000)
    pay(ledger, "P1", 7_000, "R1")

    owed_again = ledger.reverse_payment("P1", TODAY, at=AT)

    assert owed_again == (AllocationShare(invoice_id="R1", amount=-6_000),)
    assert ledger.reverse_payment("P1", TODAY, at=AT) == owed_again
    assert written_off(database) == 4_000
    assert ledger.get_invoice_facts("R1").open_balance == 6_000
    assert list_event_kinds(database)[-2:] == [("payment.recovered", -1_000, "paid"), ("payment.reversed", 6_000, "open")]
    assert find_unbalanced_invoices(database) == []


def test_a_payment_from_before_that_bounces_is_owed_again(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 4_000)
    write_off(ledger)
    ledger.reverse_payment("P1", TODAY, at=AT)

    assert (ledger.get_invoice_facts("R1").status, ledger.get_invoice_facts("R1").open_balance) == (InvoiceStatus.OPEN, 4_000)
    assert (written_off(database), find_unbalanced_invoices(database)) == (6_000, [])


def test_a_cancelled_invoice_was_never_lost(database: Database, ledger: Ledger) -> None:
    write_off(ledger)
    pay(ledger, "P1", 1_500, "R1")
    ledger.cancel_invoice("R1", at=AT)

    assert (written_off(database), ledger.get_unapplied_credit("A1")) == (0, {"EUR": 1_500})
    assert find_unbalanced_invoices(database) == []


def test_a_lower_total_makes_the_loss_smaller_before_it_frees_money(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 4_000)
    write_off(ledger)
    ledger.change_invoice("R1", total=5_000, at=AT)

    assert (written_off(database), ledger.get_unapplied_credit("A1")) == (1_000, {})
    assert find_unbalanced_invoices(database) == []


def test_unapplied_credit_recovers_nothing_by_itself(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 12_000)
    ledger.reverse_payment("P1", TODAY, at=AT)
    pay(ledger, "P2", 10_000)
    pay(ledger, "P3", 700)
    add_invoice(database, "R2")
    write_off(ledger, key="W2", invoice_id="R2")

    assert ledger.apply_unapplied_credit("A1", "EUR", at=AT) == ()
    assert written_off(database, "R2") == 10_000


events = st.lists(
    st.tuples(st.sampled_from(["pay", "pay_named", "bounce", "give_up", "total", "cancel"]), st.integers(1, 9_000)), max_size=12
)


@given(events)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_given_up_and_recovered_no_money_is_lost(database: Database, course: list[tuple[str, int]]) -> None:
    account = f"H{len(list_events(database))}-{id(course)}"
    add_account(database, account)
    names = [f"{account}-{number}" for number in range(2)]
    for name in names:
        add_invoice(database, name, account_id=account)
    ledger, came = Ledger(database), {}
    for number, (event, amount) in enumerate(course):
        name, key = names[amount % 2], f"{account}:{number}"
        match event:
            case "pay" | "pay_named":
                came[key] = amount
                ledger.record_payment(key, account, "EUR", amount, TODAY, "", name if event == "pay_named" else None, at=AT)
            case "bounce" if came:
                ledger.reverse_payment(came.popitem()[0], TODAY, at=AT)
            case "give_up":
                assert ledger.write_off(key, name, amount, "EUR", TODAY, at=AT) <= amount
            case "cancel":
                ledger.cancel_invoice(name, at=AT)
            case "total" if ledger.get_invoice_facts(name).status is not InvoiceStatus.CANCELLED:
                ledger.change_invoice(name, total=amount, at=AT)

    assert find_unbalanced_invoices(database) == []
    assert all(written_off(database, name) >= 0 for name in names)
    paid = select(func.coalesce(func.sum(Allocation.amount), 0))
    paid = paid.where(col(Allocation.payment_id).is_not(None), col(Allocation.invoice_id).in_(names))
    with database.reading() as session:
        taken = session.execute(paid).scalar_one()
    assert taken + ledger.get_unapplied_credit(account).get("EUR", 0) == sum(came.values())
