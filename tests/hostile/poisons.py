"""One poison at each stage of the work, and many invoices that go through all of them: opened, reminded, paid, closed, archived.

`python -m tests.hostile.poisons --invoices 500` plays it on the machine at hand.
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from obstore.store import MemoryStore
from sqlalchemy import func, select, update
from sqlmodel import col

import worker
from adapters.audit.histories.object_store import ArchiveStoreError, BucketStore
from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.credit.referral_query import ReferralQuery
from adapters.database.engine import Database
from adapters.database.tables import ArchivedRun, ContactRequest, LedgerEvent
from adapters.letters.letter_templates import Letter, LetterTemplates, RenderedMessage
from adapters.notifications import staff_notices
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal import case_commands
from domain import identifiers as ids
from domain.invoice.commands import EscalateInvoice
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role
from tests.faults.decisions import DecisionEnvironment
from tests.faults.due_letters import DAWN, NOON, TODAY, DueInvoice, count_letters_by_state, import_due_invoices, noon_clock
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.faults.journal_snapshot import JournalSnapshot
from tests.patience import PATIENCE, Looks

BAD_EVENT, BAD_LETTER, BAD_NOTICE, BAD_OBJECT = (
    DueInvoice(f"BAD-{what}", f"BAD-{what}") for what in ("EVENT", "LETTER", "NOTICE", "OBJECT")
)
POISONED = [BAD_EVENT, BAD_LETTER, BAD_NOTICE, BAD_OBJECT]
ADMIN = ("ada", Role.ADMIN)


@contextmanager
def planted() -> Iterator[None]:
    """A letter's template, a notice's template and a schedule's work raise, and the archive takes no run of one case."""
    render, render_notice, put = LetterTemplates.render, staff_notices.render_notice, BucketStore.put

    def render_letter(templates: LetterTemplates, letter: Letter) -> RenderedMessage:
        if letter.account_id == BAD_LETTER.account:
            raise KeyError("a word that no template has")
        return render(templates, letter)

    def write_notice(template: str, details: Mapping[str, FactValue], *more: Any) -> RenderedMessage:
        if details.get("invoice") == BAD_NOTICE.number:
            raise KeyError("a word that nobody wrote")
        return render_notice(template, details, *more)

    def put_object(store: BucketStore, key: str, content: bytes) -> None:
        if BAD_OBJECT.number in key:
            raise ArchiveStoreError(f"the bucket takes no {key}")
        put(store, key, content)

    def refer(*_: object) -> NoReturn:
        raise ValueError("the accounts cannot be read")

    with ExitStack() as stack:
        bucket = BucketStore(MemoryStore())
        stack.enter_context(patch.object(worker, "open_archive_store", lambda _: bucket))
        for owner, name, fault in (
            (LetterTemplates, "render", render_letter),
            (staff_notices, "render_notice", write_notice),
            (BucketStore, "put", put_object),
            (ReferralQuery, "list_accounts_to_refer", refer),
        ):
            stack.enter_context(patch.object(owner, name, fault))
        yield


SEEN = (
    SetAsideStage.BILLING_EVENT,
    SetAsideStage.LETTER,
    SetAsideStage.NOTICE,
    SetAsideStage.HISTORY,
    SetAsideStage.SCHEDULE,
)
"""The stages at which something is set aside."""


async def play_poisons(database: Database, folder: Path, count: int) -> None:
    """Let `count` invoices go through every stage beside the poisoned ones. Asserts that all do, and that each poison is seen once."""
    bills = [DueInvoice(f"INV-{number}", f"A-{number}") for number in range(count)]
    async with start_fault_environment(database, folder / "data", noon_clock()) as environment:
        people = DecisionEnvironment(environment, folder)
        parts = environment.parts
        parts.identity.add_user("mona", Role.COLLECTIONS_MANAGER, email="mona@ours.test")
        import_due_invoices(parts, [*bills, *POISONED], folder)
        with database.writing() as session:
            its_events = col(LedgerEvent.invoice_id) == BAD_EVENT.number
            session.execute(update(LedgerEvent).where(its_events).values(event={"kind": "nonsense"}))
        with planted():
            async with worker.build_worker(environment.client, parts):
                await environment.client.start_workflow("Referrals", id="referrals", task_queue=ids.TASK_QUEUE)
                await _remind(environment, count)
                await _escalate(environment, [BAD_NOTICE, *bills[:3]])
                await _pay(environment, [*bills, BAD_OBJECT])
                await _archive(environment, count)
                await environment.wait_until(lambda: len(_list_set_aside(database)) == len(SEEN), f"{SEEN} are seen")
        assert Counter(stage for stage, _ in _list_set_aside(database)) == Counter(SEEN)
        await _check_what_people_see(people)
        await people.close()


async def _remind(environment: FaultEnvironment, count: int) -> None:
    """Every invoice's case begins and asks for its first reminder, and all but one letter go."""
    database, client = environment.database, environment.client
    await client.execute_workflow("BillingSync", id="opening", task_queue=ids.TASK_QUEUE)
    letters = count + len(POISONED) - 1
    await environment.wait_until(lambda: _count_requests(database) == letters, "every case has asked for its letter")
    with database.writing() as session:
        session.execute(update(ContactRequest).values(slot=DAWN))  # what is asked for at noon would go tomorrow
    async for number in Looks():
        await asyncio.sleep(min(number, 10) / 10)
        await client.execute_workflow("CorrespondenceRun", id=f"letters-{number}", task_queue=ids.TASK_QUEUE)
        if count_letters_by_state(database)["sent"] == letters - 1:
            return
    raise AssertionError(f"only these letters went: {count_letters_by_state(database)}")


async def _escalate(environment: FaultEnvironment, bills: Sequence[DueInvoice]) -> None:
    """The manager is told of each but the poisoned one."""
    for bill in bills:
        command = EscalateInvoice(act_id=f"e:{bill.number}", actor="mia", role=Role.COLLECTIONS_MANAGER)
        await environment.client.get_workflow_handle(ids.invoice_case_id(bill.number)).execute_update("escalate", command)
    told = [ids.invoice_case_id(bill.number) for bill in bills if bill is not BAD_NOTICE]
    await JournalSnapshot(environment).wait_for_entries(EntryKind.ESCALATION_TOLD, told)


async def _pay(environment: FaultEnvironment, bills: Sequence[DueInvoice]) -> None:
    """Each is paid, and its case ends."""
    for bill in bills:
        environment.parts.billing.record_payment(
            f"P-{bill.number}", bill.account, "EUR", 10_000, TODAY, invoice_id=bill.number, recorded_by="tests", at=NOON
        )
    await environment.client.execute_workflow("BillingSync", id="paying", task_queue=ids.TASK_QUEUE)
    await JournalSnapshot(environment).wait_for_entries(EntryKind.CASE_CLOSED, [ids.invoice_case_id(bill.number) for bill in bills])


async def _archive(environment: FaultEnvironment, count: int) -> None:
    """The histories of all that ended are archived, but for one. The server lists what ended a little later."""
    async for number in Looks():
        await asyncio.sleep(min(number, 10) / 10)
        await environment.client.execute_workflow("HistoryArchive", id=f"archive-{number}", task_queue=ids.TASK_QUEUE)
        with environment.database.reading() as session:
            archived = {each for each in session.scalars(select(col(ArchivedRun.workflow_id))) if each.startswith("invoice:INV-")}
        if len(archived) == count:
            return
    raise AssertionError(f"only {len(archived)} histories were archived")


def _count_requests(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(select(func.count()).select_from(ContactRequest)).scalar_one())


def _list_set_aside(database: Database) -> list[tuple[SetAsideStage, str]]:
    store = SetAsideStore(database)
    return [(stage, item_id) for stage in SetAsideStage for item_id in store.list_waiting(stage)]


async def _check_what_people_see(people: DecisionEnvironment) -> None:
    """A task of the administrators for each, readiness that is degraded, and a figure for each stage."""
    admin = await people.client(*ADMIN)
    tasks = (await admin.get("/v1/worklist?kind=set_aside")).json()["items"]
    assert len(tasks) == len(SEEN), tasks
    with patch.object(case_commands, "SERVER_TIMEOUT_SECONDS", PATIENCE):
        ready = await admin.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded"), ready.text
    figures = (await admin.get("/metrics")).text.splitlines()
    assert {f'duecourse_set_aside{{stage="{stage}"}} 1' for stage in SEEN} <= set(figures)


def main() -> None:
    """Play it once; a failure is an AssertionError."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.poisons", description=__doc__)
    parser.add_argument("--invoices", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Settings.load(data_dir=Path(folder) / "data"))
        asyncio.run(play_poisons(database, Path(folder), options.invoices))
    print(f"{options.invoices} of {options.invoices} invoices went through every stage; seen: {', '.join(SEEN)}")


if __name__ == "__main__":
    main()
