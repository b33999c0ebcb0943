"""Duecourse beside a real Tryton, from overdue invoices to the nightly comparison: what is paid, credited, suspended and written off is
so in both."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import pytest
import yaml
from sqlalchemy import func, select, update
from sqlmodel import col

from adapters.audit.verification.verification import Verification
from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import RefusedByBillingError
from adapters.cases.tasks import close_task
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_states import ConnectionState, load_connection_state
from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import ReleaseStore
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Contact, ExternalAccountRow, HeldAccount, Invoice, Task
from adapters.tryton import tryton_connector
from adapters.tryton.tryton_connector import TrytonConnector
from domain import identifiers as ids
from domain.case.case_view import TaskKind
from domain.correspondence.release import ReleaseSelection
from domain.policy.dispute_rules import DisputeResolution
from domain.write_off.commands import WriteOffDecision
from tests.adapters.billing.connected_worlds import TrytonWorld
from tests.adapters.billing.tryton_server.server import run_tryton
from tests.adapters.ledger.builders import find_unbalanced_invoices
from tests.databases import _sqlite_template
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, NO_HOLIDAYS, CollectionEnvironment, start_collection_environment
from workflows.connected_systems import ConnectedSystems


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonWorld]:
    with run_tryton(tmp_path_factory.mktemp("tryton")) as server:
        yield TrytonWorld(server)


@pytest.fixture(scope="module")
async def house(tryton: TrytonWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CollectionEnvironment]:
    """A Duecourse that Tryton is connected to, from today on."""
    folder = tmp_path_factory.mktemp("stage")
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    settings = tryton.server.settings
    key = folder / "erp.key"
    key.touch(0o600)
    key.write_text(settings.api_key)
    connection = {
        "name": "erp",
        "kind": "tryton",
        "address": settings.address,
        "company": settings.company,
        "api_key_file": str(key),
        "country": NO_HOLIDAYS,
        "time_zone": "UTC",
        "language": "en",
    }
    (folder / "data").mkdir()
    (folder / "data" / "connections.yaml").write_text(yaml.safe_dump({"connections": [connection]}))
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder, tryton.today) as environment:
        yield environment
    database.close()


class PlayedHouse:
    """What people do in Tryton, and what Duecourse knows of it. Ids are Tryton's own."""

    def __init__(self, environment: CollectionEnvironment, tryton: TrytonWorld) -> None:
        self.environment, self.tryton, self.play = environment, tryton, environment.play
        self.cases = AccountCommands(environment)
        self._runs = iter(range(1_000))

    async def read(self, *, is_released: bool = True) -> int:
        """Read Tryton, as the schedule does, and tell the cases what came; how many invoices changed. What is held is released."""
        with self.play.environment.auto_time_skipping_disabled():
            run = f"read-{next(self._runs)}"
            changed = await self.play.client.execute_workflow(ConnectedSystems.run, id=run, task_queue=ids.TASK_QUEUE)
        await self.play.sync()
        if is_released and self.count_held():
            self.release_all()
        return changed

    def compare(self, nights: int) -> ConnectionState:
        """What Duecourse finds so many nights from now."""
        parts = self.play.parts
        (key,) = parts.connected
        later = datetime.now(UTC) + timedelta(days=nights)
        ConnectedReading(parts.connected, parts.database, parts.company.zone, lambda: later).run()
        return load_connection_state(parts.database, key)

    async def issue(self, account: str, total: int, due: date) -> str:
        return await asyncio.to_thread(self.tryton.issue_invoice, account, total, due)

    async def pay(self, invoice: str, amount: int) -> None:
        await asyncio.to_thread(self.tryton.pay, invoice, amount)

    def state_there(self, invoice: str) -> tuple[str, int]:
        found = self.tryton.connector.read_invoice(invoice)
        return found.status.value, found.open_balance

    def state_here(self, invoice: str) -> tuple[str, int]:
        facts = self.play.parts.billing.get_invoice_facts(mine(invoice))
        return facts.status.value, facts.open_balance

    def count_held(self) -> int:
        with self.environment.database.reading() as session:
            return int(session.execute(select(func.count()).select_from(HeldAccount)).scalar_one())

    def release_all(self) -> None:
        now = datetime.now(UTC)
        act = BrakeContext("act-0", "anna", now, now)
        ReleaseStore(self.environment.database).release(ReleaseSelection(everything=True), "looked at", act)

    def tasks_by_hand(self, account: str) -> list[str]:
        """The states of what people were asked to do in Tryton for an account."""
        with self.environment.database.reading() as session:
            asked = select(col(Task.state)).where(col(Task.account_id) == mine(account), col(Task.kind) == TaskKind.BOOKING_BY_HAND)
            return list(session.execute(asked.order_by(col(Task.id))).scalars())

    def close_tasks(self, account: str) -> None:
        with self.environment.database.reading() as session:
            open_ = select(col(Task.id)).where(col(Task.account_id) == mine(account), col(Task.state) == TaskState.OPEN)
            tasks = session.execute(open_.where(col(Task.kind) == TaskKind.BOOKING_BY_HAND)).scalars().all()
        assert [close_task(self.environment.database, task or 0, "done there", "bea") for task in tasks] == [True]

    async def pass_minutes(self, minutes: int) -> None:
        """As long as it takes until it is looked again for what people have done."""
        await self.play.skip_to(await self.play.now() + timedelta(minutes=minutes))

    def limit(self, account: str) -> str | None:
        limit: str | None = self.tryton.server.act("read_credit_limit", party=int(account))
        return limit


def _refuse(*given: object) -> NoReturn:
    raise RefusedByBillingError("Tryton refuses this: there is no open period")


def _plant(invoice_id: str, open_balance: int = 40_00) -> Any:
    """As if a change had been lost on the way, or come back."""
    return update(Invoice).where(col(Invoice.id) == invoice_id).values(open_balance=open_balance)


def mine(external_id: str) -> str:
    """Duecourse's own id of something in this Tryton."""
    return f"@erp:1:{external_id}"


@pytest.fixture
def played(house: CollectionEnvironment, tryton: TrytonWorld) -> PlayedHouse:
    return PlayedHouse(house, tryton)


async def test_overdue_invoices_are_reminded_until_they_are_paid_credited_or_only_owed_in_part(played: PlayedHouse) -> None:
    """One is paid there and stops, one is paid in part, a receipt that nobody assigned is credit, and one is credited after a dispute."""
    environment, cases, tryton = played.environment, played.cases, played.tryton
    monday = await environment.pass_to_monday()
    account = tryton.add_account("Late Ltd")
    paid, partly, disputed = [await played.issue(account, total, monday - DAY) for total in (100_00, 200_00, 300_00)]
    await played.read(is_released=False)
    assert played.count_held() == 1, "no letter goes before somebody has looked at what was read first"
    played.release_all()
    await environment.play.run_morning(monday)
    for invoice in (paid, partly, disputed):
        assert environment.letters(mine(invoice)) == [("reminder", monday)]
    (letter,) = environment.sent_letters(mine(account))
    assert letter.asked_for == 600_00
    assert environment.mails("books@customer.example")

    await played.pay(paid, 100_00)
    await played.pay(partly, 50_00)
    await asyncio.to_thread(tryton.receive, account, 70_00)
    await played.read()
    await environment.wait_for_entries(mine(paid), "payment.received")
    assert await environment.outcome(mine(paid)) == "paid"
    await environment.wait_for_entries(mine(partly), "payment.received")
    assert played.play.parts.billing.get_unapplied_credit(mine(account)) == {"EUR": 70_00}

    dispute = await cases.raise_dispute(mine(disputed), amount=300_00)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 300_00)
    await cases.decide(await cases.wait_for_approval(dispute), "anna")
    await cases.wait_for_entries(dispute, "dispute.resolved")
    (note,) = tryton.server.act("list_credit_notes", party=int(account))
    assert (note["total"], note["state"], note["reference"][:10]) == ("-300.00", "posted", "duecourse:")
    await played.play.sync()
    assert await environment.outcome(mine(disputed)) == "credited"

    await environment.play.run_mornings(monday + DAY, monday + 21 * DAY)
    later = [sent for sent in environment.sent_letters(mine(account))[1:] if sent.case is None]
    assert later, "what is left of the second is asked for"
    assert {number for sent in later for number, _ in sent.lines} == {mine(partly)}
    assert [played.state_there(each) for each in (paid, partly, disputed)] == [("paid", 0), ("open", 150_00), ("credited", 0)]
    assert [played.state_here(each) for each in (paid, partly, disputed)] == [("paid", 0), ("open", 150_00), ("credited", 0)]


async def test_an_account_is_suspended_there_and_reinstated_when_it_has_paid_there(played: PlayedHouse) -> None:
    environment, cases, tryton = played.environment, played.cases, played.tryton
    monday = await environment.pass_to_monday()
    account = tryton.add_account("Suspended Ltd")
    tryton.server.act("limit_credit", party=int(account), amount="500.00")
    invoice = await played.issue(account, 100_00, monday - 40 * DAY)
    await played.read()
    await environment.wait_for_entries(mine(invoice), "case.opened")
    case = await cases.bring_to_suspended(mine(account), mine(invoice))
    assert (played.limit(account), cases.account(mine(account)).suspended_on) == ("0", await environment.today())
    await played.pay(invoice, 100_00)
    await played.read()
    await cases.wait_for_entries(case, "suspension.ended")
    assert cases.entry_facts(case, "suspension.ended")[0]["ending"] == "reinstated"
    assert (played.limit(account), cases.account(mine(account)).suspended_on) == ("500.00", None)


async def test_what_cannot_be_done_from_here_counts_when_a_person_has_done_it_there(
    played: PlayedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, cases, tryton = played.environment, played.cases, played.tryton
    cannot = {ConnectorCapability.SUSPEND, ConnectorCapability.REINSTATE}
    monkeypatch.setattr(tryton_connector, "CAPABILITIES", tryton_connector.CAPABILITIES - cannot)
    monday = await environment.pass_to_monday()
    account = tryton.add_account("By Hand Ltd")
    invoice = await played.issue(account, 100_00, monday - 40 * DAY)
    await played.read()
    await environment.wait_for_entries(mine(invoice), "case.opened")
    case = await cases.bring_to_notice(mine(account), mine(invoice))
    await environment.pass_to(cases.entry_dates(case, "suspension.warning_delivered")[-1] + 15 * DAY)
    await cases.decide(await cases.wait_for_approval(case, 2), "anna")
    await environment.wait_until(lambda: played.tasks_by_hand(account) == ["open"])
    await played.pass_minutes(5)
    assert (cases.row(case).stage, cases.account(mine(account)).suspended_on) == ("suspending", None)
    played.close_tasks(account)
    await played.pass_minutes(2)
    await cases.wait_for_entries(case, "suspension.suspended")
    assert cases.account(mine(account)).suspended_on is not None
    await played.pay(invoice, 100_00)
    await played.read()
    await environment.wait_until(lambda: played.tasks_by_hand(account) == ["done", "open"])
    assert "suspension.reinstated" not in cases.entry_kinds(case)
    played.close_tasks(account)
    await played.pass_minutes(2)
    await cases.wait_for_entries(case, "suspension.reinstated")


async def test_each_due_date_is_reminded_on_its_own(played: PlayedHouse) -> None:
    """Half of it is due, and paid; the other half is not asked for before its day."""
    environment, tryton = played.environment, played.tryton
    monday = await environment.pass_to_monday()
    account = tryton.add_account("Halves Ltd")
    due = (monday - DAY).isoformat()
    invoice = str(tryton.server.act("issue_invoice", party=int(account), amount="100.01", due=due, term="halves"))
    halves = mine(invoice), f"{mine(invoice)}~due2"
    await played.read()
    await environment.play.run_morning(monday)
    (letter,) = environment.sent_letters(mine(account))
    assert (letter.asked_for, letter.lines) == (50_00, frozenset({(halves[0], "reminder")}))
    await played.pay(invoice, 50_00)
    await played.read()
    assert await environment.outcome(halves[0]) == "paid"
    await environment.play.run_mornings(monday + DAY, monday + 30 * DAY)
    later = [sent for sent in environment.sent_letters(mine(account))[1:] if sent.lines]
    assert {number for sent in later for number, _ in sent.lines} == {halves[1]}
    assert later[0].on >= monday + 26 * DAY, "a courtesy note goes three days before"


async def test_an_account_that_was_handed_over_is_written_off_there(played: PlayedHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tryton refuses it at first, so that a person is asked; the next try succeeds, and nobody need do anything."""
    environment, cases, tryton = played.environment, played.cases, played.tryton
    monday = await environment.pass_to_monday()
    account = tryton.add_account("Lost Ltd")
    invoice = await played.issue(account, 100_00, monday - 60 * DAY)
    await played.read()
    await environment.wait_for_entries(mine(invoice), "case.opened")
    case = await cases.bring_to_handed_over(mine(account), mine(invoice))
    await cases.propose_write_off(mine(account), WriteOffDecision.WHOLE)
    with monkeypatch.context() as patched:
        patched.setattr(TrytonConnector, "book_write_off", _refuse)
        await cases.approve_request(case)
        await environment.wait_until(lambda: played.tasks_by_hand(account) == ["open"])
        assert (cases.row(case).stage, played.state_there(invoice)) == ("booking", ("open", 100_00))
    await played.pass_minutes(2)
    await cases.wait_for_entries(case, "write_off.decided")
    assert played.state_there(invoice) == played.state_here(invoice) == ("written_off", 0)
    await played.play.sync()
    assert await environment.outcome(mine(invoice)) == "written_off"
    assert [facts["amount"] for facts in cases.entry_facts(case, "write_off.booked")] == [100_00]
    await environment.wait_until(lambda: played.tasks_by_hand(account) == ["dropped"])


async def test_the_nightly_comparison_finds_what_is_planted_and_nothing_else(played: PlayedHouse) -> None:
    """After all that came before: the first comparison, a payment that was booked there and not yet read, and the night after."""
    tryton, database = played.tryton, played.play.parts.database
    account = tryton.add_account("Compared Ltd")
    invoice = await played.issue(account, 100_00, tryton.today)
    await played.read()
    first = await asyncio.to_thread(played.compare, 1)
    assert (first.differences, first.away_since, first.compared_items >= 1) == ((), None, True)
    with database.writing() as session:
        session.execute(_plant(mine(invoice)))
    planted = await asyncio.to_thread(played.compare, 2)
    assert [(each.kind, each.id, each.here, each.there) for each in planted.differences] == [("balance", mine(invoice), "4000", "10000")]
    assert (planted.differences[0].number, planted.compared_items) == (tryton.connector.read_invoice(invoice).number, first.compared_items)
    with database.writing() as session:
        session.execute(_plant(mine(invoice), 100_00))
    assert (await asyncio.to_thread(played.compare, 3)).differences == ()
    assert find_unbalanced_invoices(database) == []
    assert [f"{fault}" for fault in Verification(database).run().faults] == []


async def test_a_customer_s_new_address_comes_within_a_day(played: PlayedHouse) -> None:
    tryton, database = played.tryton, played.play.parts.database
    account = tryton.add_account("Moved Ltd")
    await played.issue(account, 100_00, tryton.today)
    await played.read()
    tryton.server.act("change_email", party=int(account), email="new@customer.example")
    with database.writing() as session:  # as if a day had passed in this world, too
        session.execute(update(ExternalAccountRow).values(read_at=datetime.now(UTC) - DAY))
    await played.read()
    with database.reading() as session:
        emails = session.execute(select(col(Contact.email)).where(col(Contact.account_id) == mine(account))).scalars().all()
    assert emails == ["new@customer.example"]
