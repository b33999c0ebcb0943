import contextlib
import threading
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    InvalidAmountError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnknownPaymentError,
)
from adapters.database.engine import Database
from adapters.database.tables import Allocation, CreditNote, Invoice, Payment
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice, find_unbalanced_invoices, list_event_kinds, list_events


@pytest.fixture
def ledger(database: Database) -> Ledger:
    add_account(database)
    return Ledger(database)


def share(invoice_id: str, amount: int) -> AllocationShare:
    return AllocationShare(invoice_id=invoice_id, amount=amount)


def pay(
    ledger: Ledger, payment_id: str, amount: int, invoice_id: str | None = None, currency: str = "EUR"
) -> tuple[tuple[AllocationShare, ...], int]:
    result = ledger.record_payment(payment_id, "A1", currency, amount, TODAY, "statement 7", invoice_id, recorded_by="billing", at=AT)
    return result.allocations, result.unapplied


def test_a_payment_without_an_invoice_pays_the_oldest_first(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "young", due=date(2013, 5, 20))
    add_invoice(database, "old", due=date(2013, 5, 2))

    allocations, unapplied = pay(ledger, "P1", 15_000)

    assert (allocations, unapplied) == ((share("old", 10_000), share("young", 5_000)), 0)
    assert ledger.get_invoice_facts("old").status is InvoiceStatus.PAID
    assert ledger.get_invoice_facts("young").open_balance == 5_000
    assert list_event_kinds(database) == [("payment.received", 10_000, "paid"), ("payment.received", 5_000, "open")]
    assert find_unbalanced_invoices(database) == []


def test_an_overpaid_named_invoice_leaves_unapplied_credit_and_other_invoices_alone(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "old", due=date(2013, 5, 2))
    add_invoice(database, "named", due=date(2013, 5, 20))

    allocations, unapplied = pay(ledger, "P1", 12_000, "named")

    assert (allocations, unapplied) == ((share("named", 10_000),), 2_000)
    assert ledger.get_unapplied_credit("A1") == {"EUR": 2_000}
    assert ledger.get_invoice_facts("old").open_balance == 10_000


def test_the_same_payment_again_gives_the_same_answer_and_changes_nothing(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    first = pay(ledger, "P1", 12_000)
    version = ledger.get_invoice_facts("R1").version

    assert pay(ledger, "P1", 12_000) == first
    assert ledger.get_invoice_facts("R1").version == version
    assert len(list_events(database)) == 1


def test_a_payment_id_with_other_content_is_refused(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 4_000)

    with pytest.raises(ConflictingPaymentError, match="P1"):
        pay(ledger, "P1", 5_000)
    with pytest.raises(ConflictingPaymentError, match="P1"):
        pay(ledger, "P1", 4_000, "R1")
    assert ledger.get_invoice_facts("R1").open_balance == 6_000


def test_a_payment_that_cannot_be_booked_is_refused_with_what_to_do(database: Database, ledger: Ledger) -> None:
    add_account(database, "A2")
    add_invoice(database, "R1")
    add_invoice(database, "R2", account_id="A2")

    with pytest.raises(UnknownInvoiceError, match="no invoice 'R9'"):
        pay(ledger, "P1", 1, "R9")
    with pytest.raises(UnknownInvoiceError, match="no invoice 'R2'"):
        pay(ledger, "P1", 1, "R2")
    with pytest.raises(CurrencyMismatchError, match="is in EUR"):
        pay(ledger, "P1", 1, "R1", "USD")
    with pytest.raises(CurrencyMismatchError, match="ISO 4217"):
        pay(ledger, "P1", 1, None, "EURO")
    with pytest.raises(InvalidAmountError, match="more than zero"):
        pay(ledger, "P1", 0)
    with pytest.raises(UnknownAccountError, match="'A9'"):
        ledger.record_payment("P1", "A9", "EUR", 1, TODAY, at=AT)
    assert list_event_kinds(database) == []


def test_money_in_another_currency_pays_no_invoice(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")

    assert pay(ledger, "P1", 700, currency="USD") == ((), 700)
    assert ledger.get_unapplied_credit("A1") == {"USD": 700}


def test_a_bounced_payment_reopens_what_it_had_paid(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 12_000)

    taken_back = ledger.reverse_payment("P1", date(2013, 6, 3), at=AT)

    assert taken_back == (share("R1", -10_000),)
    assert ledger.get_invoice_facts("R1").status is InvoiceStatus.OPEN
    assert ledger.get_invoice_facts("R1").open_balance == 10_000
    assert ledger.get_unapplied_credit("A1") == {}
    assert list_event_kinds(database)[-1] == ("payment.reversed", 10_000, "open")
    assert find_unbalanced_invoices(database) == []


def test_a_reversal_happens_once(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 10_000)
    first = ledger.reverse_payment("P1", TODAY, at=AT)

    assert ledger.reverse_payment("P1", TODAY, at=AT) == first
    assert len(list_events(database)) == 2
    with pytest.raises(ConflictingPaymentError, match="was reversed"):
        ledger.reverse_payment("P1", date(2013, 7, 1), at=AT)
    with pytest.raises(UnknownPaymentError, match="P9"):
        ledger.reverse_payment("P9", TODAY, at=AT)


def test_a_credit_note_that_closes_an_invoice_makes_it_credited(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    add_invoice(database, "R2")
    pay(ledger, "P1", 4_000, "R1")
    ledger.issue_credit_note("C2", "R2", 4_000, TODAY, "late delivery", at=AT)

    ledger.issue_credit_note("C1", "R1", 6_000, TODAY, at=AT)
    pay(ledger, "P2", 6_000, "R2")

    assert ledger.get_invoice_facts("R1").status is InvoiceStatus.CREDITED
    assert ledger.get_invoice_facts("R2").status is InvoiceStatus.PAID
    assert ("credit_note.issued", 6_000, "credited") in list_event_kinds(database)
    assert find_unbalanced_invoices(database) == []


def test_a_credit_note_is_issued_once_and_its_excess_is_unapplied(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    first = ledger.issue_credit_note("C1", "R1", 12_500, TODAY, at=AT)

    assert ledger.issue_credit_note("C1", "R1", 12_500, TODAY, at=AT) == first
    assert ledger.get_unapplied_credit("A1") == {"EUR": 2_500}
    with pytest.raises(ConflictingCreditNoteError, match="C1"):
        ledger.issue_credit_note("C1", "R1", 100, TODAY, at=AT)


def test_unapplied_credit_pays_open_invoices_when_it_is_applied(database: Database, ledger: Ledger) -> None:
    pay(ledger, "P1", 3_000)
    pay(ledger, "P2", 9_000)
    add_invoice(database, "R1")

    applied = ledger.apply_unapplied_credit("A1", "EUR", at=AT)

    assert applied == (share("R1", 10_000),)
    assert ledger.get_invoice_facts("R1").status is InvoiceStatus.PAID
    assert ledger.get_unapplied_credit("A1") == {"EUR": 2_000}
    assert ledger.apply_unapplied_credit("A1", "EUR", at=AT) == ()
    assert pay(ledger, "P1", 3_000) == ((), 3_000)
    assert find_unbalanced_invoices(database) == []


def test_new_terms_are_one_event_and_no_change_is_none(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")

    facts = ledger.change_invoice("R1", due_date=date(2013, 7, 1), disputed=True, at=AT)
    ledger.change_invoice("R1", due_date=date(2013, 7, 1), disputed=True, at=AT)

    assert (facts.due_date, facts.disputed, facts.version) == (date(2013, 7, 1), True, 2)
    assert list_event_kinds(database) == [("invoice.changed", 0, "open")]


def test_a_total_below_what_was_paid_closes_the_invoice_and_frees_the_rest(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 8_000)

    facts = ledger.change_invoice("R1", total=5_000, at=AT)

    assert (facts.open_balance, facts.status) == (0, InvoiceStatus.PAID)
    assert ledger.get_unapplied_credit("A1") == {"EUR": 3_000}
    assert find_unbalanced_invoices(database) == []


def test_a_higher_total_reopens_a_paid_invoice(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 10_000)

    facts = ledger.change_invoice("R1", total=11_000, at=AT)

    assert (facts.open_balance, facts.status) == (1_000, InvoiceStatus.OPEN)
    assert find_unbalanced_invoices(database) == []


def test_a_cancelled_invoice_gives_its_payments_back_and_takes_no_change(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 4_000)

    facts = ledger.cancel_invoice("R1", at=AT)
    ledger.cancel_invoice("R1", at=AT)

    assert (facts.status, facts.open_balance) == (InvoiceStatus.CANCELLED, 0)
    assert ledger.get_unapplied_credit("A1") == {"EUR": 4_000}
    assert [kind for kind, _, _ in list_event_kinds(database)] == ["payment.received", "invoice.cancelled"]
    with pytest.raises(CancelledInvoiceError, match="R1"):
        ledger.change_invoice("R1", total=1, at=AT)
    assert find_unbalanced_invoices(database) == []


def test_events_wait_in_order_until_they_are_delivered(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1")
    pay(ledger, "P1", 1_000)
    pay(ledger, "P2", 2_000)
    (first, invoice_id, event), (second, _, later) = ledger.list_pending_events(10)

    ledger.acknowledge_events([first], datetime(2026, 1, 1, tzinfo=UTC))

    assert (invoice_id, event.amount, later.amount, first < second) == ("R1", 1_000, 2_000, True)
    assert [number for number, _, _ in ledger.list_pending_events(10)] == [second]
    assert len({event.event_id, later.event_id}) == 2


def test_payments_at_the_same_moment_take_turns(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "R1", total=10_000)
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        pay(ledger, f"P{number % 4}", 3_000)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.get_invoice_facts("R1").status is InvoiceStatus.PAID
    assert ledger.get_unapplied_credit("A1") == {"EUR": 2_000}
    assert ledger.get_invoice_facts("R1").version == 5
    assert find_unbalanced_invoices(database) == []


events = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay_named", "bounce", "credit", "total", "cancel", "apply", "apply_part", "take_back"]),
        st.integers(1, 9_000),
        st.sampled_from(["EUR", "USD"]),
    ),
    max_size=12,
)


def count_money(database: Database, ledger: Ledger, account: str) -> dict[str, int]:
    """By currency, in minor units: what came in and was credited, less what its invoices have of it and what is unapplied."""
    money: Counter[str] = Counter()
    of_account = col(Invoice.account_id) == account
    with database.reading() as session:
        payments = select(col(Payment.currency), col(Payment.amount)).where(
            col(Payment.account_id) == account, col(Payment.reversed_on).is_(None)
        )
        notes = select(col(CreditNote.currency), col(CreditNote.amount)).where(col(CreditNote.account_id) == account)
        shares = select(col(Invoice.currency), -col(Allocation.amount)).join(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
        for query in (payments, notes, shares.where(of_account)):
            for currency, amount in session.execute(query):
                money[currency] += amount
    money.subtract(ledger.get_unapplied_credit(account))
    return {currency: amount for currency, amount in money.items() if amount}


def apply_a_part(ledger: Ledger, account: str, invoice: str, amount: int, key: str) -> None:
    """Of the oldest credit in the invoice's currency, as far as both have it."""
    facts = ledger.get_invoice_facts(invoice)
    for credit in ledger.list_unapplied_sources(account):
        if credit.currency == facts.currency and facts.open_balance:
            share = CreditShare(credit_id=credit.credit_id, invoice_id=invoice, amount=min(amount, credit.left, facts.open_balance))
            ledger.apply_credit(account, facts.currency, [share], key=key, at=AT)
            return


@given(events)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_happens_the_balances_add_up(database: Database, course: list[tuple[str, int, str]]) -> None:
    account = f"H{len(list_events(database))}-{id(course)}"
    add_account(database, account)
    invoices = {currency: [f"{account}-{currency}-{number}" for number in range(3)] for currency in ("EUR", "USD")}
    for currency, of_currency in invoices.items():
        for name in of_currency:
            add_invoice(database, name, account_id=account, currency=currency)
    ledger, paid = Ledger(database), []
    for number, (event, amount, currency) in enumerate(course):
        name = invoices[currency][amount % 3]
        match event:
            case "pay" | "pay_named":
                paid.append(f"{account}:{number}")
                ledger.record_payment(paid[-1], account, currency, amount, TODAY, "", name if event == "pay_named" else None, at=AT)
            case "bounce" if paid:
                ledger.reverse_payment(paid.pop(), TODAY, at=AT)
            case "apply":
                ledger.apply_unapplied_credit(account, currency, at=AT)
            case "apply_part":
                apply_a_part(ledger, account, name, amount, f"U:{account}:{number}")
            case "take_back":
                applied = [each.key for each in ledger.list_credit_applications(account) if not each.takes_back and not each.taken_back_by]
                if applied:
                    with contextlib.suppress(ConflictingBookingError):  # nothing of it is left
                        ledger.take_back_application(f"B:{account}:{number}", applied[amount % len(applied)], "x", at=AT)
            case "cancel":
                ledger.cancel_invoice(name, at=AT)
            case "credit" | "total" if ledger.get_invoice_facts(name).status is not InvoiceStatus.CANCELLED:
                if event == "credit":
                    ledger.issue_credit_note(f"C:{account}:{number}", name, amount, TODAY, at=AT)
                else:
                    ledger.change_invoice(name, total=amount, at=AT)

        assert count_money(database, ledger, account) == {}, "nothing is lost, and nothing created"

    assert find_unbalanced_invoices(database) == []
    assert all(amount > 0 for amount in ledger.get_unapplied_credit(account).values())
