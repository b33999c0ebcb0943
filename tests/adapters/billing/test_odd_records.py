"""One record of a connected system that is odd, or at which the system fails, holds up no other."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import (
    ChangePage,
    CreditPage,
    DuePart,
    ExternalAccount,
    ExternalCredit,
    ExternalInvoice,
    Settlement,
    SettlementKind,
)
from adapters.connections import credit_mirror
from adapters.connections.account_mirror import READ_AGAIN_AFTER, AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_sync import MOST_FAILURES, ConnectionSync
from adapters.connections.invoice_faults import LONGEST_TEXT, find_invoice_fault, split_where_nameable
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.ledger.ledger import Ledger
from domain.accepted_texts import MAX_ID_LENGTH
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import find_unbalanced_invoices

DEFAULTS = AccountDefaults("DE", "Europe/Berlin", "de")
DUE = date(2013, 5, 1)
KEY = SystemKey("ledger", "1")
LONGEST_ID = MAX_ID_LENGTH - len("@ledger:1:")


class OddHouse:
    """The house's system. `change`: what it says of an invoice instead; `broken`: the customers at whose records it fails."""

    def __init__(self, house: LedgerConnectedWorld) -> None:
        self._connector = house.connector
        self.change: Callable[[ExternalInvoice], ExternalInvoice] = lambda invoice: invoice
        self.broken: set[str] = set()
        self.credits: tuple[ExternalCredit, ...] = ()
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._connector, name)

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        page = self._connector.read_changes(cursor, limit)
        return page._replace(invoices=tuple(map(self.change, page.invoices)))

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        page = self._connector.list_credits(cursor, limit)
        return page._replace(credits=(*page.credits, *self.credits))

    def read_account(self, account_id: str) -> ExternalAccount:
        self.asked.append(account_id)
        if account_id in self.broken:
            raise BillingAwayError("500")
        return self._connector.read_account(account_id)


@pytest.fixture
def house(house_database: Database) -> LedgerConnectedWorld:
    return LedgerConnectedWorld(house_database)


@pytest.fixture
def odd(house: LedgerConnectedWorld) -> Any:
    return OddHouse(house)


@pytest.fixture
def sync(database: Database, odd: Any) -> ConnectionSync:
    return ConnectionSync(database, odd, DEFAULTS)


def build_invoice(**changed: Any) -> ExternalInvoice:
    part = DuePart(DUE, 100, 40)
    whole = ExternalInvoice("R1", "1", "A1", "N-1", DUE, "EUR", 100, 40, InvoiceStatus.OPEN, (part,), (), "EUR")
    return whole._replace(settlements=(Settlement("P1", SettlementKind.PAYMENT, 60, DUE),))._replace(**changed)


@pytest.mark.parametrize("text", ["zero\0", "half \ud800", "l" * (LONGEST_TEXT + 1)])
@pytest.mark.parametrize("field", ["reference", "payment_link", "settlement"])
def test_an_invoice_with_a_text_that_no_database_keeps_is_left_out(field: str, text: str) -> None:
    settlement = Settlement("P1", SettlementKind.PAYMENT, 60, DUE, text)
    assert find_invoice_fault(KEY, build_invoice(**({"settlements": (settlement,)} if field == "settlement" else {field: text})))


def test_a_text_of_several_lines_is_none_that_no_database_keeps() -> None:
    assert find_invoice_fault(KEY, build_invoice(reference="two\r\nlines")) is None


def test_whatever_is_kept_of_an_invoice_can_be_named() -> None:
    longest = "R" * LONGEST_ID
    assert find_invoice_fault(KEY, build_invoice(external_id=longest)) is None
    assert find_invoice_fault(KEY, build_invoice(external_id=longest, settlements=())), "nobody says who paid it"
    parts = (DuePart(DUE, 60, 0), DuePart(DUE + timedelta(30), 40, 40))
    for name, kind in (("W1", SettlementKind.WRITE_OFF), ("W" * LONGEST_ID, SettlementKind.WRITE_OFF)):
        parted = build_invoice(due_parts=parts, settlements=(Settlement(name, kind, 60, DUE),))
        assert len(split_where_nameable(KEY, parted)) == 2
        later = parted._replace(due_parts=(DuePart(DUE, 50, 0), DuePart(DUE + timedelta(30), 50, 40)))
        assert len(split_where_nameable(KEY, later)) == (2 if name == "W1" else 1), "what is given up of the second has a longer name"
        assert find_invoice_fault(KEY, later) is None


def test_the_rest_of_its_page_is_taken_in(database: Database, house: LedgerConnectedWorld, odd: Any, sync: ConnectionSync) -> None:
    account = house.add_account("Customer Ltd")
    good, bad = house.issue_invoice(account, 1_000, DUE), house.issue_invoice(account, 2_000, DUE)
    odd.change = lambda invoice: invoice._replace(reference="zero\0") if invoice.external_id == bad else invoice
    odd.credits = (
        ExternalCredit("no id", account, False, "EUR", 5, DUE),
        ExternalCredit("P9", account, False, "EUR", 5, DUE, "half \ud800"),
    )
    result = sync.sync()
    assert ([each.external_id for each in result.left_out], result.credits_changed) == ([bad], 0)
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{good}").open_balance == 1_000


def test_a_new_customer_at_whose_record_it_fails_holds_up_no_other(
    database: Database, house: LedgerConnectedWorld, odd: Any, sync: ConnectionSync
) -> None:
    broken = house.add_account("Broken Ltd")
    lost = house.issue_invoice(broken, 1_000, DUE)
    odd.broken = {broken}
    with pytest.raises(BillingAwayError):
        sync.sync()
    good = house.issue_invoice(house.add_account("Customer Ltd"), 2_000, DUE)
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(BillingAwayError):
            sync.sync()
    result = sync.sync()
    assert result.left_out == ((lost, "the system fails at the customer's record: 500"),)
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{good}").open_balance == 2_000
    missing = [each.id for each in compare_open_items(database, house.connector).differences if each.kind is DifferenceKind.MISSING_HERE]
    assert missing == [f"@ledger:1:{lost}"]


def test_a_system_that_fails_at_every_customer_is_away(house: LedgerConnectedWorld, odd: Any, sync: ConnectionSync) -> None:
    odd.broken = {house.add_account("One Ltd"), house.add_account("Two Ltd")}
    for account in sorted(odd.broken):
        house.issue_invoice(account, 1_000, DUE)
    for _ in range(MOST_FAILURES + 1):
        with pytest.raises(BillingAwayError):
            sync.sync()


def test_one_at_whose_record_it_fails_is_read_again_another_day(database: Database, house: LedgerConnectedWorld, odd: Any) -> None:
    accounts = [house.add_account(name) for name in ("One Ltd", "Two Ltd", "Three Ltd")]
    for account in accounts:
        house.issue_invoice(account, 1_000, DUE)
    times = [datetime(2026, 11, 1, tzinfo=UTC)]
    sync = ConnectionSync(database, odd, DEFAULTS, real_now=lambda: times[0])
    sync.sync()
    odd.broken = {accounts[0]}
    times[0] += READ_AGAIN_AFTER + timedelta(hours=1)
    house.receive(accounts[1], 50)
    odd.asked.clear()
    assert sync.sync().credits_changed == 1
    assert set(odd.asked) == set(accounts)
    odd.asked.clear()
    sync.sync()
    assert odd.asked == []
    times[0] += READ_AGAIN_AFTER + timedelta(hours=1)
    odd.broken = set(accounts)
    with pytest.raises(BillingAwayError):
        sync.sync()


@pytest.mark.parametrize(
    ("changed", "why"), [("account", "another customer there; chase it by hand"), ("currency", "another currency there; chase it by hand")]
)
def test_an_invoice_that_became_anothers_is_asked_for_no_more(
    database: Database, house: LedgerConnectedWorld, odd: Any, sync: ConnectionSync, changed: str, why: str
) -> None:
    """And is named, as long as it is so."""
    first, second = house.add_account("First Ltd"), house.add_account("Second Ltd")
    invoice = house.issue_invoice(first, 1_000, DUE)
    house.pay(invoice, 300)
    sync.sync()
    theirs = {"account_id": second} if changed == "account" else {"currency": "USD", "total": 1_200, "open_balance": 900}
    due = (DuePart(DUE, 1_200, 900),) if changed == "currency" else (DuePart(DUE, 1_000, 700),)
    odd.change = lambda each: each._replace(**theirs, due_parts=due)
    assert sync.sync().left_out == ((invoice, why),)
    facts = Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}")
    assert (facts.status, facts.open_balance, facts.currency) == (InvoiceStatus.CANCELLED, 0, "EUR")
    again = sync.sync()
    assert (again.changed, again.left_out) == (0, ((invoice, why),))
    assert find_unbalanced_invoices(database) == []
    assert DifferenceKind.MISSING_HERE in {each.kind for each in compare_open_items(database, house.connector).differences}
    odd.change = lambda each: each
    sync.sync()
    facts = Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}")
    assert (facts.status, facts.open_balance) == (InvoiceStatus.OPEN, 700)
    assert find_unbalanced_invoices(database) == []


def test_of_many_payments_those_are_looked_at_of_which_something_is_left(
    database: Database, house: LedgerConnectedWorld, odd: Any, sync: ConnectionSync, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = house.add_account("Customer Ltd")
    invoice = house.issue_invoice(account, 1_000, DUE)
    sync.sync()
    house.pay(invoice, 300)
    house.receive(account, 50)
    sync.sync()
    looked_at: list[str] = []
    update = credit_mirror._update_sources

    def note(session: Any, table: Any, rows: Any, wanted: Any) -> int:
        looked_at.extend(row[0] for row in rows)
        return update(session, table, rows, wanted)

    monkeypatch.setattr(credit_mirror, "_update_sources", note)
    (paid,) = house.connector.read_invoice(invoice).settlements
    assert (sync.sync_credits(), len(looked_at)) == (0, 1)
    odd.credits = (ExternalCredit(paid.external_id, account, False, "EUR", 70, DUE),)
    assert (sync.sync_credits(), sync.sync_credits()) == (1, 0)
    assert Ledger(database).list_unapplied_credit([f"@ledger:1:{account}"]) == {(f"@ledger:1:{account}", "EUR"): 120}
    odd.credits = tuple(ExternalCredit(f"P-{number}", f"B-{number}", False, "EUR", 1, DUE) for number in range(33_000))
    assert sync.sync_credits() == 1, "more than one statement may name"
