"""A system that asks to be left alone is left alone by everybody, and it is said for how long."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.billing.errors import BillingAwayError, UnansweredOrderError
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import WebhookHint
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_file import read_connection
from adapters.connections.connection_overview import load_connection_overviews
from adapters.connections.connection_registry import ConnectedSystem, ConnectionRegistry
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.connection_states import load_connection_state
from adapters.connections.rests.system_rests import SystemRests
from adapters.connections.webhooks.hint_reading import HintReading
from adapters.connections.webhooks.webhook_store import WebhookStore
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionRunKind
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, MIA, OTHER_KEY, OtherHouse, describe_house

DUE = date(2013, 5, 1)


@pytest.fixture
def system(admin: ConnectionAdmin, systems: ConnectionRegistry, house: LedgerConnectedWorld) -> Iterator[ConnectedSystem]:
    """Of one invoice that was read."""
    house.issue_invoice(house.add_account("Customer Ltd"), 10_000, DUE)
    admin.add(read_connection(describe_house()), {"api_key": GOOD_KEY}, MIA)
    (found,) = systems.list_all()
    found.sync.sync()
    yield found
    OtherHouse.answer = None


def answer(error: Exception | None) -> list[str]:
    """Let the house answer so from now on, and return what it is asked."""
    OtherHouse.answer, OtherHouse.asked = error, []
    return OtherHouse.asked


def test_whoever_hears_it_all_leave_it_alone(ours: Database, systems: ConnectionRegistry, system: ConnectedSystem) -> None:
    """A note, a hint, a booking, a comparison, a reading: one hears it, none of the others calls."""
    (account,) = {invoice.account_id for invoice in system.connector.read_changes(None, 10).invoices}
    (invoice,) = {invoice.external_id for invoice in system.connector.read_changes(None, 10).invoices}
    asked = answer(BillingAwayError("429", 3_600))
    with pytest.raises(BillingAwayError, match="429"):
        system.connector.record_note("N1", account, "called")
    assert asked == ["record_note"]
    WebhookStore(ours).take(system.key, [WebhookHint("E1", invoice)], b"{}", datetime.now(UTC))
    assert HintReading(ours, systems).run() == 0
    runs = ConnectionRuns(ours)
    runs.read(system, "mia")
    runs.compare(system, "mia")
    with pytest.raises(BillingAwayError, match="asked not to be called before") as caught:
        system.billing.issue_credit_note("C1", ExternalKey.build(system.key, invoice), 100, "too dear")
    assert caught.value.retry_after == pytest.approx(3_600, abs=60)
    assert ConnectedReading(systems, ours, ZoneInfo("UTC")).run() == 0
    (step,) = runs.test(system, "mia")
    assert (step.works, "asked not to be called" in step.found) == (False, True)
    assert asked == ["record_note"], "nobody else has called it"
    found = runs.list_runs()[system.key]
    assert all("asked not to be called before" in found[kind].failure for kind in (ConnectionRunKind.READING, ConnectionRunKind.COMPARISON))


def test_it_is_called_again_when_the_time_is_over(ours: Database, system: ConnectedSystem) -> None:
    clock = [datetime.now(UTC)]
    rests = SystemRests(ours, lambda: clock[0])
    rests.note_rest(system.key, 600, "503")
    rests.note_rest(system.key, 60, "a shorter one")
    clock[0] += timedelta(seconds=599)
    found = rests.find_rest(system.key)
    assert found is not None
    assert (found.reason, rests.seconds_left(found)) == ("503", 1.0)
    clock[0] += timedelta(seconds=1)
    assert (rests.find_rest(system.key), rests.list_rests()) == (None, {})


def test_an_order_that_waits_for_its_answer_holds_up_nothing_else(ours: Database, system: ConnectedSystem) -> None:
    answer(UnansweredOrderError("no answer", 300))
    with pytest.raises(UnansweredOrderError):
        system.connector.record_note("N1", "1", "called")
    answer(None)
    assert system.connector.read_changes(None, 10).invoices
    answer(UnansweredOrderError("503", 300, 30))
    with pytest.raises(UnansweredOrderError):
        system.connector.record_note("N1", "1", "called")
    with pytest.raises(BillingAwayError, match="asked not to be called"):
        system.connector.read_changes(None, 10)


def test_it_is_shown_and_ended_by_another_secret(
    ours: Database, admin: ConnectionAdmin, systems: ConnectionRegistry, system: ConnectedSystem
) -> None:
    answer(BillingAwayError("429", 7_200))
    with pytest.raises(BillingAwayError):
        system.connector.read_changes(None, 10)
    (overview,) = load_connection_overviews(ours, systems.list_all())
    assert overview.state.rest is not None
    assert (overview.state.rest.reason, overview.next_read_at) == ("429", overview.state.rest.until)
    answer(None)
    admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    assert load_connection_state(ours, system.key).rest is None
