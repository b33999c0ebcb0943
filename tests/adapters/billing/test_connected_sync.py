"""What a connected system says comes into the tables that letters, lists and cases read, once, and is compared as a whole."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from adapters.billing.connector import BillingConnector
from adapters.billing.errors import BillingAwayError, UnknownAccountError
from adapters.billing.external_key import parse_external_key
from adapters.billing.external_records import ChangePage, ExternalAccount, ExternalInvoice
from adapters.connections.account_mirror import READ_AGAIN_AFTER, AccountDefaults
from adapters.connections.comparison import Comparison, compare_open_items
from adapters.connections.connection_sync import ConnectionSync
from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import ReleaseStore
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import Account, BillingCursorRow, Contact, HeldAccount, Invoice
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.release import ReleaseSelection
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld, TrytonWorld
from tests.adapters.billing.tryton_server.server import TrytonServer
from tests.adapters.ledger.builders import find_unbalanced_invoices

DEFAULTS = AccountDefaults(country="DE", time_zone="Europe/Berlin", language="de")
_START = datetime(2026, 11, 1, tzinfo=UTC)


def tick() -> Callable[[], datetime]:
    """A clock that goes on by a minute each time it is asked."""
    minutes = count()
    return lambda: _START + timedelta(minutes=next(minutes))


def open_sync(database: Database, connector: BillingConnector) -> ConnectionSync:
    return ConnectionSync(database, connector, DEFAULTS, real_now=tick())


def list_events(database: Database) -> list[tuple[str, str, int]]:
    """(invoice, kind, amount) of every event that waits."""
    return [(pending.invoice_id, pending.event.kind.value, pending.event.amount) for pending in Ledger(database).list_pending_events(1_000)]


@pytest.fixture
def house(house_database: Database) -> LedgerConnectedWorld:
    return LedgerConnectedWorld(house_database)


@pytest.fixture
def sync(database: Database, house: LedgerConnectedWorld) -> ConnectionSync:
    return open_sync(database, house.connector)


@pytest.fixture
def account(house: LedgerConnectedWorld) -> str:
    return house.add_account("Customer Ltd")


DUE = date(2013, 5, 1)


def test_an_open_invoice_appears_with_its_customer_and_is_told_once(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    house.issue_invoice(account, 10_000, DUE)
    assert (sync.sync().changed, sync.sync().changed) == (1, 0)
    with database.reading() as session:
        invoice = session.execute(select(Invoice)).scalar_one()
        customer = session.execute(select(Account)).scalar_one()
        assert session.execute(select(col(Contact.email))).scalars().all() == ["books@customer.example"]
    assert (invoice.id, invoice.account_id, customer.id) == ("@ledger:1:R2", "@ledger:1:A1", "@ledger:1:A1")
    assert (invoice.total, invoice.open_balance, invoice.due_date, customer.name) == (10_000, 10_000, DUE, "Customer Ltd")
    assert list_events(database) == [("@ledger:1:R2", "invoice.issued", 0)]
    assert parse_external_key(invoice.id) == ("ledger", "1", "R2")


def test_what_is_settled_before_it_was_ever_seen_is_not_taken_in(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    house.pay(house.issue_invoice(account, 10_000, DUE), 10_000)
    assert (sync.sync().changed, list_events(database)) == (0, [])


def test_money_is_told_by_what_it_came_and_taken_back(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    invoice = house.issue_invoice(account, 10_000, DUE)
    sync.sync()
    house.pay(invoice, 3_000)
    sync.sync()
    house.connector.book_credit_note("C1", invoice, 2_000, "EUR", "")
    sync.sync()
    house.connector.book_write_off("W1", invoice, 5_000, "EUR", house.today)
    sync.sync()
    mirrored = f"@ledger:1:{invoice}"
    assert list_events(database)[1:] == [
        (mirrored, "payment.received", 3_000),
        (mirrored, "credit_note.issued", 2_000),
        (mirrored, "invoice.written_off", 5_000),
    ]
    assert Ledger(database).get_invoice_facts(mirrored).status is InvoiceStatus.WRITTEN_OFF
    assert find_unbalanced_invoices(database) == []


def test_a_payment_that_is_taken_back_is_owed_again(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    invoice = house.issue_invoice(account, 10_000, DUE)
    sync.sync()
    house.pay(invoice, 10_000)
    sync.sync()
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").status is InvoiceStatus.PAID
    house.take_payments_back(invoice)
    sync.sync()
    facts = Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}")
    assert (facts.status, facts.open_balance) == (InvoiceStatus.OPEN, 10_000)
    assert list_events(database)[-1] == (f"@ledger:1:{invoice}", "payment.reversed", 10_000)
    assert find_unbalanced_invoices(database) == []


def test_unapplied_money_is_the_customers_credit_until_an_invoice_takes_it(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    invoice = house.issue_invoice(account, 10_000, DUE)
    house.receive(account, 4_000)
    assert sync.sync().credits_changed == 1
    assert Ledger(database).list_unapplied_credit([f"@ledger:1:{account}"]) == {(f"@ledger:1:{account}", "EUR"): 4_000}
    house.assign_money(account, invoice)
    assert sync.sync().credits_changed == 0
    assert Ledger(database).list_unapplied_credit([f"@ledger:1:{account}"]) == {}
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").open_balance == 6_000
    assert compare_open_items(database, house.connector).differences == ()


def test_an_interrupted_run_goes_on_at_its_page(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(5)]

    class Flaky:
        """Every second page is not there."""

        calls = 0

        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
            self.calls += 1
            if self.calls % 2 == 0:
                raise BillingAwayError("away", 30)
            return house.connector.read_changes(cursor, 2)

    sync = open_sync(database, Flaky())  # type: ignore[arg-type]
    for _ in range(10):
        try:
            sync.sync()
        except BillingAwayError:
            continue
        break
    assert Counter(list_events(database)) == Counter((f"@ledger:1:{each}", "invoice.issued", 0) for each in invoices)


def test_one_bad_invoice_is_left_out_and_named_and_the_rest_goes_on(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    good, odd, orphan = (house.issue_invoice(each, 1_000, DUE) for each in (account, account, house.add_account("Gone Ltd")))
    lost = house.connector.read_invoice(orphan).account_id

    class Odd:
        """Has an invoice in no currency, and one of a customer who is gone."""

        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
            page = house.connector.read_changes(cursor, limit)
            bad = tuple(each._replace(currency="QQQ") if each.external_id == odd else each for each in page.invoices)
            return page._replace(invoices=bad)

        def read_account(self, account_id: str) -> object:
            if account_id == lost:
                raise UnknownAccountError("nobody is there")
            return house.connector.read_account(account_id)

    result = open_sync(database, Odd()).sync()  # type: ignore[arg-type]
    assert result.left_out == ((odd, "currency 'QQQ' is no ISO 4217 code"), (orphan, "nobody is there"))
    assert [invoice for invoice, _, _ in list_events(database)] == [f"@ledger:1:{good}"]
    missing = {each.id for each in compare_open_items(database, house.connector).differences if each.kind is DifferenceKind.MISSING_HERE}
    assert missing == {f"@ledger:1:{odd}", f"@ledger:1:{orphan}"}


def test_two_readers_at_once_take_each_page_in_once(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    house.issue_invoice(account, 1_000, DUE)

    class Overtaken:
        """While it reads its first page, another reader reads it whole."""

        was_here = False

        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
            page = house.connector.read_changes(cursor, limit)
            if not self.was_here:
                self.was_here = True
                house.issue_invoice(account, 2_000, DUE)
                ConnectionSync(database, house.connector, DEFAULTS).sync()
            return page

    first = ConnectionSync(database, Overtaken(), DEFAULTS)  # type: ignore[arg-type]
    first.sync()
    assert sorted(kind for _, kind, _ in list_events(database)) == ["invoice.issued", "invoice.issued"]


def test_what_was_read_before_is_older_than_what_is_here(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    invoice = house.issue_invoice(account, 1_000, DUE)
    clock = tick()
    sync = ConnectionSync(database, house.connector, DEFAULTS, real_now=clock)
    sync.sync()
    house.pay(invoice, 400)

    class Slow:
        """Reads, and before it answers the invoice is paid and read again."""

        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def read_invoice(self, external_id: str) -> object:
            before = house.connector.read_invoice(external_id)
            house.pay(external_id, 600)
            sync.refresh(external_id)
            return before

    ConnectionSync(database, Slow(), DEFAULTS, real_now=clock).refresh(invoice)  # type: ignore[arg-type]
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").open_balance == 0


def test_the_comparison_names_every_difference_and_changes_nothing(
    database: Database, house: LedgerConnectedWorld, sync: ConnectionSync, account: str
) -> None:
    changed, paid, _ = (house.issue_invoice(account, total, DUE) for total in (1_000, 2_000, 3_000))
    sync.sync()
    assert compare_open_items(database, house.connector) == Comparison(3, ())
    house.pay(changed, 400)
    house.pay(paid, 2_000)
    added = house.issue_invoice(account, 4_000, DUE)
    house.receive(account, 50)
    named = [(each.kind, each.id, each.here, each.there) for each in compare_open_items(database, house.connector).differences]
    assert named == [
        ("credit", f"@ledger:1:{account}", "0", "50"),
        ("balance", f"@ledger:1:{changed}", "1000", "600"),
        ("missing_there", f"@ledger:1:{paid}", "2000", "0"),
        ("missing_here", f"@ledger:1:{added}", "0", "4000"),
    ]
    sync.sync()
    assert compare_open_items(database, house.connector).differences == ()
    with database.reading() as session:
        row = session.get(BillingCursorRow, ("ledger", "1"))
        assert row is not None
        assert row.caught_up_at is not None


class Changed:
    """The house's system, with some answers of its own. `away_after`: how many customers it lets be read before it asks for patience."""

    def __init__(self, house: LedgerConnectedWorld, away_after: int | None = None) -> None:
        self._connector, self.accounts_read, self.away_after = house.connector, list[str](), away_after
        self.status: InvoiceStatus | None = None
        self.gone: tuple[str, ...] = ()
        self.email: str | None = None
        self.number: str | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._connector, name)

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        page = self._connector.read_changes(cursor, limit)
        there = (self._change(invoice) for invoice in page.invoices if invoice.external_id not in self.gone)
        return page._replace(invoices=tuple(there), gone=self.gone)

    def _change(self, invoice: ExternalInvoice) -> ExternalInvoice:
        if self.status is None:
            return invoice
        due = tuple(part._replace(open_amount=0) for part in invoice.due_parts)
        return invoice._replace(status=self.status, open_balance=0, due_parts=due)

    def read_account(self, account_id: str) -> ExternalAccount:
        if self.away_after is not None and len(self.accounts_read) >= self.away_after:
            raise BillingAwayError("429", 30)
        self.accounts_read.append(account_id)
        account = self._connector.read_account(account_id)
        account = account if self.number is None else account._replace(number=self.number)
        return account if self.email is None else account._replace(emails=(self.email,))


def open_changed(database: Database, changed: Changed, clock: Callable[[], datetime] | None = None) -> ConnectionSync:
    connector: Any = changed
    return ConnectionSync(database, connector, DEFAULTS, real_now=clock or tick())


def test_an_invoice_that_was_cancelled_and_reopened_is_owed_again(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    """As often as it happens, and with what was paid on it."""
    invoice = house.issue_invoice(account, 1_000, DUE)
    changed = Changed(house)
    sync = open_changed(database, changed)
    house.pay(invoice, 300)
    for _ in range(2):
        changed.status = None
        sync.sync()
        facts = Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}")
        assert (facts.status, facts.open_balance) == (InvoiceStatus.OPEN, 700)
        assert Ledger(database).list_unapplied_credit([f"@ledger:1:{account}"]) == {}
        changed.status = InvoiceStatus.CANCELLED
        sync.sync()
        assert Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").status is InvoiceStatus.CANCELLED
        assert find_unbalanced_invoices(database) == []
    kinds = [kind for _, kind, _ in list_events(database)]
    assert (kinds.count("invoice.cancelled"), kinds[-1]) == (2, "invoice.cancelled")


def test_an_invoice_that_is_gone_there_asks_for_nothing(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    """In the middle of a page: the others are taken in, and it comes back as it stands then."""
    gone, other = house.issue_invoice(account, 1_000, DUE), house.issue_invoice(account, 2_000, DUE)
    changed = Changed(house)
    sync = open_changed(database, changed)
    sync.sync()
    changed.gone = (gone, "never was here", "")
    house.pay(other, 500)
    sync.sync()
    facts = [Ledger(database).get_invoice_facts(f"@ledger:1:{each}") for each in (gone, other)]
    assert [(each.status.value, each.open_balance) for each in facts] == [("cancelled", 0), ("open", 1_500)]
    changed.gone = ()
    sync.sync()
    assert Ledger(database).get_invoice_facts(f"@ledger:1:{gone}").open_balance == 1_000
    assert find_unbalanced_invoices(database) == []


def list_emails(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.execute(select(col(Contact.email)).order_by(col(Contact.id))).scalars())


def test_a_customer_who_moved_is_written_to_where_they_are_now(database: Database, house: LedgerConnectedWorld, account: str) -> None:
    """Read again after a day; and what was corrected here stays until the system says something new."""
    invoice, changed, times = house.issue_invoice(account, 1_000, DUE), Changed(house), [_START]

    def later(by: timedelta = READ_AGAIN_AFTER + timedelta(hours=1)) -> int:
        times[0] += by
        return open_changed(database, changed, lambda: times[0]).sync().accounts_changed

    assert (later(), list_emails(database)) == (0, ["books@customer.example"])
    changed.email = "new@customer.example"
    assert (later(timedelta(hours=1)), list_emails(database)) == (0, ["books@customer.example"])
    assert (later(), list_emails(database)) == (1, ["new@customer.example"])
    with database.writing() as session:
        session.execute(update(Contact).values(email="corrected@customer.example"))
    assert (later(), list_emails(database)) == (0, ["corrected@customer.example"])
    changed.email = "not an address\r\nBcc: all@customer.example"
    assert (later(), list_emails(database)) == (1, ["corrected@customer.example"])
    house.pay(invoice, 1_000)
    assert later() == 0
    asked = len(changed.accounts_read)
    assert (later(), len(changed.accounts_read)) == (0, asked), "who owes nothing is not asked about"


def test_the_number_that_a_customer_knows_is_taken_in_whatever_was_corrected_here(
    database: Database, house: LedgerConnectedWorld, account: str
) -> None:
    """It is no correction of ours that it would overwrite; and no text of nobody's."""
    house.issue_invoice(account, 1_000, DUE)
    changed, times = Changed(house), [_START]

    def read(number: str) -> str:
        times[0] += READ_AGAIN_AFTER + timedelta(hours=1)
        changed.number = number
        open_changed(database, changed, lambda: times[0]).sync()
        with database.reading() as session:
            return session.get_one(Account, f"@ledger:1:{account}").number

    assert [read(number) for number in ("C-0017", "C-0018", "a\x00b", " C  19 ")] == ["C-0017", "C-0018", "", "C 19"]


def test_a_system_that_lets_few_customers_be_read_at_a_time_is_read_to_the_end(database: Database, house: LedgerConnectedWorld) -> None:
    for name in ("One Ltd", "Two Ltd", "Three Ltd"):
        house.issue_invoice(house.add_account(name), 1_000, DUE)
    changed = Changed(house, away_after=2)
    with pytest.raises(BillingAwayError):
        open_changed(database, changed).sync()
    changed.away_after = 3
    assert open_changed(database, changed).sync().changed == 3
    assert sorted(changed.accounts_read) == sorted(set(changed.accounts_read)), "no customer is asked about twice"


def test_customers_of_a_first_reading_are_held_for_release_and_later_ones_once_the_house_is_live(
    database: Database, house: LedgerConnectedWorld
) -> None:
    """Whoever connects a system has all its overdue invoices at once: nobody is written to before somebody has looked."""
    act = BrakeContext("act-1", "anna", _START, _START)

    def read(name: str) -> list[str]:
        house.issue_invoice(house.add_account(name), 1_000, DUE)
        open_sync(database, house.connector).sync()
        with database.reading() as session:
            return list(session.execute(select(col(HeldAccount.account_id)).order_by(col(HeldAccount.account_id))).scalars())

    assert (read("First Ltd"), read("Second Ltd")) == (["@ledger:1:A1"], ["@ledger:1:A1", "@ledger:1:A3"])
    ReleaseStore(database).release(ReleaseSelection(everything=True), "looked at", act)
    assert read("Third Ltd") == []
    with database.writing() as session:  # a live house connects another
        session.execute(delete(BillingCursorRow))
    assert read("Fourth Ltd") == ["@ledger:1:A7"]


# --- a real Tryton


@pytest.fixture
def tryton(tryton_server: TrytonServer) -> TrytonWorld:
    return TrytonWorld(tryton_server)


def test_a_real_tryton_from_the_first_invoice_to_the_comparison(house_database: Database, tryton: TrytonWorld) -> None:
    """Overdue invoices appear; one is paid there, one partly, one has a receipt that nobody assigned, one is credited after a dispute, one
    written off; the account is suspended and reinstated; and the comparison finds what is planted."""
    database, connector, due = house_database, tryton.connector, tryton.today - timedelta(30)
    account = tryton.add_account("Customer Ltd")
    paid, partly, disputed, lost = (tryton.issue_invoice(account, total, due) for total in (1_000, 2_000, 3_000, 4_000))
    sync = ConnectionSync(database, connector, DEFAULTS)
    sync.sync()

    def read(invoice: str) -> tuple[str, int]:
        facts = Ledger(database).get_invoice_facts(f"@erp:1:{invoice}")
        return facts.status.value, facts.open_balance

    assert [read(each) for each in (paid, partly, disputed, lost)] == [("open", total) for total in (1_000, 2_000, 3_000, 4_000)]
    tryton.pay(paid, 1_000)
    tryton.pay(partly, 500)
    tryton.receive(account, 700)
    connector.book_credit_note(f"C-{account}", disputed, 3_000, "EUR", "never arrived")
    connector.book_write_off(f"W-{account}", lost, 4_000, "EUR", tryton.today)
    connector.suspend(f"S-{account}", account, "overdue")
    connector.reinstate(f"N-{account}", account)
    sync.sync()
    assert [read(each) for each in (paid, partly, disputed, lost)] == [("paid", 0), ("open", 1_500), ("credited", 0), ("written_off", 0)]
    assert Ledger(database).list_unapplied_credit([f"@erp:1:{account}"]) == {(f"@erp:1:{account}", "EUR"): 700}
    assert (tryton.is_served(account), find_unbalanced_invoices(database)) == (True, [])
    assert compare_open_items(database, connector).differences == ()
    tryton.pay(partly, 100)
    assert [(each.kind, each.id, each.here, each.there) for each in compare_open_items(database, connector).differences] == [
        ("balance", f"@erp:1:{partly}", "1500", "1400")
    ]
