"""What every billing system keeps to, whichever it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest

from adapters.billing.errors import (
    ApplicationTakenBackError,
    BillingError,
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    InvalidAmountError,
    RepeatedPaymentError,
    UnknownAccountError,
    UnknownApplicationError,
    UnknownCreditError,
    UnknownInvoiceError,
    UnknownPaymentError,
    UnsupportedOperationError,
)
from adapters.billing.port import BillingCapability as Can
from adapters.billing.port import BillingSystem
from adapters.billing.results import CreditApplication, PaymentResult
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.credit_application import CreditShare
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome
from tests.adapters.billing.conftest import BillingWorld

AT = datetime(2013, 6, 3, 12, tzinfo=UTC)
TODAY = AT.date()
SUSPENDED, SPARED = SuspensionOrderOutcome.SUSPENDED, SuspensionOrderOutcome.NOT_IN_ARREARS
REAL_NOW = datetime(2026, 1, 1, tzinfo=UTC)

needs = pytest.mark.needs


def pay(billing: BillingSystem, amount: int, invoice_id: str | None = None, payment_id: str = "P1") -> Any:
    return billing.record_payment(payment_id, "A1", "EUR", amount, TODAY, "bank 4711", invoice_id, recorded_by="mia", at=AT)


def shares(given: tuple[AllocationShare, ...]) -> dict[str, int]:
    return {share.invoice_id: share.amount for share in given}


def list_changes(billing: BillingSystem) -> list[tuple[str, str, int]]:
    """(invoice, kind, amount) of every event that waits."""
    return [(pending.invoice_id, pending.event.kind.value, pending.event.amount) for pending in billing.list_pending_events(100)]


# --- reads


def test_an_invoice_is_read_as_it_stands(billing: BillingSystem) -> None:
    facts = billing.get_invoice_facts("R1")
    assert (facts.total, facts.open_balance, facts.currency, facts.due_date) == (10_000, 10_000, "EUR", date(2013, 5, 1))
    assert (facts.status, facts.disputed) == (InvoiceStatus.OPEN, False)
    with pytest.raises(UnknownInvoiceError):
        billing.get_invoice_facts("none")


@needs(Can.LIST_OPEN_INVOICES, Can.RECORD_PAYMENT)
def test_open_invoices_are_those_of_the_account_of_which_something_is_owed(billing: BillingSystem, world: BillingWorld) -> None:
    world.add_account("A2")
    world.issue_invoice("R9", 700, date(2013, 5, 1), "A2", "USD")
    assert [invoice.invoice_id for invoice in billing.list_open_invoices("A1")] == ["R1", "R2"]
    pay(billing, 10_000)
    assert billing.list_open_invoices("A1") == (("R2", billing.get_invoice_facts("R2")),)
    with pytest.raises(UnknownAccountError):
        billing.list_open_invoices("none")


@needs(Can.LIST_PAYMENTS, Can.RECORD_PAYMENT, Can.REVERSE_PAYMENT)
def test_payments_are_listed_with_what_became_of_them(billing: BillingSystem) -> None:
    pay(billing, 300, "R1")
    billing.record_payment("P0", "A1", "EUR", 200, TODAY - timedelta(days=1), at=AT)
    billing.reverse_payment("P1", TODAY, at=AT)
    assert billing.list_payments("A1") == (
        ("P0", "EUR", 200, TODAY - timedelta(days=1), "", None, None),
        ("P1", "EUR", 300, TODAY, "bank 4711", "R1", TODAY),
    )
    with pytest.raises(UnknownAccountError):
        billing.list_payments("none")


# --- payments


@needs(Can.RECORD_PAYMENT)
def test_a_payment_pays_the_oldest_invoice_first(billing: BillingSystem) -> None:
    assert shares(pay(billing, 12_000).allocations) == {"R1": 10_000, "R2": 2_000}
    assert billing.get_invoice_facts("R1").status is InvoiceStatus.PAID
    assert billing.get_invoice_facts("R2").open_balance == 3_000


@needs(Can.RECORD_PAYMENT, Can.GET_UNAPPLIED_CREDIT)
def test_what_the_invoice_that_the_payer_named_does_not_need_is_unapplied(billing: BillingSystem) -> None:
    result = pay(billing, 10_500, "R1")
    assert (shares(result.allocations), result.unapplied, billing.get_unapplied_credit("A1")) == ({"R1": 10_000}, 500, {"EUR": 500})
    with pytest.raises(UnknownAccountError):
        billing.get_unapplied_credit("none")


@needs(Can.RECORD_PAYMENT, Can.REVERSE_PAYMENT, Can.ISSUE_CREDIT_NOTE, Can.APPLY_UNAPPLIED_CREDIT)
def test_the_credit_of_several_accounts_is_listed_together(billing: BillingSystem) -> None:
    assert billing.list_unapplied_credit(["A1", "none"]) == {}
    pay(billing, 10_500, "R1")
    billing.issue_credit_note("C1", "R1", 300, TODAY, "returned", at=AT)
    assert billing.list_unapplied_credit(["A1", "none"]) == {("A1", "EUR"): 800}
    billing.apply_unapplied_credit("A1", "EUR", at=AT)
    assert billing.list_unapplied_credit(["A1"]) == {}


@needs(Can.RECORD_PAYMENT)
def test_a_payment_is_booked_once(billing: BillingSystem) -> None:
    assert pay(billing, 4_000) == pay(billing, 4_000)
    assert billing.get_invoice_facts("R1").open_balance == 6_000
    with pytest.raises(ConflictingPaymentError):
        pay(billing, 4_001)


@needs(Can.RECORD_PAYMENT, Can.REVERSE_PAYMENT)
def test_a_payment_like_one_that_is_booked_is_refused_where_that_is_asked(billing: BillingSystem) -> None:
    def record(payment_id: str, **changed: Any) -> None:
        payment = {"account_id": "A1", "currency": "EUR", "amount": 100, "received_on": TODAY, "reference": "bank 4711"}
        billing.record_payment(payment_id, **{**payment, **changed}, refuse_repeated=True, at=AT)

    record("P1")
    record("P1")
    with pytest.raises(RepeatedPaymentError, match="'P1'"):
        record("P2", invoice_id="R1")
    record("P3", amount=101)
    record("P4", reference="bank 4712")
    record("P5", received_on=TODAY - timedelta(days=1))
    billing.reverse_payment("P1", TODAY, at=AT)
    record("P2")


@needs(Can.RECORD_PAYMENT)
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"account_id": "none"}, UnknownAccountError),
        ({"invoice_id": "none"}, UnknownInvoiceError),
        ({"invoice_id": "R1", "currency": "USD"}, CurrencyMismatchError),
        ({"amount": 0}, InvalidAmountError),
    ],
)
def test_a_payment_that_cannot_be_booked_is_refused(billing: BillingSystem, changed: dict[str, Any], error: type[BillingError]) -> None:
    payment = {"payment_id": "P1", "account_id": "A1", "currency": "EUR", "amount": 100, "received_on": TODAY, "at": AT}
    with pytest.raises(error):
        billing.record_payment(**{**payment, **changed})
    assert list_changes(billing) == []


@needs(Can.RECORD_PAYMENT, Can.REVERSE_PAYMENT)
def test_a_payment_that_bounced_is_owed_again(billing: BillingSystem) -> None:
    pay(billing, 12_000)
    owed = billing.reverse_payment("P1", TODAY, at=AT)
    assert shares(owed) == {"R1": -10_000, "R2": -2_000}
    assert (billing.get_invoice_facts("R1").open_balance, billing.get_invoice_facts("R1").status) == (10_000, InvoiceStatus.OPEN)
    assert billing.reverse_payment("P1", TODAY, at=AT) == owed
    with pytest.raises(ConflictingPaymentError):
        billing.reverse_payment("P1", TODAY + timedelta(days=1), at=AT)
    with pytest.raises(UnknownPaymentError):
        billing.reverse_payment("none", TODAY, at=AT)


@needs(Can.RECORD_PAYMENT, Can.APPLY_UNAPPLIED_CREDIT, Can.GET_UNAPPLIED_CREDIT)
def test_unapplied_credit_pays_the_oldest_open_invoice_of_its_currency(billing: BillingSystem, world: BillingWorld) -> None:
    pay(billing, 13_000, "R1")
    assert shares(billing.apply_unapplied_credit("A1", "USD", at=AT)) == {}
    assert shares(billing.apply_unapplied_credit("A1", "EUR", at=AT)) == {"R2": 3_000}
    assert (billing.get_invoice_facts("R2").open_balance, billing.get_unapplied_credit("A1")) == (2_000, {})
    assert list_changes(billing)[-1] == ("R2", "credit.applied", 3_000)
    assert shares(billing.apply_unapplied_credit("A1", "EUR", at=AT)) == {}, "again: nothing, and no event"
    assert len(list_changes(billing)) == 2
    with pytest.raises(UnknownAccountError):
        billing.apply_unapplied_credit("none", "EUR", at=AT)


# --- applications of unapplied credit by hand


def apply(billing: BillingSystem, *shares: tuple[str, str, int], key: str = "U1", currency: str = "EUR") -> CreditApplication:
    chosen = [CreditShare(credit_id=credit, invoice_id=invoice, amount=amount) for credit, invoice, amount in shares]
    return billing.apply_credit("A1", currency, chosen, key=key, recorded_by="mia", at=AT)


def describe(application: CreditApplication) -> list[tuple[str, str, int]]:
    return [(share.credit_id, share.invoice_id, share.amount) for share in application.shares]


APPLYING = (Can.RECORD_PAYMENT, Can.APPLY_CREDIT, Can.TAKE_BACK_APPLICATION, Can.GET_UNAPPLIED_CREDIT)


@needs(*APPLYING, Can.LIST_UNAPPLIED_SOURCES, Can.ISSUE_CREDIT_NOTE)
def test_unapplied_credit_is_listed_by_its_payment_or_credit_note_the_oldest_first(billing: BillingSystem) -> None:
    pay(billing, 10_500, "R1")
    billing.issue_credit_note("C1", "R1", 300, TODAY - timedelta(days=1), "returned", at=AT)
    assert billing.list_unapplied_sources("A1") == (
        ("C1", True, "EUR", 300, 300, TODAY - timedelta(days=1), "C1"),
        ("P1", False, "EUR", 10_500, 500, TODAY, "bank 4711"),
    )
    with pytest.raises(UnknownAccountError):
        billing.list_unapplied_sources("none")


@needs(*APPLYING, Can.ISSUE_CREDIT_NOTE)
def test_chosen_shares_of_credit_are_applied_once_by_their_key(billing: BillingSystem) -> None:
    pay(billing, 10_500, "R1")
    billing.issue_credit_note("C1", "R1", 300, TODAY, "returned", at=AT)
    first = apply(billing, ("P1", "R2", 200), ("C1", "R2", 300), ("P1", "R2", 100))
    assert apply(billing, ("P1", "R2", 300), ("C1", "R2", 300)) == first, "the same again, in whichever pieces"
    assert (sorted(describe(first)), first.amount, first.recorded_by) == ([("C1", "R2", 300), ("P1", "R2", 300)], 600, "mia")
    assert (billing.get_invoice_facts("R2").open_balance, billing.get_unapplied_credit("A1")) == (4_400, {"EUR": 200})
    assert sorted(list_changes(billing)[1:]) == [("R2", "credit.applied", 300), ("R2", "credit.applied", 300)]
    with pytest.raises(ConflictingBookingError):
        apply(billing, ("P1", "R2", 100))


@needs(*APPLYING)
@pytest.mark.parametrize(
    ("share", "currency", "error"),
    [
        (("P1", "R2", 501), "EUR", ExcessiveCreditError),
        (("P1", "R1", 1), "EUR", ExcessiveCreditError),
        (("P1", "R2", 0), "EUR", InvalidAmountError),
        (("P9", "R2", 1), "EUR", UnknownCreditError),
        (("P1", "R9", 1), "EUR", UnknownInvoiceError),
        (("P1", "none", 1), "EUR", UnknownInvoiceError),
        (("P1", "R2", 1), "USD", CurrencyMismatchError),
    ],
)
def test_an_application_that_cannot_be_booked_is_refused_whole(
    billing: BillingSystem, world: BillingWorld, share: tuple[str, str, int], currency: str, error: type[BillingError]
) -> None:
    world.add_account("A2")
    world.issue_invoice("R9", 700, date(2013, 5, 1), "A2", "EUR")
    pay(billing, 10_500, "R1")
    with pytest.raises(error):
        apply(billing, ("P1", "R2", 1), share, currency=currency)
    assert (billing.get_unapplied_credit("A1"), len(list_changes(billing))) == ({"EUR": 500}, 1)


@needs(*APPLYING, Can.LIST_CREDIT_APPLICATIONS)
def test_an_application_is_taken_back_once_and_its_invoice_is_owed_again(billing: BillingSystem) -> None:
    pay(billing, 15_500, "R1")
    apply(billing, ("P1", "R2", 5_000))
    assert billing.get_invoice_facts("R2").status is InvoiceStatus.PAID
    undone = [billing.take_back_application("B1", "U1", "for another", recorded_by="tom", at=AT) for _ in range(2)]
    assert undone[0] == undone[1]
    assert (describe(undone[0]), undone[0].takes_back, undone[0].reason) == ([("P1", "R2", 5_000)], "U1", "for another")
    facts = billing.get_invoice_facts("R2")
    assert (facts.status, facts.open_balance, billing.get_unapplied_credit("A1")) == (InvoiceStatus.OPEN, 5_000, {"EUR": 5_500})
    assert list_changes(billing)[-1] == ("R2", "credit.taken_back", 5_000)
    assert {each.key: each.taken_back_by for each in billing.list_credit_applications("A1")} == {"U1": "B1", "B1": None}
    with pytest.raises(ApplicationTakenBackError):
        billing.take_back_application("B2", "U1", "again", at=AT)
    for unknown in ("none", "B1"):
        with pytest.raises(UnknownApplicationError):
            billing.take_back_application("B3", unknown, "x", at=AT)
    assert describe(apply(billing, ("P1", "R2", 5_000), key="U2")) == [("P1", "R2", 5_000)], "it may be applied again"


@needs(*APPLYING, Can.REVERSE_PAYMENT)
def test_what_a_bounced_payment_took_back_is_not_taken_back_again(billing: BillingSystem) -> None:
    pay(billing, 10_500, "R1")
    apply(billing, ("P1", "R2", 500))
    billing.reverse_payment("P1", TODAY, at=AT)
    with pytest.raises(ConflictingBookingError, match="nothing of 'U1' is left"):
        billing.take_back_application("B1", "U1", "x", at=AT)
    assert (billing.get_invoice_facts("R2").open_balance, billing.get_unapplied_credit("A1")) == (5_000, {})


@needs(*APPLYING, Can.LIST_APPLICABLE_CREDIT)
def test_credit_is_applicable_where_an_invoice_of_its_currency_is_open(billing: BillingSystem, world: BillingWorld) -> None:
    world.add_account("A2")
    world.issue_invoice("R9", 700, date(2013, 5, 1), "A2", "USD")
    billing.record_payment("P9", "A2", "EUR", 100, TODAY, at=AT)
    assert billing.list_applicable_credit() == {}
    pay(billing, 10_500, "R1")
    assert billing.list_applicable_credit() == {("A1", "EUR"): 500}
    apply(billing, ("P1", "R2", 500))
    assert billing.list_applicable_credit() == {}


# --- invoices


@needs(Can.ISSUE_CREDIT_NOTE)
def test_a_credit_note_is_issued_once_and_settles_what_it_covers(billing: BillingSystem) -> None:
    results = [billing.issue_credit_note("C1", "R1", 10_400, TODAY, "returned", recorded_by="mia", at=AT) for _ in range(2)]
    assert results[0] == results[1]
    assert (shares(results[0].allocations), results[0].unapplied) == ({"R1": 10_000}, 400)
    assert billing.get_invoice_facts("R1").status is InvoiceStatus.CREDITED
    with pytest.raises(ConflictingCreditNoteError):
        billing.issue_credit_note("C1", "R1", 10_401, TODAY, at=AT)
    with pytest.raises(UnknownInvoiceError):
        billing.issue_credit_note("C2", "none", 100, TODAY, at=AT)
    with pytest.raises(InvalidAmountError):
        billing.issue_credit_note("C2", "R1", 0, TODAY, at=AT)


@needs(Can.ISSUE_CREDIT_NOTE)
def test_a_credit_note_within_what_is_open_is_refused_beyond_it_and_repeated_when_it_was_issued(billing: BillingSystem) -> None:
    def issue(key: str, amount: int) -> PaymentResult:
        return billing.issue_credit_note(key, "R1", amount, TODAY, within_open_balance=True, at=AT)

    with pytest.raises(ExcessiveCreditError, match=r"'R1' owes no more than EUR 100\.00 by now"):
        issue("C1", 10_001)
    assert billing.get_invoice_facts("R1").open_balance == 10_000
    first = issue("C1", 6_000)
    with pytest.raises(ExcessiveCreditError):
        issue("C2", 6_000)
    assert issue("C1", 6_000) == first
    assert billing.get_invoice_facts("R1").open_balance == 4_000


@needs(Can.CHANGE_INVOICE)
def test_new_terms_are_told_once(billing: BillingSystem) -> None:
    def change() -> InvoiceFacts:
        return billing.change_invoice("R1", due_date=date(2013, 7, 1), total=9_000, disputed=True, at=AT)

    facts = change()
    assert (facts.due_date, facts.total, facts.open_balance, facts.disputed) == (date(2013, 7, 1), 9_000, 9_000, True)
    assert change() == facts == billing.get_invoice_facts("R1")
    assert list_changes(billing) == [("R1", "invoice.changed", 0)]
    with pytest.raises(UnknownInvoiceError):
        billing.change_invoice("none", total=1, at=AT)
    with pytest.raises(InvalidAmountError):
        billing.change_invoice("R1", total=-1, at=AT)


@needs(Can.CANCEL_INVOICE, Can.RECORD_PAYMENT, Can.GET_UNAPPLIED_CREDIT, Can.CHANGE_INVOICE)
def test_a_cancelled_invoice_gives_back_what_was_paid_and_takes_no_change(billing: BillingSystem) -> None:
    pay(billing, 4_000, "R1")
    facts = billing.cancel_invoice("R1", recorded_by="mia", at=AT)
    assert (facts.status, facts.open_balance, billing.get_unapplied_credit("A1")) == (InvoiceStatus.CANCELLED, 0, {"EUR": 4_000})
    assert billing.cancel_invoice("R1", at=AT) == facts
    with pytest.raises(CancelledInvoiceError):
        billing.change_invoice("R1", total=1, at=AT)
    with pytest.raises(UnknownInvoiceError):
        billing.cancel_invoice("none", at=AT)


# --- service


def suspend(billing: BillingSystem, key: str = "S1", minimums: dict[str, int] | None = None, account_id: str = "A1") -> Any:
    return billing.suspend_account(key, account_id, ["R1"], minimums or {}, recorded_by="suspension:A1", at=AT)


@needs(Can.SUSPEND_ACCOUNT)
@pytest.mark.parametrize(("minimums", "outcome"), [({}, SUSPENDED), ({"EUR": 10_000}, SUSPENDED), ({"EUR": 10_001}, SPARED)])
def test_an_account_is_suspended_while_it_is_in_arrears(
    billing: BillingSystem, minimums: dict[str, int], outcome: SuspensionOrderOutcome
) -> None:
    assert suspend(billing, minimums=minimums) is outcome
    with pytest.raises(UnknownAccountError):
        suspend(billing, "S9", account_id="none")


@needs(Can.SUSPEND_ACCOUNT, Can.REINSTATE_ACCOUNT, Can.RECORD_PAYMENT)
def test_a_service_order_under_one_key_gets_one_answer(billing: BillingSystem, world: BillingWorld) -> None:
    assert suspend(billing) is SUSPENDED
    pay(billing, 10_000)
    assert suspend(billing) is SUSPENDED
    assert suspend(billing, "S2") is SPARED
    billing.reinstate_account("N1", "A1", at=AT)
    billing.reinstate_account("N1", "A1", at=AT)
    world.add_account("A2")
    with pytest.raises(ConflictingBookingError):
        billing.reinstate_account("N1", "A2", at=AT)


@needs(Can.SUSPEND_ACCOUNT, Can.SET_PREPAID)
def test_an_account_that_is_served_in_advance_is_not_suspended(billing: BillingSystem) -> None:
    billing.set_prepaid("A1", True, at=AT)
    assert suspend(billing) is SPARED
    with pytest.raises(UnknownAccountError):
        billing.set_prepaid("none", True, at=AT)


# --- write-offs and interest


@needs(Can.WRITE_OFF, Can.RECORD_PAYMENT)
def test_what_is_open_is_written_off_once_and_may_be_recovered(billing: BillingSystem) -> None:
    pay(billing, 4_000, "R1")
    given_up = [billing.write_off("W1", "R1", 10_000, "EUR", TODAY, recorded_by="write_off:A1", at=AT) for _ in range(2)]
    assert (given_up, billing.get_invoice_facts("R1").status) == ([6_000, 6_000], InvoiceStatus.WRITTEN_OFF)
    pay(billing, 500, "R1", "P2")
    assert list_changes(billing)[-1] == ("R1", "payment.recovered", 500)
    with pytest.raises(ConflictingBookingError):
        billing.write_off("W1", "R2", 100, "EUR", TODAY, at=AT)
    with pytest.raises(CurrencyMismatchError):
        billing.write_off("W2", "R2", 100, "USD", TODAY, at=AT)
    with pytest.raises(UnknownInvoiceError):
        billing.write_off("W2", "none", 100, "EUR", TODAY, at=AT)


@needs(Can.CHARGE_INTEREST, Can.RECORD_PAYMENT)
def test_interest_is_charged_once_and_its_payment_names_the_case(billing: BillingSystem) -> None:
    charge = [billing.charge_interest("I1", "A1", 300, "EUR", TODAY, charged_by="plan:A1:1", at=AT) for _ in range(2)]
    assert charge[0] == charge[1]
    assert billing.get_invoice_facts(charge[0]).open_balance == 300
    pay(billing, 300, charge[0])
    assert [pending.event.charged_by for pending in billing.list_pending_events(10) if pending.invoice_id == charge[0]] == ["plan:A1:1"]
    with pytest.raises(ConflictingBookingError):
        billing.charge_interest("I1", "A1", 300, "EUR", TODAY, charged_by="plan:A1:2", at=AT)
    with pytest.raises(InvalidAmountError):
        billing.charge_interest("I2", "A1", 0, "EUR", TODAY, charged_by="plan:A1:1", at=AT)


# --- events


@needs(Can.RECORD_PAYMENT)
def test_an_event_waits_until_it_is_acknowledged(billing: BillingSystem) -> None:
    pay(billing, 12_000)
    first, second = billing.list_pending_events(10)
    assert (first.invoice_id, second.invoice_id) == ("R1", "R2")
    assert (first.event.facts, second.event.facts) == (billing.get_invoice_facts("R1"), billing.get_invoice_facts("R2"))
    assert (first.event.occurred_at, first.event.amount, first.event.reference) == (AT, 10_000, "bank 4711")
    assert billing.list_pending_events(1) == [first] == billing.list_pending_events(1)
    for _ in range(2):
        billing.acknowledge_events([first.cursor], REAL_NOW)
        assert billing.list_pending_events(10) == [second]


@needs(Can.RECORD_PAYMENT, Can.REVERSE_PAYMENT)
def test_events_of_an_invoice_come_in_order_and_each_under_an_id_of_its_own(billing: BillingSystem) -> None:
    pay(billing, 4_000)
    billing.reverse_payment("P1", TODAY, at=AT)
    pay(billing, 10_000, payment_id="P2")
    events = [pending.event for pending in billing.list_pending_events(10)]
    assert [(event.kind.value, event.balance_reduction) for event in events] == [
        ("payment.received", 4_000),
        ("payment.reversed", -4_000),
        ("payment.received", 10_000),
    ]
    assert [event.facts.version for event in events] == sorted({event.facts.version for event in events})
    assert len({event.event_id for event in events}) == 3


# --- capabilities


def _apply_and_take_back(billing: BillingSystem) -> None:
    if Can.APPLY_CREDIT in billing.capabilities:
        billing.record_payment("P-U", "A1", "EUR", 10_100, TODAY, "", "R1", at=AT)
        apply(billing, ("P-U", "R2", 10), key="U-1")
    billing.take_back_application("B-1", "U-1", "x", at=AT)


CALLS: dict[Can, Callable[[BillingSystem], object]] = {
    Can.LIST_OPEN_INVOICES: lambda billing: billing.list_open_invoices("A1"),
    Can.LIST_PAYMENTS: lambda billing: billing.list_payments("A1"),
    Can.GET_UNAPPLIED_CREDIT: lambda billing: billing.get_unapplied_credit("A1"),
    Can.RECORD_PAYMENT: lambda billing: pay(billing, 100),
    Can.REVERSE_PAYMENT: lambda billing: billing.reverse_payment("P1", TODAY, at=AT),
    Can.APPLY_UNAPPLIED_CREDIT: lambda billing: billing.apply_unapplied_credit("A1", "EUR", at=AT),
    Can.APPLY_CREDIT: lambda billing: billing.apply_credit("A1", "EUR", at=AT),
    Can.TAKE_BACK_APPLICATION: lambda billing: _apply_and_take_back(billing),
    Can.LIST_UNAPPLIED_SOURCES: lambda billing: billing.list_unapplied_sources("A1"),
    Can.LIST_CREDIT_APPLICATIONS: lambda billing: billing.list_credit_applications("A1"),
    Can.LIST_APPLICABLE_CREDIT: lambda billing: billing.list_applicable_credit(),
    Can.ISSUE_CREDIT_NOTE: lambda billing: billing.issue_credit_note("C1", "R1", 100, TODAY, at=AT),
    Can.CHANGE_INVOICE: lambda billing: billing.change_invoice("R1", total=9_000, at=AT),
    Can.CANCEL_INVOICE: lambda billing: billing.cancel_invoice("R2", at=AT),
    Can.SUSPEND_ACCOUNT: suspend,
    Can.REINSTATE_ACCOUNT: lambda billing: billing.reinstate_account("N1", "A1", at=AT),
    Can.SET_PREPAID: lambda billing: billing.set_prepaid("A1", True, at=AT),
    Can.WRITE_OFF: lambda billing: billing.write_off("W1", "R1", 100, "EUR", TODAY, at=AT),
    Can.CHARGE_INTEREST: lambda billing: billing.charge_interest("I1", "A1", 100, "EUR", TODAY, charged_by="plan:A1:1", at=AT),
}


def test_a_system_can_do_what_it_says_and_refuses_the_rest(billing: BillingSystem) -> None:
    for capability, call in CALLS.items():
        if capability in billing.capabilities:
            call(billing)
        else:
            with pytest.raises(UnsupportedOperationError):
                call(billing)
    assert CALLS.keys() == set(Can)


class ReadOnlyBilling:
    """A system whose invoices and events can be read, and in which nothing can be booked."""

    capabilities = frozenset({Can.LIST_OPEN_INVOICES})

    def __init__(self, billing: BillingSystem) -> None:
        self._billing = billing

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name in {capability.value for capability in Can} - self.capabilities:
            raise UnsupportedOperationError(f"this system cannot {name}; do it there by hand")
        method: Callable[..., object] = getattr(self._billing, name)
        return method


def test_a_system_that_can_only_be_read_keeps_to_the_contract(billing: BillingSystem) -> None:
    limited = cast(BillingSystem, ReadOnlyBilling(billing))
    test_a_system_can_do_what_it_says_and_refuses_the_rest(limited)
    test_an_invoice_is_read_as_it_stands(limited)
    assert list_changes(limited) == []
