"""What every connected billing system keeps to, whichever it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from adapters.billing.connector import BillingConnector
from adapters.billing.connector import ConnectorCapability as Can
from adapters.billing.errors import (
    BillingError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    ForgedWebhookError,
    InvalidAmountError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.external_records import ExternalCredit, ExternalInvoice, NoteKind, OpenReceivable, SettlementKind
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import ConnectedWorld, HouseEvent

needs = pytest.mark.needs


def read_all_changes(connector: BillingConnector, cursor: str | None = None, limit: int = 100) -> tuple[list[ExternalInvoice], str]:
    """What was changed since the cursor, in as many pages as it takes, and the cursor after it."""
    found: list[ExternalInvoice] = []
    for _ in range(1_000):
        page = connector.read_changes(cursor, limit)
        found, cursor = [*found, *page.invoices], page.cursor
        if not page.has_more:
            return found, cursor
    raise AssertionError("the pages have no end")


def list_open_items(connector: BillingConnector, account_id: str, limit: int = 100) -> list[OpenReceivable]:
    found: list[OpenReceivable] = []
    cursor = None
    while True:
        page = connector.list_open_items(cursor, limit)
        found += [item for item in page.items if item.account_id == account_id]
        if (cursor := page.cursor) is None:
            return found


def list_credits(connector: BillingConnector, account_id: str) -> list[ExternalCredit]:
    found: list[ExternalCredit] = []
    cursor = None
    while True:
        page = connector.list_credits(cursor, 100)
        found += [credit for credit in page.credits if credit.account_id == account_id]
        if (cursor := page.cursor) is None:
            return found


@pytest.fixture
def account(connected: ConnectedWorld) -> str:
    return connected.add_account("Customer Ltd")


@pytest.fixture
def due(connected: ConnectedWorld) -> date:
    return connected.today - timedelta(20)


# --- reads


def test_an_invoice_is_read_as_it_stands(connected: ConnectedWorld, account: str, due: date) -> None:
    found = connected.connector.read_invoice(connected.issue_invoice(account, 10_000, due))
    assert (found.account_id, found.currency, found.total, found.open_balance, found.status) == (
        account,
        "EUR",
        10_000,
        10_000,
        InvoiceStatus.OPEN,
    )
    assert (found.due_parts, found.due_date, found.settlements) == (((due, 10_000, 10_000),), due, ())
    assert found.number


@pytest.mark.parametrize("unknown", ["none", "999999", "0", "-1"])
def test_what_is_not_there_is_said_to_be_unknown(connected: ConnectedWorld, unknown: str) -> None:
    with pytest.raises(UnknownInvoiceError):
        connected.connector.read_invoice(unknown)
    with pytest.raises(UnknownAccountError):
        connected.connector.read_account(unknown)


def test_a_customer_is_read_with_the_addresses_to_write_to(connected: ConnectedWorld, account: str) -> None:
    found = connected.connector.read_account(account)
    suspended = False if Can.SUSPEND in connected.connector.capabilities else None
    assert (found.account_id, found.name, found.emails, found.suspended) == (
        account,
        "Customer Ltd",
        ("books@customer.example",),
        suspended,
    )


def test_money_is_told_with_what_became_of_it(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due)
    connected.pay(invoice, 3_000)
    part = connected.connector.read_invoice(invoice)
    assert (part.open_balance, part.status, part.due_parts[0].open_amount) == (7_000, InvoiceStatus.OPEN, 7_000)
    connected.pay(invoice, 7_000)
    whole = connected.connector.read_invoice(invoice)
    assert (whole.open_balance, whole.status) == (0, InvoiceStatus.PAID)
    assert [(each.kind, each.amount) for each in whole.settlements] == [(SettlementKind.PAYMENT, 3_000), (SettlementKind.PAYMENT, 7_000)]
    assert part.settlements == whole.settlements[:1], "a payment keeps its name"
    assert len({each.external_id for each in whole.settlements}) == 2
    assert part.version != whole.version


@needs(Can.LIST_CREDITS)
def test_money_that_pays_nothing_yet_is_the_customers_credit(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due)
    before = connected.connector.read_invoice(invoice)
    connected.receive(account, 4_000)
    assert [(each.currency, each.left, each.is_credit_note) for each in list_credits(connected.connector, account)] == [
        ("EUR", 4_000, False)
    ]
    assert connected.connector.read_invoice(invoice)._replace(version=before.version) == before, "the invoice knows nothing of it"


@needs(Can.LIST_CREDITS)
def test_money_keeps_its_name_when_an_invoice_takes_it(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due)
    connected.receive(account, 10_000)
    (credit,) = list_credits(connected.connector, account)
    connected.assign_money(account, invoice)
    found = connected.connector.read_invoice(invoice)
    assert ([each.external_id for each in found.settlements], found.status) == ([credit.external_id], InvoiceStatus.PAID)
    assert list_credits(connected.connector, account) == []


@needs(Can.LIST_CREDITS)
def test_what_is_paid_too_much_is_the_customers_credit(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due)
    connected.pay(invoice, 12_500)
    paid = connected.connector.read_invoice(invoice)
    assert (paid.status, sum(each.amount for each in paid.settlements)) == (InvoiceStatus.PAID, 10_000)
    assert [each.left for each in list_credits(connected.connector, account)] == [2_500]


def test_an_invoice_in_another_currency_than_the_books_is_told_in_its_own(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due, "USD")
    connected.pay(invoice, 2_500)
    found = connected.connector.read_invoice(invoice)
    assert (found.currency, found.total, found.open_balance) == ("USD", 10_000, 7_500)
    assert [each.amount for each in found.settlements] == [2_500]
    connected.pay(invoice, 7_500)
    paid = connected.connector.read_invoice(invoice)
    assert (paid.open_balance, paid.status, sum(each.amount for each in paid.settlements)) == (0, InvoiceStatus.PAID, 10_000)


def test_open_items_are_listed_whole_in_pages(connected: ConnectedWorld, account: str, due: date) -> None:
    first, paid, third = (connected.issue_invoice(account, total, due) for total in (1_000, 2_000, 3_000))
    connected.pay(paid, 2_000)
    connected.pay(third, 500)
    items = list_open_items(connected.connector, account, limit=2)
    found = sorted((item.external_id, item.currency, item.open_balance) for item in items)
    assert found == sorted([(first, "EUR", 1_000), (third, "EUR", 2_500)]), "each once, in whatever order"


# --- what happens there


def knows(connected: ConnectedWorld, event: HouseEvent) -> bool:
    """Whether it happens in the system; where it does not, its world says why."""
    return not connected.unknown.get(event, "")


def test_an_invoice_in_parts_is_overdue_by_the_earliest_that_is_open(connected: ConnectedWorld, account: str, due: date) -> None:
    if not knows(connected, HouseEvent.SEVERAL_DUE_DATES):
        return
    invoice, later = connected.issue_in_halves(account, 10_001, due), due + timedelta(30)
    found = connected.connector.read_invoice(invoice)
    assert (found.due_parts, found.due_date) == (((due, 5_000, 5_000), (later, 5_001, 5_001)), due)
    connected.pay(invoice, 5_000)
    found = connected.connector.read_invoice(invoice)
    assert ([part.open_amount for part in found.due_parts], found.due_date, found.open_balance) == ([0, 5_001], later, 5_001)


def test_what_people_credit_there_is_credited_and_not_paid(connected: ConnectedWorld, account: str, due: date) -> None:
    if not knows(connected, HouseEvent.CREDITED_BY_PEOPLE):
        return
    invoice = connected.issue_invoice(account, 10_000, due)
    _, cursor = read_all_changes(connected.connector)
    connected.credit_whole(invoice)
    found = connected.connector.read_invoice(invoice)
    assert (found.status, found.open_balance, list_open_items(connected.connector, account)) == (InvoiceStatus.CREDITED, 0, [])
    assert [(each.kind, each.amount) for each in found.settlements] == [(SettlementKind.CREDIT_NOTE, 10_000)]
    changed, _ = read_all_changes(connected.connector, cursor)
    assert [each.status for each in changed if each.external_id == invoice][-1] is InvoiceStatus.CREDITED


def test_what_was_paid_and_is_taken_back_is_owed_again(connected: ConnectedWorld, account: str, due: date) -> None:
    if not knows(connected, HouseEvent.TAKEN_BACK):
        return
    invoice = connected.issue_invoice(account, 10_000, due)
    connected.pay(invoice, 10_000)
    assert connected.connector.read_invoice(invoice).status is InvoiceStatus.PAID
    _, cursor = read_all_changes(connected.connector)
    connected.take_payments_back(invoice)
    found = connected.connector.read_invoice(invoice)
    assert (found.status, found.open_balance, found.settlements) == (InvoiceStatus.OPEN, 10_000, ())
    assert [each.open_balance for each in list_open_items(connected.connector, account)] == [10_000]
    changed, _ = read_all_changes(connected.connector, cursor)
    assert [each.open_balance for each in changed if each.external_id == invoice][-1] == 10_000


def test_an_invoice_that_is_deleted_is_unknown_and_holds_up_no_other(connected: ConnectedWorld, account: str, due: date) -> None:
    if not knows(connected, HouseEvent.DELETED):
        return
    deleted, kept = (connected.issue_invoice(account, 1_000, due) for _ in range(2))
    _, cursor = read_all_changes(connected.connector)
    connected.delete_invoice(deleted)
    connected.pay(kept, 400)
    with pytest.raises(UnknownInvoiceError):
        connected.connector.read_invoice(deleted)
    assert [each.external_id for each in list_open_items(connected.connector, account)] == [kept]
    changed, _ = read_all_changes(connected.connector, cursor)
    assert {each.external_id: each.open_balance for each in changed if each.external_id in (deleted, kept)} == {kept: 600}


def test_what_does_not_happen_in_a_system_is_said_with_the_reason(connected: ConnectedWorld) -> None:
    assert all(len(why.split()) > 3 for why in connected.unknown.values())
    assert len(connected.unknown) < len(HouseEvent)


@needs(Can.RECORD_NOTE)
def test_a_note_is_left_once_by_its_key(connected: ConnectedWorld, account: str) -> None:
    before = connected.count_notes(account)
    for text in ("Letter sent\n2026-11-30", "Letter sent\n2026-11-30"):
        connected.connector.record_note(f"L-{account}", account, text, NoteKind.LETTER)
    connected.connector.record_note(f"C-{account}", account, "Called", NoteKind.CALL)
    assert connected.count_notes(account) == before + 2
    with pytest.raises(UnknownAccountError):
        connected.connector.record_note("N-none", "999999", "nobody's")


SIGNS = {"application/pdf": b"%PDF", "text/html": b"<", "application/vnd.oasis.opendocument.text": b"PK"}
"""With which a document of each type begins."""


@needs(Can.FETCH_DOCUMENT)
def test_the_document_is_of_the_type_that_is_said(connected: ConnectedWorld, account: str, due: date) -> None:
    document = connected.connector.fetch_document(connected.issue_invoice(account, 10_000, due))
    assert document.content.startswith(SIGNS[document.media_type.partition(";")[0]])
    assert "." in document.filename
    with pytest.raises(UnknownInvoiceError):
        connected.connector.fetch_document("999999")


# --- changes


def test_what_was_changed_since_the_cursor_comes_as_it_stands_now(connected: ConnectedWorld, account: str, due: date) -> None:
    invoices = [connected.issue_invoice(account, 1_000, due) for _ in range(3)]
    everything, cursor = read_all_changes(connected.connector, limit=2)
    assert {each.external_id for each in everything} >= set(invoices)
    connected.pay(invoices[1], 400)
    changed, cursor = read_all_changes(connected.connector, cursor)
    assert [each.open_balance for each in changed if each.external_id == invoices[1]][-1] == 600
    later = connected.issue_invoice(account, 1_000, due)
    assert later in {each.external_id for each in read_all_changes(connected.connector, cursor)[0]}


def test_an_invoice_that_changes_while_pages_are_read_is_not_missed(connected: ConnectedWorld, account: str, due: date) -> None:
    _, cursor = read_all_changes(connected.connector)
    invoices = [connected.issue_invoice(account, 1_000, due) for _ in range(3)]
    first = connected.connector.read_changes(cursor, 1)
    connected.pay(invoices[0], 100)
    found, _ = read_all_changes(connected.connector, first.cursor, limit=1)
    latest = {each.external_id: each.open_balance for each in (*first.invoices, *found)}
    assert [latest[each] for each in invoices] == [900, 1_000, 1_000]


def test_the_same_cursor_reads_the_same_again(connected: ConnectedWorld, account: str, due: date) -> None:
    _, cursor = read_all_changes(connected.connector)
    invoice = connected.issue_invoice(account, 1_000, due)
    twice = [read_all_changes(connected.connector, cursor)[0] for _ in range(2)]
    assert twice[0] == twice[1]
    assert invoice in {each.external_id for each in twice[0]}


# --- credit notes


@needs(Can.BOOK_CREDIT_NOTE)
def test_part_of_an_invoice_is_credited_once_by_its_key(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice, key = connected.issue_invoice(account, 10_000, due), f"C-{account}"
    first = connected.connector.book_credit_note(key, invoice, 2_500, "EUR", "too dear")
    again = connected.connector.book_credit_note(key, invoice, 2_500, "EUR", "too dear")
    assert (first.amount, first.repeated, again) == (2_500, False, first._replace(repeated=True))
    found = connected.connector.read_invoice(invoice)
    assert (found.open_balance, found.status, connected.count_credit_notes(account)) == (7_500, InvoiceStatus.OPEN, 1)
    assert [(each.kind, each.amount) for each in found.settlements] == [(SettlementKind.CREDIT_NOTE, 2_500)]
    if Can.LIST_CREDITS in connected.connector.capabilities:
        assert list_credits(connected.connector, account) == [], "it is taken by the invoice"
    with pytest.raises(ConflictingCreditNoteError):
        connected.connector.book_credit_note(key, invoice, 2_501, "EUR", "too dear")


@needs(Can.BOOK_CREDIT_NOTE)
def test_a_credit_note_is_in_the_currency_of_its_invoice(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due, "USD")
    connected.connector.book_credit_note(f"C-{account}", invoice, 2_500, "USD", "")
    found = connected.connector.read_invoice(invoice)
    assert (found.open_balance, [(each.kind, each.amount) for each in found.settlements]) == (7_500, [(SettlementKind.CREDIT_NOTE, 2_500)])


@needs(Can.BOOK_CREDIT_NOTE)
def test_an_invoice_that_is_credited_whole_owes_nothing(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice, key = connected.issue_invoice(account, 10_000, due), f"C-{account}"
    connected.pay(invoice, 4_000)
    booked = [connected.connector.book_credit_note(key, invoice, 6_000, "EUR", "returned") for _ in range(2)]
    assert [each.repeated for each in booked] == [False, True]
    found = connected.connector.read_invoice(invoice)
    assert (found.open_balance, found.status, list_open_items(connected.connector, account)) == (0, InvoiceStatus.CREDITED, [])


@needs(Can.BOOK_CREDIT_NOTE)
@pytest.mark.parametrize(
    ("invoice", "amount", "currency", "error"),
    [
        (None, 10_001, "EUR", ExcessiveCreditError),
        (None, 0, "EUR", InvalidAmountError),
        (None, 100, "USD", CurrencyMismatchError),
        ("999999", 100, "EUR", UnknownInvoiceError),
    ],
)
def test_a_credit_note_that_cannot_be_booked_leaves_nothing(
    connected: ConnectedWorld, account: str, due: date, invoice: str | None, amount: int, currency: str, error: type[BillingError]
) -> None:
    issued = connected.issue_invoice(account, 10_000, due)
    with pytest.raises(error):
        connected.connector.book_credit_note(f"C-{account}", invoice or issued, amount, currency, "")
    assert (connected.connector.read_invoice(issued).open_balance, connected.count_credit_notes(account)) == (10_000, 0)


# --- write-offs


@needs(Can.BOOK_WRITE_OFF)
def test_what_is_open_is_written_off_once_by_its_key(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice, key = connected.issue_invoice(account, 10_000, due), f"W-{account}"
    connected.pay(invoice, 4_000)
    booked = [connected.connector.book_write_off(key, invoice, 10_000, "EUR", connected.today) for _ in range(2)]
    assert [(each.amount, each.repeated) for each in booked] == [(6_000, False), (6_000, True)]
    found = connected.connector.read_invoice(invoice)
    assert (found.open_balance, found.status) == (0, InvoiceStatus.WRITTEN_OFF)
    assert [(each.kind, each.amount) for each in found.settlements][-1] == (SettlementKind.WRITE_OFF, 6_000)
    other = connected.issue_invoice(account, 5_000, due)
    with pytest.raises(ConflictingBookingError):
        connected.connector.book_write_off(key, other, 100, "EUR", connected.today)
    assert connected.connector.book_write_off(f"V-{account}", invoice, 100, "EUR", connected.today).amount == 0


@needs(Can.BOOK_WRITE_OFF)
def test_part_of_an_invoice_is_written_off_and_the_rest_is_owed(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due, "USD")
    if not connected.writes_off_parts:
        with pytest.raises(UnsupportedOperationError, match=r"USD.* there"):
            connected.connector.book_write_off(f"W-{account}", invoice, 2_500, "USD", connected.today)
        assert connected.connector.read_invoice(invoice).open_balance == 10_000, "nothing was booked"
        return
    connected.connector.book_write_off(f"W-{account}", invoice, 2_500, "USD", connected.today)
    found = connected.connector.read_invoice(invoice)
    assert (found.open_balance, found.status, [each.amount for each in found.settlements]) == (7_500, InvoiceStatus.OPEN, [2_500])


# --- service


@needs(Can.SUSPEND, Can.REINSTATE)
def test_a_customer_is_suspended_and_reinstated_once_by_each_key(connected: ConnectedWorld, account: str, due: date) -> None:
    connected.issue_invoice(account, 10_000, due)
    for _ in range(2):
        connected.connector.suspend(f"S-{account}", account, "overdue")
        assert (connected.is_served(account), connected.connector.read_account(account).suspended) == (False, True)
    for _ in range(2):
        connected.connector.reinstate(f"N-{account}", account)
        assert (connected.is_served(account), connected.connector.read_account(account).suspended) == (True, False)
    connected.connector.suspend(f"S-{account}", account, "overdue")
    assert connected.is_served(account), "what was suspended before is not suspended anew"
    connected.connector.suspend(f"S2-{account}", account, "overdue again")
    connected.connector.reinstate(f"N-{account}", account)
    assert not connected.is_served(account), "what was reinstated before is not reinstated anew"


@needs(Can.SUSPEND, Can.REINSTATE)
def test_only_a_customer_that_is_there_is_suspended(connected: ConnectedWorld) -> None:
    with pytest.raises(UnknownAccountError):
        connected.connector.suspend("S-none", "999999", "overdue")
    with pytest.raises(UnknownAccountError):
        connected.connector.reinstate("N-none", "999999")


# --- capabilities


CALLS: dict[Can, Callable[[BillingConnector, str, str], object]] = {
    Can.LIST_CREDITS: lambda connector, account, invoice: connector.list_credits(None, 10),
    Can.FETCH_DOCUMENT: lambda connector, account, invoice: connector.fetch_document(invoice),
    Can.BOOK_CREDIT_NOTE: lambda connector, account, invoice: connector.book_credit_note(f"C-{account}", invoice, 100, "EUR", ""),
    Can.BOOK_WRITE_OFF: lambda connector, account, invoice: connector.book_write_off(f"W-{account}", invoice, 10_000, "EUR", date.today()),
    Can.SUSPEND: lambda connector, account, invoice: connector.suspend(f"S-{account}", account, "overdue"),
    Can.REINSTATE: lambda connector, account, invoice: connector.reinstate(f"N-{account}", account),
    Can.RECORD_NOTE: lambda connector, account, invoice: connector.record_note(f"T-{account}", account, "promised"),
    Can.VERIFY_WEBHOOK: lambda connector, account, invoice: refuse_unsigned(connector),
}


def refuse_unsigned(connector: BillingConnector) -> None:
    """A system that signs its calls takes none that is not signed."""
    if Can.VERIFY_WEBHOOK not in connector.capabilities:
        connector.verify_webhook({}, b"{}", datetime.now(UTC))
    with pytest.raises(ForgedWebhookError):
        connector.verify_webhook({}, b"{}", datetime.now(UTC))


def test_a_system_can_do_what_it_says_and_refuses_the_rest_in_words(connected: ConnectedWorld, account: str, due: date) -> None:
    invoice = connected.issue_invoice(account, 10_000, due)
    connected.issue_invoice(account, 5_000, due)
    for capability, call in CALLS.items():
        if capability in connected.connector.capabilities:
            call(connected.connector, account, invoice)
        else:
            with pytest.raises(UnsupportedOperationError, match=r"\w+ \w+"):
                call(connected.connector, account, invoice)
    assert CALLS.keys() == set(Can)


def test_a_connection_that_works_says_so_at_each_step(connected: ConnectedWorld) -> None:
    steps = connected.connector.try_connection()
    assert [step for step in steps if not step.works] == []
