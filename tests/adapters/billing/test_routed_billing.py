"""What cases order goes to the system whose invoice or account it is about; Duecourse's own stays the ledger's."""

from collections.abc import Callable
from datetime import date

import pytest

from adapters.billing.errors import UnsupportedOperationError
from adapters.billing.external_key import ExternalKey, ExternalKeyError, SystemKey, parse_external_key
from adapters.billing.port import BillingSystem
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_billing import ConnectedBilling
from adapters.connections.connection_sync import AccountDefaults, ConnectionSync
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from domain.case.billing_results import SuspensionOrderOutcome
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice, list_events

DUE = date(2013, 5, 1)


@pytest.fixture
def house(house_database: Database) -> LedgerConnectedWorld:
    """With account A1 and its invoice R2, of EUR 100.00."""
    house = LedgerConnectedWorld(house_database)
    house.issue_invoice(house.add_account("Customer Ltd"), 10_000, DUE)
    return house


@pytest.fixture
def sync(database: Database, house: LedgerConnectedWorld) -> ConnectionSync:
    return ConnectionSync(database, house.connector, AccountDefaults("DE", "Europe/Berlin", "de"))


@pytest.fixture
def billing(database: Database, house: LedgerConnectedWorld, sync: ConnectionSync) -> BillingSystem:
    sync.sync()
    ledger = Ledger(database)
    return RoutedBilling(ledger, {house.connector.key: ConnectedBilling(house.connector, sync, ledger)})


ACCOUNT, INVOICE = "@ledger:1:A1", "@ledger:1:R2"


def test_a_credit_note_and_a_write_off_are_booked_there_and_seen_here_at_once(
    database: Database, house: LedgerConnectedWorld, billing: BillingSystem
) -> None:
    for _ in range(2):
        credited = billing.issue_credit_note("C1", INVOICE, 4_000, TODAY, "too dear", within_open_balance=True, at=AT)
        assert billing.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT) == 6_000
    assert [(share.invoice_id, share.amount) for share in credited.allocations] == [(INVOICE, 4_000)]
    assert house.connector.read_invoice("R2").status is billing.get_invoice_facts(INVOICE).status is InvoiceStatus.WRITTEN_OFF
    assert [(event.kind.value, event.amount) for event in list_events(database)[1:]] == [
        ("credit_note.issued", 4_000),
        ("invoice.written_off", 6_000),
    ]
    assert compare_open_items(database, house.connector).differences == ()


def test_an_account_is_suspended_there_and_reinstated(house: LedgerConnectedWorld, billing: BillingSystem) -> None:
    assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.SUSPENDED
    assert not house.is_served("A1")
    billing.reinstate_account("N1", ACCOUNT, at=AT)
    assert house.is_served("A1")


def test_a_payment_that_has_just_come_there_spares_the_account(house: LedgerConnectedWorld, billing: BillingSystem) -> None:
    house.pay("R2", 10_000)
    assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.NOT_IN_ARREARS
    assert house.is_served("A1")


def test_a_dispute_is_noted_here_and_outlasts_the_next_reading(
    house: LedgerConnectedWorld, sync: ConnectionSync, billing: BillingSystem
) -> None:
    assert billing.change_invoice(INVOICE, disputed=True, at=AT).disputed
    house.pay("R2", 100)
    sync.sync()
    assert (billing.get_invoice_facts(INVOICE).disputed, billing.get_invoice_facts(INVOICE).open_balance) == (True, 9_900)


@pytest.mark.parametrize(
    "order",
    [
        lambda billing: billing.record_payment("P1", ACCOUNT, "EUR", 100, TODAY, at=AT),
        lambda billing: billing.apply_unapplied_credit(ACCOUNT, "EUR", at=AT),
        lambda billing: billing.apply_credit(ACCOUNT, "EUR", at=AT),
        lambda billing: billing.cancel_invoice(INVOICE, at=AT),
        lambda billing: billing.change_invoice(INVOICE, total=1, at=AT),
        lambda billing: billing.charge_interest("I1", ACCOUNT, 100, "EUR", TODAY, charged_by="plan:x:1", at=AT),
    ],
)
def test_what_is_done_there_is_refused_in_words_that_say_so(billing: BillingSystem, order: Callable[[BillingSystem], object]) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"ledger cannot do this from here: .+ there"):
        order(billing)
    assert billing.get_invoice_facts(INVOICE).open_balance == 10_000


def test_credit_there_is_not_proposed_here(house: LedgerConnectedWorld, sync: ConnectionSync, billing: BillingSystem) -> None:
    house.receive("A1", 300)
    sync.sync()
    assert (billing.get_unapplied_credit(ACCOUNT), billing.list_applicable_credit()) == ({"EUR": 300}, {})


def test_an_account_of_the_ledger_is_the_ledgers_whatever_its_id_looks_like(database: Database, billing: BillingSystem) -> None:
    for account_id in ("A1", "@elsewhere:1:A1", "@odd"):
        add_account(database, account_id)
        add_invoice(database, f"{account_id}:R", 1_000, account_id=account_id)
        billing.record_payment(f"{account_id}:P", account_id, "EUR", 1_000, TODAY, at=AT)
        assert billing.get_invoice_facts(f"{account_id}:R").status is InvoiceStatus.PAID


def test_a_key_is_taken_apart_as_it_was_built() -> None:
    key = ExternalKey.build(SystemKey.build("erp-north", "acct_1"), "in:4711")
    assert (key.id, parse_external_key(key.id)) == ("@erp-north:acct_1:in:4711", key)
    assert [parse_external_key(text) for text in ("R1", "@erp", "@erp:1", "erp:1:2")] == [None] * 4
    for parts in (("ERP", "1", "2"), ("erp", "a:b", "2"), ("erp", "1", ""), ("erp", "1", "x" * 200), ("erp", "1", "a b")):
        with pytest.raises(ExternalKeyError):
            ExternalKey.build(SystemKey.build(*parts[:2]), parts[2])
