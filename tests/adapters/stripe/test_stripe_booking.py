"""What Duecourse books in Stripe is booked once, said there by which key, and undone as it was done."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.billing.errors import (
    BillingAwayError,
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    RefusedByBillingError,
    UnsupportedOperationError,
)
from adapters.stripe.stripe_connector import StripeConnector
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.stripe.stripe_double import NOW, StripeDouble
from tests.adapters.stripe.stripe_world import SETTINGS, open_stripe

DUE = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture
def double() -> StripeDouble:
    return StripeDouble()


@pytest.fixture
def stripe(double: StripeDouble) -> StripeConnector:
    return open_stripe(double)


@pytest.fixture
def customer(double: StripeDouble) -> str:
    return double.add_customer("Customer Ltd", subscribed=False)


@pytest.fixture
def invoice(double: StripeDouble, customer: str) -> str:
    return double.issue_invoice(customer, 10_000, DUE)


# --- money


def test_a_credit_note_whose_answer_is_lost_is_not_issued_twice(double: StripeDouble, stripe: StripeConnector, invoice: str) -> None:
    double.lost_answers = 1
    with pytest.raises(BillingAwayError):
        stripe.book_credit_note("C1", invoice, 2_500, "EUR", "too dear")
    assert stripe.book_credit_note("C1", invoice, 2_500, "EUR", "too dear").repeated
    assert (len(double.objects["credit_note"]), stripe.read_invoice(invoice).open_balance) == (1, 7_500)


def test_a_failure_that_stripe_keeps_for_a_key_does_not_block_it_for_a_day(
    double: StripeDouble, stripe: StripeConnector, invoice: str
) -> None:
    double.plans += [lambda request: double.fail_and_keep(request) if request.method == "POST" else None] * 9
    with pytest.raises(BillingAwayError, match="500"):
        stripe.book_credit_note("C1", invoice, 2_500, "EUR", "")
    double.plans.clear()
    assert stripe.book_credit_note("C1", invoice, 2_500, "EUR", "").amount == 2_500
    assert len(double.objects["credit_note"]) == 1


def test_a_credit_note_is_mailed_by_duecourse_alone(double: StripeDouble, stripe: StripeConnector, invoice: str) -> None:
    stripe.book_credit_note("C1", invoice, 2_500, "EUR", "too dear")
    assert double.mailed == []


def test_the_key_of_a_credit_note_is_looked_for_among_all_of_the_customers(
    double: StripeDouble, stripe: StripeConnector, customer: str, invoice: str
) -> None:
    stripe.book_credit_note("C1", invoice, 2_500, "EUR", "")
    other = double.issue_invoice(customer, 10_000, DUE)
    with pytest.raises(ConflictingCreditNoteError):
        stripe.book_credit_note("C1", other, 2_500, "EUR", "")


def test_a_credit_note_that_is_voided_there_is_owed_again_and_may_be_booked_anew(
    double: StripeDouble, stripe: StripeConnector, invoice: str
) -> None:
    booked = stripe.book_credit_note("C1", invoice, 2_500, "EUR", "")
    double.void_credit_note(booked.external_id)
    assert (stripe.read_invoice(invoice).open_balance, stripe.read_invoice(invoice).settlements) == (10_000, ())
    assert not stripe.book_credit_note("C1", invoice, 2_500, "EUR", "").repeated


def test_a_void_invoice_takes_no_credit(double: StripeDouble, stripe: StripeConnector, invoice: str) -> None:
    double.void(invoice)
    assert stripe.read_invoice(invoice).status is InvoiceStatus.CANCELLED
    with pytest.raises(CancelledInvoiceError):
        stripe.book_credit_note("C1", invoice, 2_500, "EUR", "")


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=3)])
def test_the_key_of_a_write_off_is_known_at_once_and_after_days(
    double: StripeDouble, stripe: StripeConnector, customer: str, invoice: str, later: timedelta
) -> None:
    """At once by Stripe's idempotency, for its search is a minute late; after a day by its search, for the other has forgotten."""
    stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date())
    other = double.issue_invoice(customer, 10_000, DUE)
    double.now += later
    if later:
        double.forget_keys()
    with pytest.raises(ConflictingBookingError):
        stripe.book_write_off("W1", other, 10_000, "EUR", NOW.date())
    assert stripe.read_invoice(other).open_balance == 10_000


def test_a_write_off_that_was_interrupted_is_carried_on(double: StripeDouble, stripe: StripeConnector, invoice: str) -> None:
    double.plans += [lambda request: httpx.Response(503) if request.url.path.endswith("mark_uncollectible") else None] * 9
    with pytest.raises(BillingAwayError):
        stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date())
    double.plans.clear()
    assert stripe.read_invoice(invoice).open_balance == 10_000
    assert stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date()).amount == 10_000
    assert stripe.read_invoice(invoice).status is InvoiceStatus.WRITTEN_OFF


@pytest.mark.parametrize("end", ["paid", "void"])
def test_what_was_paid_or_voided_before_it_could_be_given_up_was_not_written_off(
    double: StripeDouble, stripe: StripeConnector, invoice: str, end: str
) -> None:
    """That it was to be is said in the invoice by then."""
    double.plans += [lambda request: httpx.Response(503) if request.url.path.endswith("mark_uncollectible") else None] * 9
    with pytest.raises(BillingAwayError):
        stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date())
    double.plans.clear()
    if end == "paid":
        double.pay(invoice, 10_000)
    else:
        double.void(invoice)
    assert stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date()) == ("", 0, False)


def test_a_write_off_that_was_interrupted_is_carried_on_when_part_was_paid_meanwhile(
    double: StripeDouble, stripe: StripeConnector, invoice: str
) -> None:
    double.plans += [lambda request: httpx.Response(503) if request.url.path.endswith("mark_uncollectible") else None] * 9
    with pytest.raises(BillingAwayError):
        stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date())
    double.plans.clear()
    double.pay(invoice, 4_000)
    assert stripe.book_write_off("W1", invoice, 10_000, "EUR", NOW.date()).amount == 6_000
    assert stripe.read_invoice(invoice).status is InvoiceStatus.WRITTEN_OFF


# --- the two pauses


def test_the_service_is_paused_and_resumed_without_an_invoice(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    subscription = double.add_subscription(customer)
    stripe.suspend("S1", customer, "overdue")
    assert (subscription["status"], subscription["pause_collection"], subscription["metadata"]) == (
        "paused",
        None,
        {"duecourse_pause": "service"},
    )
    stripe.reinstate("R1", customer)
    assert (subscription["status"], subscription["metadata"]) == ("active", {}), "resumed with an invoice it would wait for its payment"


def test_the_collection_alone_is_paused_where_the_connection_says_so_and_the_same_is_undone(double: StripeDouble, customer: str) -> None:
    collecting = open_stripe(double, SETTINGS._replace(pauses_service=False))
    subscription = double.add_subscription(customer, billing_mode="classic")
    collecting.suspend("S1", customer, "overdue")
    assert (subscription["status"], subscription["pause_collection"]["behavior"]) == ("active", "keep_as_draft")
    assert collecting.read_account(customer).suspended
    open_stripe(double).reinstate("R1", customer)
    assert (subscription["pause_collection"], subscription["metadata"]) == (None, {}), "whatever the setting says by now"


def test_what_others_have_paused_is_left_as_it_is(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    trial = double.add_subscription(customer, status="paused")
    theirs = double.add_subscription(customer)
    theirs["pause_collection"] = {"behavior": "void", "resumes_at": None}
    ours = double.add_subscription(customer)
    stripe.suspend("S1", customer, "overdue")
    assert (ours["status"], trial["metadata"], theirs["metadata"]) == ("paused", {}, {})
    stripe.reinstate("R1", customer)
    assert (ours["status"], trial["status"], theirs["pause_collection"]["behavior"]) == ("active", "paused", "void")


def test_a_pause_that_a_person_has_changed_stays(double: StripeDouble, customer: str) -> None:
    collecting = open_stripe(double, SETTINGS._replace(pauses_service=False))
    subscription = double.add_subscription(customer)
    collecting.suspend("S1", customer, "overdue")
    subscription["pause_collection"] = {"behavior": "void", "resumes_at": None}
    collecting.reinstate("R1", customer)
    assert (subscription["pause_collection"]["behavior"], subscription["metadata"]) == ("void", {})


def test_a_suspension_that_was_interrupted_is_carried_on(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    subscriptions = [double.add_subscription(customer) for _ in range(2)]
    double.plans += [lambda request: httpx.Response(503) if f"{subscriptions[1]['id']}/pause" in request.url.path else None] * 20
    with pytest.raises(BillingAwayError):
        stripe.suspend("S1", customer, "overdue")
    assert [each["status"] for each in subscriptions] == ["paused", "active"]
    double.plans.clear()
    stripe.suspend("S1", customer, "overdue")
    assert [each["status"] for each in subscriptions] == ["paused", "paused"]


def test_what_cannot_be_paused_is_asked_of_a_person(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    with pytest.raises(UnsupportedOperationError, match="by hand"):
        stripe.suspend("S0", customer, "overdue")
    assert stripe.read_account(customer).suspended is None
    late = double.add_subscription(customer, status="past_due")
    flexible, classic = double.add_subscription(customer), double.add_subscription(customer, billing_mode="classic")
    for _ in range(2):
        with pytest.raises(RefusedByBillingError, match=rf"{late['id']} .*Only an active .*{classic['id']}"):
            stripe.suspend("S1", customer, "overdue")
        assert [each["status"] for each in (flexible, classic, late)] == ["paused", "active", "past_due"]
        assert late["metadata"] == {}, "what was not paused is not undone"
    late["status"] = "active"
    with pytest.raises(RefusedByBillingError, match=classic["id"]):
        stripe.suspend("S1", customer, "overdue")
    stripe.reinstate("R1", customer)
    assert [each["status"] for each in (flexible, late)] == ["active", "active"]


def test_a_key_of_one_order_is_none_of_another(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    double.add_subscription(customer)
    stripe.suspend("S1", customer, "overdue")
    with pytest.raises(ConflictingBookingError):
        stripe.reinstate("S1", customer)


def test_a_hundred_orders_fit_where_stripe_keeps_them(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    double.add_subscription(customer)
    for number in range(50):
        stripe.suspend(f"S{number}", customer, "overdue")
        stripe.reinstate(f"R{number}", customer)
    assert not stripe.read_account(customer).suspended
