"""What a real Tryton does that no other system does: several due dates, refunds, reconciliations taken back, taxes, interrupted
bookings."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.billing.errors import BillingAwayError, RefusedByBillingError, UnansweredOrderError
from adapters.billing.external_records import SettlementKind
from adapters.tryton.tryton_api import TrytonApi
from adapters.tryton.tryton_connector import TrytonConnector
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import TrytonWorld
from tests.adapters.billing.tryton_server.server import TrytonServer


@pytest.fixture(scope="module")
def tryton(tryton_server: TrytonServer) -> TrytonWorld:
    return TrytonWorld(tryton_server)


@pytest.fixture(scope="module")
def account(tryton: TrytonWorld) -> str:
    return tryton.add_account("Customer Ltd")


class InterruptedApi(TrytonApi):
    """Goes away before its n-th write."""

    def __init__(self, server: TrytonServer, writes: int) -> None:
        super().__init__(server.settings)
        self.left = writes

    def _send(self, method: str, *given: Any) -> Any:
        if method != "GET":
            if not self.left:
                raise BillingAwayError("away")
            self.left -= 1
        return super()._send(method, *given)


def test_an_invoice_with_two_due_dates_is_overdue_from_the_earliest_that_is_open(tryton: TrytonWorld, account: str) -> None:
    due, later = tryton.today - timedelta(20), tryton.today + timedelta(10)
    invoice = tryton.server.act("issue_invoice", party=int(account), amount="100.01", due=due.isoformat(), term="halves")
    found = tryton.connector.read_invoice(str(invoice))
    assert (found.due_parts, found.due_date) == (((due, 5_000, 5_000), (later, 5_001, 5_001)), due)
    tryton.pay(str(invoice), 5_000)
    found = tryton.connector.read_invoice(str(invoice))
    assert (found.open_balance, found.due_date) == (5_001, later)
    assert [part.open_amount for part in found.due_parts] == [0, 5_001]


def test_an_invoice_that_people_credit_with_a_refund_is_credited(tryton: TrytonWorld, account: str) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    tryton.server.act("credit", invoice=int(invoice))
    assert tryton.server.act("read_invoice", invoice=int(invoice))["state"] == "cancelled"
    found = tryton.connector.read_invoice(invoice)
    assert (found.status, found.open_balance) == (InvoiceStatus.CREDITED, 0)
    assert [(each.kind, each.amount) for each in found.settlements] == [(SettlementKind.CREDIT_NOTE, 1_000)]


def test_a_reconciliation_that_is_taken_back_leaves_the_money_with_the_invoice(tryton: TrytonWorld, account: str) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    tryton.pay(invoice, 1_000)
    tryton.take_payments_back(invoice)
    assert tryton.server.act("read_invoice", invoice=int(invoice))["state"] == "posted"
    assert tryton.connector.read_invoice(invoice).status is InvoiceStatus.PAID


def test_a_credit_note_of_part_shares_out_the_taxes_to_the_cent(tryton: TrytonWorld, account: str) -> None:
    due = tryton.today - timedelta(20)
    invoice = str(tryton.server.act("issue_invoice", party=int(account), amount="99.99", due=due.isoformat(), tax=True))
    total = tryton.connector.read_invoice(invoice).total
    assert total == 11_999
    tryton.connector.book_credit_note(f"T-of-invoice-{invoice}", invoice, 3_333, "EUR", "in part")
    found = tryton.connector.read_invoice(invoice)
    assert (found.open_balance, [each.amount for each in found.settlements]) == (total - 3_333, [3_333])


@pytest.mark.parametrize("writes", [1, 2])
def test_a_credit_note_that_was_interrupted_is_carried_on(tryton: TrytonWorld, account: str, writes: int) -> None:
    """After the draft, and after it was posted."""
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    before = tryton.count_credit_notes(account)
    flaky = TrytonConnector("erp", tryton.server.settings, api=InterruptedApi(tryton.server, writes))
    with pytest.raises(BillingAwayError):
        flaky.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "")
    tryton.connector.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "")
    assert (tryton.count_credit_notes(account), tryton.connector.read_invoice(invoice).open_balance) == (before + 1, 600)


class SlowApi(TrytonApi):
    """Does not answer the first posting, and carries it out before the next call of `done_before`."""

    def __init__(self, server: TrytonServer, done_before: str) -> None:
        super().__init__(server.settings)
        self.done_before, self.running = done_before, list[tuple[Any, ...]]()

    def _ask(self, method: str, path: str, *given: Any) -> Any:
        if path.endswith("/post") and not self.running:
            self.running.append((method, path, *given))
            raise BillingAwayError("slow")
        if (method, path.rpartition("/")[2]) in (("POST", self.done_before), (self.done_before, path.rpartition("/")[2])):
            for call in self.running[:1]:
                self.done_before = ""
                super()._ask(*call)
        return super()._ask(method, path, *given)


@pytest.mark.parametrize("done_before", ["post", "GET"])
def test_a_posting_that_is_still_running_credits_once_and_is_not_taken_for_a_refusal(
    tryton: TrytonWorld, account: str, done_before: str
) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    before = tryton.count_credit_notes(account)
    slow = TrytonConnector("erp", tryton.server.settings, api=(api := SlowApi(tryton.server, "")))
    with pytest.raises(UnansweredOrderError):
        slow.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "")
    api.done_before = done_before
    for _ in range(2):
        slow.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "")
    assert (tryton.count_credit_notes(account), slow.read_invoice(invoice).open_balance) == (before + 1, 600)


def test_a_draft_that_is_posted_while_it_is_cleared_away_is_read_again(tryton: TrytonWorld, account: str) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    slow = TrytonConnector("erp", tryton.server.settings, api=(api := SlowApi(tryton.server, "")))
    with pytest.raises(UnansweredOrderError):
        slow.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "")
    api.done_before = "DELETE"
    with pytest.raises(BillingAwayError, match="read again"):
        slow.book_credit_note(f"C-of-invoice-{invoice}", invoice, 300, "EUR", "")
    assert slow.book_credit_note(f"C-of-invoice-{invoice}", invoice, 400, "EUR", "").repeated


def test_a_write_off_that_was_interrupted_is_carried_on(tryton: TrytonWorld, account: str) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today - timedelta(20))
    for writes in (1, 1):  # after the draft, and after it was posted
        with pytest.raises(BillingAwayError):
            TrytonConnector("erp", tryton.server.settings, api=InterruptedApi(tryton.server, writes)).book_write_off(
                f"W-of-invoice-{invoice}", invoice, 1_000, "EUR", tryton.today
            )
    assert tryton.connector.book_write_off(f"W-of-invoice-{invoice}", invoice, 1_000, "EUR", tryton.today).repeated
    assert tryton.connector.read_invoice(invoice).status is InvoiceStatus.WRITTEN_OFF


def test_the_credit_limit_that_was_in_force_comes_back_unless_a_person_changed_it(tryton: TrytonWorld) -> None:
    account = tryton.add_account("Limited Ltd")
    party = int(account)
    tryton.server.act("limit_credit", party=party, amount="500.00")
    with pytest.raises(BillingAwayError):
        TrytonConnector("erp", tryton.server.settings, api=InterruptedApi(tryton.server, 1)).suspend(f"S-{account}", account, "overdue")
    assert tryton.server.act("read_credit_limit", party=party) == "500.00"
    tryton.connector.suspend(f"S-{account}", account, "overdue")
    assert tryton.server.act("read_credit_limit", party=party) == "0"
    tryton.connector.reinstate(f"N-{account}", account)
    assert tryton.server.act("read_credit_limit", party=party) == "500.00"
    tryton.connector.suspend(f"S2-{account}", account, "overdue")
    tryton.server.act("limit_credit", party=party, amount="50.00")
    tryton.connector.reinstate(f"N2-{account}", account)
    assert tryton.server.act("read_credit_limit", party=party) == "50.00"
    for again in ("S3", "S4"):
        tryton.connector.suspend(f"{again}-{account}", account, "overdue")
    assert tryton.server.act("read_credit_limit", party=party) == "0"
    for _ in range(2):
        tryton.connector.reinstate(f"N3-{account}", account)
        assert tryton.server.act("read_credit_limit", party=party) == "50.00", "the second suspension found none"
    for _ in range(2):
        tryton.connector.record_note(f"P-{account}", account, "Promised to pay by Friday")
    notes = tryton.server.act("list_notes", party=party)
    assert notes[-1] == f"[duecourse P-{account}] Promised to pay by Friday"
    assert len(notes) == 8


def test_the_invoice_is_had_as_a_document(tryton: TrytonWorld, account: str) -> None:
    document = tryton.connector.fetch_document(tryton.issue_invoice(account, 1_000, tryton.today))
    assert (document.media_type, document.content[:2], document.filename[-4:]) == ("application/vnd.oasis.opendocument.text", b"PK", ".odt")


def test_what_tryton_refuses_is_told_in_its_own_words(tryton: TrytonWorld, account: str) -> None:
    invoice = tryton.issue_invoice(account, 1_000, tryton.today)
    with pytest.raises(RefusedByBillingError, match="no open period for 1999-01-01"):
        tryton.connector.book_write_off(f"W-of-invoice-{invoice}", invoice, 100, "EUR", tryton.today.replace(year=1999, month=1, day=1))
