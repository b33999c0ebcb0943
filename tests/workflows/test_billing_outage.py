"""A connected billing system that is away for two business days, one whose calls are lost, and one that cannot book what was decided: no
letter speaks of what is not so any more, and every decision ends."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select, update
from sqlmodel import col

from adapters.billing.connector import ConnectorCapability
from adapters.cases.tasks import close_task
from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import NothingHeldError, ReleaseStore
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import BillingCursorRow, Task
from adapters.ledger.ledger_connector import CAPABILITIES
from adapters.read_model.letter_brakes import list_reading_gaps
from domain import identifiers as ids
from domain.case.case_view import TaskKind
from domain.correspondence.release import ReleaseSelection
from domain.policy.dispute_rules import DisputeResolution
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, OtherHouse, describe_house, join_house
from tests.databases import _sqlite_template, open_sqlite_database
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, NO_HOLIDAYS, CollectionEnvironment, start_collection_environment
from workflows.connected_systems import ConnectedSystems

TWO_DAYS = timedelta(days=2)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerConnectedWorld]:
    with pytest.MonkeyPatch.context() as patched, open_sqlite_database(tmp_path_factory.mktemp("house") / "house.db") as database:
        join_house(database, patched)
        yield LedgerConnectedWorld(database)


@pytest.fixture(scope="module")
async def stage(house: LedgerConnectedWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CollectionEnvironment]:
    """A Duecourse that the house is connected to, from today on."""
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    _write_connection(folder)
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder, datetime.now(UTC).date()) as environment:
        yield environment
    database.close()


def _write_connection(folder: Path) -> None:
    key = folder / "house.key"
    key.touch(0o600)
    key.write_text(GOOD_KEY)
    connection = {**describe_house(), "country": NO_HOLIDAYS, "time_zone": "UTC", "language": "en", "api_key_file": str(key)}
    (folder / "data").mkdir()
    (folder / "data" / "connections.yaml").write_text(yaml.safe_dump({"connections": [connection]}))


class PlayedOutage:
    """What people do in the house, and what Duecourse knows of it."""

    def __init__(self, environment: CollectionEnvironment, house: LedgerConnectedWorld) -> None:
        self.environment, self.house, self.cases = environment, house, AccountCommands(environment)
        self._runs = iter(range(1_000))

    async def read(self) -> None:
        """Read the house, as the schedule does, tell the cases what came, and release who is new."""
        play = self.environment.play
        with play.environment.auto_time_skipping_disabled():
            run = f"read-{next(self._runs)}-{datetime.now(UTC).timestamp()}"
            await play.client.execute_workflow(ConnectedSystems.run, id=run, task_queue=ids.TASK_QUEUE)
        await play.sync()
        now = datetime.now(UTC)
        act = BrakeContext(run, "anna", now, now)
        with suppress(NothingHeldError):
            ReleaseStore(self.environment.database).release(ReleaseSelection(everything=True), "looked at", act)

    def let_real_time_pass(self, by: timedelta) -> None:
        """As if so much of it had passed since the last reading: on skipped time, none does."""
        with self.environment.database.writing() as session:
            session.execute(update(BillingCursorRow).values(caught_up_at=datetime.now(UTC) - by))

    def list_tasks(self, account: str) -> list[tuple[int, str]]:
        """(number, state) of what people were asked to do in the house for an account."""
        with self.environment.database.reading() as session:
            asked = select(col(Task.id), col(Task.state)).where(
                col(Task.account_id) == mine(account), col(Task.kind) == TaskKind.BOOKING_BY_HAND
            )
            return [(number or 0, state) for number, state in session.execute(asked.order_by(col(Task.id)))]


def mine(external_id: str) -> str:
    """Duecourse's own id of something in the house."""
    return f"@house:1:{external_id}"


@pytest.fixture
def played(stage: CollectionEnvironment, house: LedgerConnectedWorld) -> Iterator[PlayedOutage]:
    yield PlayedOutage(stage, house)
    OtherHouse.is_away = False


async def test_two_business_days_away_send_nothing_from_old_balances(played: PlayedOutage) -> None:
    """One of two overdue invoices is paid on the first of them. The payment counts with the first reading, and no letter names it."""
    environment, house = played.environment, played.house
    monday = await environment.pass_to_monday()
    account = house.add_account("Away Ltd")
    paid, owed = (house.issue_invoice(account, total, monday - DAY) for total in (100_00, 200_00))
    await played.read()
    for invoice in (paid, owed):
        await environment.wait_for_entries(mine(invoice), "case.opened")
    OtherHouse.is_away = True
    await played.read()
    played.let_real_time_pass(TWO_DAYS)
    OtherHouse.is_away = False
    house.pay(paid, 100_00)
    OtherHouse.is_away = True
    await environment.play.run_mornings(monday, monday + DAY)
    assert environment.sent_letters(mine(account)) == []
    assert [gap.system.system for gap in list_reading_gaps(environment.database)] == ["house"]
    OtherHouse.is_away = False
    await played.read()
    assert list_reading_gaps(environment.database) == ()
    assert await environment.outcome(mine(paid)) == "paid"
    await environment.play.run_mornings(monday + 2 * DAY, monday + 3 * DAY)
    (letter,) = environment.sent_letters(mine(account))
    assert (letter.asked_for, {invoice for invoice, _ in letter.lines}) == (200_00, {mine(owed)})


async def test_a_payment_whose_call_never_came_is_found_by_the_next_reading(played: PlayedOutage) -> None:
    environment, house = played.environment, played.house
    monday = await environment.pass_to_monday()
    account = house.add_account("Quiet Ltd")
    invoice = house.issue_invoice(account, 100_00, monday - DAY)
    await played.read()
    await environment.wait_for_entries(mine(invoice), "case.opened")
    house.pay(invoice, 100_00)
    await played.read()
    assert await environment.outcome(mine(invoice)) == "paid"
    await environment.play.run_mornings(monday, monday + 3 * DAY)
    assert environment.sent_letters(mine(account)) == []


async def test_a_credit_note_that_the_system_cannot_book_ends_its_dispute_once_a_person_has(
    played: PlayedOutage, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, cases, house = played.environment, played.cases, played.house
    monkeypatch.setattr("tests.adapters.connections.house.CAPABILITIES", CAPABILITIES - {ConnectorCapability.BOOK_CREDIT_NOTE})
    monday = await environment.pass_to_monday()
    account = house.add_account("By Hand Ltd")
    invoice = house.issue_invoice(account, 300_00, monday + 30 * DAY)
    await played.read()
    await environment.wait_for_entries(mine(invoice), "case.opened")
    dispute = await cases.raise_dispute(mine(invoice), amount=300_00)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 300_00)
    await cases.decide(await cases.wait_for_approval(dispute), "anna")
    await environment.wait_until(lambda: [state for _, state in played.list_tasks(account)] == [TaskState.OPEN])
    assert "dispute.resolved" not in cases.entry_kinds(dispute)
    house.connector.book_credit_note("by-hand", invoice, 300_00, "EUR", "never arrived")
    ((task, _),) = played.list_tasks(account)
    assert close_task(environment.database, task, "done there", "bea")
    await played.read()
    await environment.play.skip_to(await environment.play.now() + timedelta(minutes=3))
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert await environment.outcome(mine(invoice)) == "credited"
    assert await asyncio.to_thread(house.count_credit_notes, account) == 1
