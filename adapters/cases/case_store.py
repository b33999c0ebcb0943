"""Write what the cases' workflows recorded: journal, read model, contact requests and tasks."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, exists, select, update
from sqlalchemy import case as either
from sqlmodel import col

from adapters.cases.awaited_parties import AwaitedPartiesStore
from adapters.cases.call_tasks import CallTaskStore, drop_settled_calls, find_raised_escalations, is_call_escalation
from adapters.cases.contact_scheduling import ContactAccount, ContactScheduler, ScheduledContact
from adapters.cases.next_run_store import NextRunStore
from adapters.cases.promise_parts import PromisePartStore
from adapters.cases.refused_acts import withdraw_refused_acts
from adapters.cases.repeated_writes import find_repeated_writes
from adapters.correspondence.contact_requests import (
    CaseLetterUpdates,
    load_letter_updates,
    mark_awaited_letters,
    withdraw_requests,
)
from adapters.correspondence.customer_zones import select_customer_zone
from adapters.correspondence.undelivered_letters import waive_letters
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Case, CaseAwaited, JournalEntry, Task
from domain.case.case_view import CaseView, TaskKind
from domain.case_summary import list_stated_amounts, parse_case_summary
from domain.case_write import CaseWrite, CaseWriteResult
from domain.correspondence.letter_outcome import DropReason
from domain.identifiers import CaseKind
from domain.invoice.carried_state import CarriedState
from domain.journal.entry import GENESIS
from domain.money import Money

# built once: in a crowd of small transactions, building a statement costs as much as running it
_KNOWN_CASES_QUERY = (
    select(
        col(Case.case_id),
        col(Case.run_id),
        col(Case.head),
        col(Case.earlier_run).is_not(None).label("has_earlier_run"),
        exists().where(col(CaseAwaited.case_id) == col(Case.case_id)).label("is_awaiting"),
    )
    .where(col(Case.case_id).in_(bindparam("cases", expanding=True)))
    .order_by(col(Case.case_id))
    .with_for_update(of=Case)
)
"""Locked, where the database has such locks: a task that was given to another worker may be written by both at once."""

_ACCOUNTS_QUERY = select(col(Account.id), col(Account.country), select_customer_zone(), col(Account.collector)).where(
    col(Account.id).in_(bindparam("accounts", expanding=True))
)


class CaseStore:
    """Writes a case's journal entries and its row of the read model. A write that is repeated changes nothing, and entries that a lost
    attempt at the same task has written are not written again, whatever their times (docs/decisions/0046)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._awaited_parties = AwaitedPartiesStore(database)
        self._call_tasks = CallTaskStore(database)
        self._promise_parts = PromisePartStore(database)
        self._next_runs = NextRunStore(database)
        self._insert_entry = database.build_insert_or_ignore(JournalEntry)
        self._insert_task = database.build_insert_or_ignore(Task)
        insert_case = database.build_insert(Case)
        written = {name: insert_case.excluded[name] for name in _CASE_COLUMNS if name != "case_id"}
        earlier_run = either((col(Case.run_id) == insert_case.excluded["run_id"], col(Case.earlier_run)), else_=col(Case.carried))
        since = either((col(Case.stage) == insert_case.excluded["stage"], col(Case.stage_since)), else_=insert_case.excluded["stage_since"])
        changed = {**written, "earlier_run": earlier_run, "stage_since": since}
        self._upsert_case = insert_case.on_conflict_do_update(index_elements=["case_id"], set_=changed)

    def write(self, records: Sequence[CaseWrite]) -> list[CaseWriteResult]:
        """Write records of different cases in one transaction; return a result for each, in their order.

        Slots are computed here, so that newer holiday data cannot change a replay.
        """
        with self._database.writing() as session:
            connection = session.connection()
            known_cases = connection.execute(_KNOWN_CASES_QUERY, {"cases": [record.case.case_id for record in records]}).all()
            carried = _load_earlier_runs(connection, records, known_cases)
            writable = [record for record in records if record.case.case_id not in carried]
            repeated = find_repeated_writes(connection, writable, {known.case_id: known.head for known in known_cases})
            writable = [repeated[record.case.case_id].record if record.case.case_id in repeated else record for record in writable]
            overtaken = {case_id for case_id, write in repeated.items() if write.is_overtaken}
            results = self._write_cases(connection, writable, overtaken) if writable else {}
            awaiting = {known.case_id for known in known_cases if known.is_awaiting}
            self._awaited_parties.write(connection, [record.case for record in writable], awaiting)
        for record in records:
            case_id = record.case.case_id
            if case_id in carried:
                results[case_id] = CaseWriteResult(head=record.carried.head, carried=carried[case_id])
        return [results[record.case.case_id] for record in records]

    def _write_cases(self, connection: Connection, records: Sequence[CaseWrite], overtaken: Set[str]) -> dict[str, CaseWriteResult]:
        """Write the records; the result of each by the case's id. The rows of the cases that are `overtaken` stay as they are."""
        self._insert_entries(connection, records)
        withdraw_refused_acts(self._database, connection, records)
        accounts = _load_accounts(connection, {record.case.account_id for record in records if record.ask or record.case.taken})
        _drop_settled_tasks(connection, records)
        results = _exchange_letters(connection, records, accounts)
        scheduler = ContactScheduler(connection, records)
        for record in records:
            if record.ask:
                case = record.case
                contact = scheduler.schedule(record, record.ask, accounts[case.account_id])
                results[case.case_id] = _add_contact(results[case.case_id], contact)
        scheduler.write_requests()
        for case_id, money in self._promise_parts.exchange(connection, records).items():
            results[case_id] = results[case_id].model_copy(update={"promise_money": money})
        call_keys = self._call_tasks.join(connection, scheduler.calls)
        for record in records:
            if record.case.invoice_id in call_keys:
                result = results[record.case.case_id]
                results[record.case.case_id] = result.model_copy(update={"call_task": call_keys[record.case.invoice_id]})
        requested = _build_requested_tasks(records)
        self._insert_tasks(connection, [*scheduler.tasks, *_select_needed_tasks(connection, records, requested)])
        for case_id, keys in find_raised_escalations(connection, records).items():
            results[case_id] = results[case_id].model_copy(update={"raised": keys})
        _complete_tasks(connection, records)
        newest = [record for record in records if record.case.case_id not in overtaken]
        if newest:
            connection.execute(self._upsert_case, [_build_case_row(record, results[record.case.case_id]) for record in newest])
            self._next_runs.write(connection, newest, results)
        return results

    def _insert_entries(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        entries = [entry.model_dump() for record in records for entry in record.entries]
        if entries:
            connection.execute(self._insert_entry, entries)

    def _insert_tasks(self, connection: Connection, tasks: Sequence[Task]) -> None:
        if tasks:
            connection.execute(self._insert_task, [task.model_dump(exclude={"id"}) for task in tasks])


def _load_earlier_runs(connection: Connection, records: Sequence[CaseWrite], known_cases: Sequence[Any]) -> dict[str, CarriedState]:
    """Return what earlier, closed runs of these cases carried, by case, unless the records already follow from it.

    A run starts its chain again when its worker died before the server recorded that it continues another run; its row remembers that run,
    and it gets the same answer once more.
    """
    record_of = {record.case.case_id: record for record in records}
    superseded: list[str] = []
    restarted: list[str] = []
    for known in known_cases:
        record = record_of[known.case_id]
        if known.run_id != record.case.run_id and not _continues_from(record, known.head):
            superseded.append(known.case_id)
        elif known.has_earlier_run and _continues_from(record, GENESIS):
            restarted.append(known.case_id)
    if not superseded and not restarted:
        return {}
    rows = connection.execute(
        select(col(Case.case_id), col(Case.carried), col(Case.earlier_run)).where(col(Case.case_id).in_([*superseded, *restarted]))
    )
    return {row.case_id: CarriedState.model_validate(row.earlier_run if row.case_id in restarted else row.carried) for row in rows}


def _continues_from(record: CaseWrite, head: str) -> bool:
    return bool(record.entries) and record.entries[0].previous == head


def _load_accounts(connection: Connection, account_ids: set[str]) -> dict[str, ContactAccount]:
    if not account_ids:
        return {}
    rows = connection.execute(_ACCOUNTS_QUERY, {"accounts": list(account_ids)}).all()
    return {row[0]: ContactAccount(row[1], ZoneInfo(row[2]), row[3]) for row in rows}


def _exchange_letters(
    connection: Connection, records: Sequence[CaseWrite], accounts: Mapping[str, ContactAccount]
) -> dict[str, CaseWriteResult]:
    """Withdraw the letters that the invoices take back; a result for each case, with what became of its letters."""
    invoice_records = [record for record in records if record.case.kind == CaseKind.INVOICE]
    withdraw_requests(connection, invoice_records)
    waive_letters(connection, invoice_records)
    mark_awaited_letters(connection, invoice_records)  # before they are read: a letter that ends in between is read or signalled
    zones = {account_id: account.zone for account_id, account in accounts.items()}
    updates = load_letter_updates(connection, invoice_records, zones)
    results: dict[str, CaseWriteResult] = {}
    for record in records:
        letters = updates.get(record.case.case_id) or CaseLetterUpdates([], [], [])
        results[record.case.case_id] = CaseWriteResult(
            head=record.carried.head,
            letters=letters.outcomes,
            named=letters.named,
            under_way=letters.under_way,
            withdrawn=letters.withdrawn,
        )
    return results


def _add_contact(result: CaseWriteResult, contact: ScheduledContact) -> CaseWriteResult:
    letters = [*result.letters, contact.lapsed_letter] if contact.lapsed_letter else result.letters
    return result.model_copy(update={"contact_on": contact.contact_on, "letters": letters})


def _drop_settled_tasks(connection: Connection, records: Sequence[CaseWrite]) -> None:
    """Drop the calls and escalations about invoices that are settled."""
    settled = sorted({record.case.invoice_id or "" for record in records if record.withdraw is DropReason.SETTLED})
    for invoice_id in settled:
        invoice_tasks = (col(Task.invoice_id) == invoice_id, col(Task.kind) == TaskKind.ESCALATION, ~is_call_escalation())
        dropped = {"state": TaskState.DROPPED, "outcome": DropReason.SETTLED.value}
        connection.execute(update(Task).where(*invoice_tasks, col(Task.state) == TaskState.OPEN).values(dropped))
    drop_settled_calls(connection, settled)


def _build_requested_tasks(records: Sequence[CaseWrite]) -> list[Task]:
    """Build the tasks that the cases themselves request and that are not done yet."""
    return [
        Task(
            key=request.key,
            kind=request.kind,
            account_id=record.case.account_id,
            invoice_id=record.case.invoice_id,
            role=request.role.value,
            due_on=request.due_on,
        )
        for record in records
        for request in record.errands
        if request.done_by is None
    ]


def _select_needed_tasks(connection: Connection, records: Sequence[CaseWrite], tasks: Sequence[Task]) -> list[Task]:
    """Leave out what need not be done, because the task for the sake of which it was requested is closed."""
    needs = {request.key: request.while_open for record in records for request in record.errands if request.while_open}
    if not needs:
        return list(tasks)
    is_open = select(col(Task.key)).where(col(Task.key).in_(needs.values()), col(Task.state) == TaskState.OPEN)
    still_open = set(connection.execute(is_open).scalars())
    return [task for task in tasks if task.key not in needs or needs[task.key] in still_open]


def _complete_tasks(connection: Connection, records: Sequence[CaseWrite]) -> None:
    for request in (request for record in records for request in record.errands if request.done_by):
        done = {"state": TaskState.DONE, "closed_by": request.done_by}
        connection.execute(update(Task).where(col(Task.key) == request.key, col(Task.state) == TaskState.OPEN).values(done))


_CASE_COLUMNS = (
    "case_id",
    "run_id",
    "kind",
    "account_id",
    "invoice_id",
    "stage",
    "stage_since",
    "next_step",
    "next_on",
    "waiting_for",
    "awaiting_role",
    "summary",
    "policy",
    "policy_version",
    "disputed",
    "holds",
    "taken",
    "promised_by",
    "promised_amount",
    "promised_on",
    "stated_currency",
    "stated_amount",
    "outcome",
    "seq",
    "head",
    "carried",
    "updated_at",
)


def _build_case_row(record: CaseWrite, result: CaseWriteResult) -> dict[str, Any]:
    """Build the read model's row. The slot of a contact postpones the step after it; a letter that is waited for stops the steps."""
    case, next_on = record.case, record.case.next_on
    awaits_letter = record.await_letter and result.under_way
    if result.contact_on and next_on and record.ask:
        next_on = max(next_on, result.contact_on + timedelta(days=record.ask.catch_up_days))
    stated = _find_stated_amount(case)
    computed = {
        "stage_since": record.now.date(),
        "stated_currency": stated.currency if stated else "",
        "stated_amount": stated.minor if stated else 0,
        "next_on": None if awaits_letter else next_on,
        "waiting_for": "letter" if awaits_letter else case.waiting_for,
        "holds": [hold.model_dump(mode="json") for hold in case.holds],
        "taken": [taken_step.model_dump(mode="json") for taken_step in case.taken],
        "seq": record.carried.seq,
        "head": record.carried.head,
        "carried": record.carried.model_dump(mode="json"),
        "updated_at": datetime.now(UTC),
    }
    return {name: computed[name] if name in computed else getattr(case, name) for name in _CASE_COLUMNS}


def _find_stated_amount(case: CaseView) -> Money | None:
    """The first amount that a case states; None of an invoice's, whose own row says what is open."""
    if case.kind == CaseKind.INVOICE:
        return None
    return next(iter(list_stated_amounts(parse_case_summary(case.kind, case.summary))), None)
