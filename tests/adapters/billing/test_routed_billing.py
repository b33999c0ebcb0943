"""What cases order goes to the system whose invoice or account it is about; Duecourse's own stays the ledger's."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.connector import ConnectorCapability as Can
from adapters.billing.errors import (
    BillingAwayError,
    ConcurrentCreditError,
    ConflictingCreditNoteError,
    ConnectionRefusedByBillingError,
    ExcessiveCreditError,
    UnansweredOrderError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.external_key import ExternalKey, ExternalKeyError, SystemKey, parse_external_key
from adapters.billing.port import BillingSystem
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.tasks import close_task
from adapters.cases.unapproved_credits import load_unapproved_credit
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_billing import ConnectedBilling
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Note, Payment, Task
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
    connected = ConnectedBilling(house.connector, sync, ledger, BookingsByHand(database), BegunOrders(database))
    return RoutedBilling(ledger, {house.connector.key: connected}, database)


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


class Listening:
    """The house's system, with what it is told of credit notes and suspensions."""

    def __init__(self, house: LedgerConnectedWorld) -> None:
        self._connector, self.told = house.connector, list[str]()

    def __getattr__(self, name: str) -> object:
        return getattr(self._connector, name)

    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> object:
        self.told.append(reason)
        return self._connector.book_credit_note(key, external_id, amount, currency, reason)

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        self.told.append(reason)
        self._connector.suspend(key, account_id, reason)


def test_what_a_case_books_there_has_words_for_the_people_there(database: Database, house: LedgerConnectedWorld) -> None:
    """In their company's language; what a person gave as the reason stays."""
    listening: Any = Listening(house)
    billing = build_on(database, house, listening)
    billing.issue_credit_note("C1", INVOICE, 100, TODAY, at=AT)
    billing.issue_credit_note("C2", INVOICE, 100, TODAY, "zu teuer", at=AT)
    billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, recorded_by="suspension:@ledger:1:A1", at=AT)
    assert listening.told == [
        "Gutschrift nach Prüfung (in Duecourse entschieden)",
        "zu teuer",
        "Wegen überfälliger Zahlung gesperrt (in Duecourse entschieden)",
    ]


class Limited:
    """The house's system without some of what it can do."""

    def __init__(self, house: LedgerConnectedWorld, *lacking: Can) -> None:
        self._connector, self.capabilities = house.connector, house.connector.capabilities - set(lacking)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connector, name)


def build_limited(database: Database, house: LedgerConnectedWorld, *lacking: Can) -> BillingSystem:
    connector: Any = Limited(house, *lacking)
    return build_on(database, house, connector)


def build_on(database: Database, house: LedgerConnectedWorld, connector: Any) -> BillingSystem:
    sync, ledger = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de")), Ledger(database)
    sync.sync()
    connected = ConnectedBilling(connector, sync, ledger, BookingsByHand(database), BegunOrders(database))
    return RoutedBilling(ledger, {house.connector.key: connected}, database)


def is_suspended(database: Database) -> bool:
    with database.reading() as session:
        return session.get_one(Account, ACCOUNT).suspended_on is not None


def close_tasks(database: Database) -> None:
    with database.reading() as session:
        tasks = session.execute(select(col(Task.id)).where(col(Task.state) == TaskState.OPEN)).scalars().all()
    assert [close_task(database, task or 0, "done there", "mia") for task in tasks] == [True]


def test_what_a_person_does_there_counts_once_they_have_said_so(database: Database, house: LedgerConnectedWorld) -> None:
    """Whatever was paid in the meantime: it is off there now."""
    billing, by_hand = build_limited(database, house, Can.SUSPEND, Can.REINSTATE), BookingsByHand(database)
    with pytest.raises(UnsupportedOperationError, match="stop serving account A1 there by hand"):
        billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT)
    assert by_hand.ask("S1", ACCOUNT, None, "stop serving A1", AT)
    assert not is_suspended(database)
    close_tasks(database)
    house.pay("R2", 10_000)
    for _ in range(2):
        assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.SUSPENDED
        assert is_suspended(database)
    with pytest.raises(UnsupportedOperationError, match="serve account A1 there again by hand"):
        billing.reinstate_account("N1", ACCOUNT, at=AT)
    assert is_suspended(database)
    by_hand.ask("N1", ACCOUNT, None, "serve A1 again", AT)
    close_tasks(database)
    billing.reinstate_account("N1", ACCOUNT, at=AT)
    assert not is_suspended(database)
    assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.SUSPENDED
    assert not is_suspended(database), "what was suspended before is not suspended anew"


def test_a_payment_spares_the_account_as_long_as_nobody_has_suspended_it(database: Database, house: LedgerConnectedWorld) -> None:
    billing, by_hand = build_limited(database, house, Can.SUSPEND), BookingsByHand(database)
    by_hand.ask("S1", ACCOUNT, None, "stop serving A1", AT)
    house.pay("R2", 10_000)
    build_limited(database, house)  # reads the system, as is done every minute
    assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.NOT_IN_ARREARS
    assert not is_suspended(database)
    assert "if you stopped it already" in find_words(database, "S1:spared"), "the person may have begun"


def find_words(database: Database, key: str) -> str:
    """Of an open task by hand; nothing where there is none."""
    task = select(col(Task.state)).where(col(Task.key) == f"booking_by_hand:{key}")
    with database.reading() as session:
        state = session.execute(task).scalar_one_or_none()
        note = session.get(Note, f"note:booking_by_hand:{key}")
    return note.text if note and state == TaskState.OPEN else ""


class Lossy(Limited):
    """Suspends, and its answer is lost."""

    def suspend(self, *given: str) -> None:
        self._connector.suspend(*given)
        raise BillingAwayError("the answer was lost")


@pytest.mark.parametrize("lacking", [(), (Can.REINSTATE,)])
def test_a_payment_that_comes_after_a_suspension_has_begun_undoes_it(
    database: Database, house: LedgerConnectedWorld, lacking: tuple[Can, ...]
) -> None:
    """Otherwise a customer who has paid stays suspended there, and nothing here says so."""
    billing = build_on(database, house, Lossy(house, *lacking))
    with pytest.raises(BillingAwayError):
        billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT)
    assert not house.is_served("A1")
    house.pay("R2", 10_000)
    for _ in range(2):
        assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.NOT_IN_ARREARS
    assert house.is_served("A1") is not bool(lacking)
    assert bool(find_words(database, "S1:spared")) is bool(lacking), "where it cannot be undone from here, a person does"
    assert not is_suspended(database)


def test_what_was_never_begun_there_is_not_undone(database: Database, house: LedgerConnectedWorld) -> None:
    house.connector.suspend("mia", "A1", "they asked for it")
    billing = build_limited(database, house)
    house.pay("R2", 10_000)
    assert billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT) is SuspensionOrderOutcome.NOT_IN_ARREARS
    assert not house.is_served("A1")
    assert find_words(database, "S1:spared") == ""


def test_an_order_that_waits_for_a_person_asks_the_system_nothing(database: Database, house: LedgerConnectedWorld) -> None:
    class Counted(Limited):
        reads = 0

        def read_invoice(self, external_id: str) -> object:
            Counted.reads += 1
            return self._connector.read_invoice(external_id)

    billing = build_on(database, house, Counted(house, Can.SUSPEND))
    for _ in range(3):
        with pytest.raises(UnsupportedOperationError):
            billing.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT)
        BookingsByHand(database).ask("S1", ACCOUNT, None, "stop serving A1", AT)
    assert Counted.reads == 1


class Unread(Limited):
    """It books, and then cannot be read."""

    def __init__(self, house: LedgerConnectedWorld, error: Exception) -> None:
        super().__init__(house)
        self._error: Exception | None = None
        self._later = error

    def book_credit_note(self, *given: Any) -> object:
        booked = self._connector.book_credit_note(*given)
        self._error = self._later
        return booked

    def book_write_off(self, *given: Any) -> object:
        booked = self._connector.book_write_off(*given)
        self._error = self._later
        return booked

    def read_invoice(self, external_id: str) -> object:
        if self._error is not None:
            raise self._error
        return self._connector.read_invoice(external_id)


@pytest.mark.parametrize(
    "error", [BillingAwayError("503"), UnknownInvoiceError("it is gone"), ConnectionRefusedByBillingError("ask for the right to read")]
)
def test_what_was_booked_is_booked_whether_or_not_it_can_be_read_then(
    database: Database, house: LedgerConnectedWorld, error: Exception
) -> None:
    """Whoever is told that it failed orders it once more under another key."""
    billing = build_on(database, house, Unread(house, error))
    assert billing.issue_credit_note("C1", INVOICE, 4_000, TODAY, at=AT).allocations[0].amount == 4_000
    assert build_on(database, house, Unread(house, error)).write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT) == 6_000


def test_what_a_person_had_credited_there_counts_with_what_they_credit_next(
    database: Database, house: LedgerConnectedWorld, billing: BillingSystem
) -> None:
    """Else many small ones pass the limit from which others must agree."""

    def credit(key: str, amount: int, before: int, person: str = "mia") -> None:
        billing.issue_credit_note(key, INVOICE, amount, TODAY, within_open_balance=True, credited_before=before, recorded_by=person, at=AT)

    for _ in range(2):
        credit("credit_note:1", 3_000, 0)
    assert load_unapproved_credit(database, INVOICE, "Mia").by_hand == 3_000
    assert load_unapproved_credit(database, INVOICE, "mia", "credit_note:1").by_hand == 0
    with pytest.raises(ConcurrentCreditError):
        credit("credit_note:2", 3_000, 0)
    with pytest.raises(ConflictingCreditNoteError):
        credit("credit_note:1", 2_000, 0)
    credit("credit_note:3", 1_000, 0, "tom")
    with pytest.raises(ExcessiveCreditError):
        credit("credit_note:4", 9_000, 3_000)
    assert load_unapproved_credit(database, INVOICE, "mia").by_hand == 3_000, "what was refused was not credited"
    billing.issue_credit_note("case:1", INVOICE, 100, TODAY, recorded_by="mia", at=AT)
    assert load_unapproved_credit(database, INVOICE, "mia").by_hand == 3_000, "a case has its own approval"


def test_an_order_is_sent_once_at_a_time(database: Database, house: LedgerConnectedWorld) -> None:
    """An activity that ran out of time is tried again while its first thread still sends."""
    inner: list[object] = []

    class StillSending(Limited):
        def book_write_off(self, *given: Any) -> object:
            with pytest.raises(BillingAwayError, match="just now"):
                routed.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT)
            inner.append(given)
            return self._connector.book_write_off(*given)

    routed = build_on(database, house, StillSending(house))
    assert routed.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT) == 6_000
    assert len(inner) == 1


def test_two_people_who_credit_an_invoice_at_once_credit_no_more_than_it_owes(database: Database, house: LedgerConnectedWorld) -> None:
    """The second one looks what is left once the first one's is booked there."""

    class StillCrediting(Limited):
        def book_credit_note(self, key: str, *given: Any) -> object:
            if key == "credit_note:1":
                with pytest.raises(BillingAwayError, match="another booking of this invoice"):
                    credit("credit_note:2", "tom")
            return self._connector.book_credit_note(key, *given)

    routed = build_on(database, house, StillCrediting(house))

    def credit(key: str, person: str) -> None:
        routed.issue_credit_note(key, INVOICE, 6_000, TODAY, within_open_balance=True, credited_before=0, recorded_by=person, at=AT)

    credit("credit_note:1", "mia")
    with pytest.raises(ExcessiveCreditError, match="EUR 40"):
        credit("credit_note:2", "tom")
    assert house.connector.read_invoice("R2").open_balance == 4_000


def test_a_booking_that_was_not_answered_has_its_invoice_until_it_has_ended_there(database: Database) -> None:
    clock = [100.0]
    orders = BegunOrders(database, lambda: AT + timedelta(seconds=clock[0]))
    unanswered = UnansweredOrderError("it may still be booking", 300.0)
    with pytest.raises(UnansweredOrderError, match="still"), orders.hold_invoice(INVOICE, "C1"):
        raise unanswered
    clock[0] += 299
    with pytest.raises(UnansweredOrderError, match="another booking") as told, orders.hold_invoice(INVOICE, "C2"):
        pass
    assert (told.value.retry_after, told.value.rest) == (1.0, None)
    with orders.hold_invoice(f"{INVOICE}0", "C3"):
        pass
    clock[0] += 1
    with orders.hold_invoice(INVOICE, "C2"):
        pass
    clock[0] -= 100
    with pytest.raises(UnansweredOrderError, match="still"), orders.hold_invoice(INVOICE, "C1"):
        raise unanswered
    for key in ("C1", "C2"):
        with orders.hold_invoice(INVOICE, key):
            pass


def test_a_booking_of_another_process_has_its_invoice_also_where_that_process_died(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, account_id=ACCOUNT)
    clock = [AT]
    api, worker = (BegunOrders(database, lambda: clock[0]) for _ in range(2))
    with api.hold_invoice(INVOICE, "C1"), pytest.raises(UnansweredOrderError, match="another booking"), worker.hold_invoice(INVOICE, "C2"):
        pass
    with worker.hold_invoice(INVOICE, "C2"), pytest.raises(ValueError), api.hold_invoice(f"{INVOICE}0", "C3"):
        raise ValueError
    with worker.hold_invoice(f"{INVOICE}0", "C4"):
        pass
    died = api.hold_invoice(INVOICE, "C1")
    died.__enter__()
    for seconds, waits in ((0, True), (299, True), (300, False)):
        clock[0] = AT + timedelta(seconds=seconds)
        with pytest.raises(UnansweredOrderError) if waits else nullcontext() as told, worker.hold_invoice(INVOICE, "C2"):
            pass
        assert told is None or told.value.retry_after == min(300.0 - seconds, 60.0)


def test_what_was_read_of_a_connection_that_is_not_here_is_not_the_ledgers_to_book_on(
    database: Database, house: LedgerConnectedWorld, billing: BillingSystem
) -> None:
    house.receive("A1", 300)
    house.pay("R2", 100)
    build_limited(database, house)
    with database.reading() as session:
        payment = session.execute(select(col(Payment.id)).where(col(Payment.invoice_id).is_(None))).scalars().first()
    lost, orders = RoutedBilling(Ledger(database), {}, database), list[Callable[[], object]]()
    orders.append(lambda: lost.issue_credit_note("C1", INVOICE, 100, TODAY, at=AT))
    orders.append(lambda: lost.write_off("W1", INVOICE, 100, "EUR", TODAY, at=AT))
    orders.append(lambda: lost.cancel_invoice(INVOICE, at=AT))
    orders.append(lambda: lost.suspend_account("S1", ACCOUNT, [INVOICE], {}, at=AT))
    orders.append(lambda: lost.record_payment("P1", ACCOUNT, "EUR", 100, TODAY, at=AT))
    orders.append(lambda: lost.reverse_payment(str(payment), TODAY, at=AT))
    for order in orders:
        with pytest.raises(BillingAwayError, match="the connection ledger:1 is not here; put it back"):
            order()
    assert lost.list_applicable_credit() == {}
    assert lost.get_invoice_facts(INVOICE).open_balance == 9_900


@pytest.mark.parametrize(("by_hand_there", "given_up"), [(6_000, 6_000), (10_000, 6_000), (0, 0)])
def test_what_a_person_has_written_off_there_is_what_was_written_off(
    database: Database, house: LedgerConnectedWorld, by_hand_there: int, given_up: int
) -> None:
    billing, by_hand = build_limited(database, house, Can.BOOK_WRITE_OFF), BookingsByHand(database)
    with pytest.raises(UnsupportedOperationError, match=r"write off 60\.00 EUR of invoice R2 there"):
        billing.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT)
    by_hand.ask("W1", ACCOUNT, INVOICE, "write off 60.00", AT)
    with pytest.raises(UnsupportedOperationError):
        billing.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT)
    if by_hand_there:
        house.connector.book_write_off("mia", "R2", by_hand_there, "EUR", TODAY)
    if by_hand_there < 10_000:
        close_tasks(database)
    assert billing.write_off("W1", INVOICE, 6_000, "EUR", TODAY, at=AT) == given_up


def test_nobody_is_suspended_for_an_invoice_that_is_gone_there(database: Database, house: LedgerConnectedWorld) -> None:
    class Gone(Limited):
        def read_invoice(self, external_id: str) -> object:
            raise UnknownInvoiceError("it is gone")

    connector: Any = Gone(house)
    sync = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de"))
    sync.sync()
    connected = ConnectedBilling(connector, sync, Ledger(database), BookingsByHand(database), BegunOrders(database))
    billing = RoutedBilling(Ledger(database), {house.connector.key: connected}, database)
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


def test_who_charges_interest_there_is_told_how_much(billing: BillingSystem) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"charge the interest of 12\.50 EUR there"):
        billing.charge_interest("I1", ACCOUNT, 1_250, "EUR", TODAY, charged_by="plan:x:1", at=AT)


def test_credit_there_is_not_proposed_here(house: LedgerConnectedWorld, sync: ConnectionSync, billing: BillingSystem) -> None:
    house.receive("A1", 300)
    assert sync.sync_credits() == 1
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
