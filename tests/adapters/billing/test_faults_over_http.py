"""The line to each system that is spoken to over HTTP fails, is slow or busy, loses answers; pages come twice, and change while they are
read. What is here in the end is what stands there, and what was ordered was booked once."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from adapters.billing.connector import ConnectorCapability as Can
from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import NoteKind, SettlementKind
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.connections.connected_billing import ConnectedBilling
from adapters.correspondence.reading_gaps import load_reading_gaps
from adapters.ledger.ledger import Ledger
from tests.adapters.billing.badly_read import BadlyRead
from tests.adapters.billing.connected_worlds import TrytonWorld
from tests.adapters.billing.faulty_lines import READING_FAULTS, Fault

OVER_HTTP = ("stripe", "odoo", "killbill", "plain_http", "salesforce", "salesforce_computed", "tryton")
needs = pytest.mark.needs
over_http = pytest.mark.parametrize("connected", OVER_HTTP, indirect=True)


@over_http
def test_what_is_read_on_a_bad_day_is_what_stands_there(badly: BadlyRead) -> None:
    for _ in range(4):
        badly.house.work()
    while badly.day.seen != set(READING_FAULTS):
        badly.day.faults, badly.day.between, badly.pages.is_bad = READING_FAULTS, badly.house.work_at_times, True
        badly.read_through()
        badly.house.work()
    badly.calm_down()
    badly.read_through()
    badly.require_the_same()


@over_http
def test_what_happened_in_two_business_days_without_an_answer_is_read_afterwards(badly: BadlyRead) -> None:
    badly.pages.is_bad = False
    for _ in range(2):
        badly.house.work()
    badly.read_through()
    before = {key: invoice.open_balance for key, invoice in badly.list_seen().items()}
    badly.day.faults, badly.day.share = (Fault.REFUSED, Fault.SLOW, Fault.FAILING), 1.0
    for _ in range(2):
        badly.house.work()
        badly.house.work()
        with pytest.raises(BillingAwayError):
            badly.sync.sync()
        badly.day.pass_time(24 * 3_600)
    assert {key: invoice.open_balance for key, invoice in badly.list_seen().items()} == before
    with badly.database.reading() as session:
        (gap,) = load_reading_gaps(session, badly.day.clock())
    assert gap.system == badly.world.connector.key, "letters wait meanwhile"
    badly.calm_down()
    badly.read_through()
    with badly.database.reading() as session:
        assert load_reading_gaps(session, badly.day.clock()) == ()
    badly.require_the_same()


@over_http
@pytest.mark.parametrize("seed", range(3))
def test_what_is_ordered_on_a_bad_day_is_booked_once(badly: BadlyRead, seed: int) -> None:
    """Tried again with its key until an answer comes, and now and then once more."""
    world, database = badly.world, badly.database
    if seed and isinstance(world, TrytonWorld):
        return  # a real server takes its time
    account = badly.house.accounts[0]
    invoice = world.issue_invoice(account, 10_000, world.today - timedelta(20))
    badly.pages.is_bad = False
    badly.read_through()
    connector: Any = badly.pages
    billing = ConnectedBilling(connector, badly.sync, Ledger(database), BookingsByHand(database), BegunOrders(database))
    mine, customer = (ExternalKey.build(world.connector.key, each) for each in (invoice, account))
    able, on, at = world.connector.capabilities, world.today, datetime.combine(world.today, time(12), UTC)

    def order(capability: Can, attempt: Any) -> None:
        for _ in range(badly.day.dice.randint(1, 2) if capability in able else 0):
            badly.day.persist(attempt)

    badly.day.faults, badly.day.share = tuple(Fault), 0.2
    order(Can.BOOK_CREDIT_NOTE, lambda: billing.issue_credit_note(f"C-{account}", mine, 4_000, "too dear"))
    order(Can.SUSPEND, lambda: billing.suspend_account(f"S-{account}", customer, [mine.id], {}, at=at))
    assert Can.SUSPEND not in able or not world.is_served(account)
    order(Can.REINSTATE, lambda: billing.reinstate_account(f"N-{account}", customer, at=at))
    order(Can.BOOK_WRITE_OFF, lambda: billing.write_off(f"W-{account}", mine, 10_000, "EUR", on))
    badly.day.pass_time(3_600)
    noted = world.count_notes(account) if Can.RECORD_NOTE in able else 0
    order(Can.RECORD_NOTE, lambda: badly.pages.record_note(f"note:{account}", account, "They have called", NoteKind.CALL))
    badly.calm_down()
    badly.day.pass_time(3_600)
    assert Can.RECORD_NOTE not in able or world.count_notes(account) == noted + 1
    found = world.connector.read_invoice(invoice)
    credited, lost = (4_000 if Can.BOOK_CREDIT_NOTE in able else 0), (6_000 if Can.BOOK_WRITE_OFF in able else 0)
    booked = Counter[SettlementKind]()
    for settlement in found.settlements:
        booked[settlement.kind] += settlement.amount
    assert (booked[SettlementKind.CREDIT_NOTE], booked[SettlementKind.WRITE_OFF]) == (credited, lost)
    assert found.open_balance == 10_000 - credited - lost
    assert Can.BOOK_CREDIT_NOTE not in able or world.count_credit_notes(account) == 1
    assert Can.SUSPEND not in able or world.is_served(account), "what was carried out late suspends nobody again"
    badly.read_through()
    assert badly.name_differences() == ()
    assert badly.find_strays() == []


@over_http
@needs(Can.SUSPEND)
@pytest.mark.parametrize(("fault", "waits"), [(Fault.SLOW, True), (Fault.REFUSED, False), (Fault.BUSY, False)])
def test_what_may_still_be_carried_out_there_is_not_ordered_again_at_once(badly: BadlyRead, fault: Fault, waits: bool) -> None:
    """Each call of an order fails once, the first, the second, and so on: one that changes something without a key of its own may be
    carried out after the next order."""
    badly.day.faults, rests = (fault,), list[float]()
    account = badly.house.accounts[0]
    for place in range(20):
        badly.day.place = place
        try:
            badly.pages.suspend(f"S-{place}-{account}", account, "overdue")
            break
        except BillingAwayError as error:
            rests.append(error.retry_after or 0.0)
        badly.pages.reinstate(f"N-{place}-{account}", account)
    assert len(rests) > 1
    assert any(rest >= RUNS_AT_MOST for rest in rests) is waits
