"""Writes what the cases' workflows recorded: journal, read model, and what their steps ask for."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy import case as either
from sqlmodel import col

from adapters.correspondence.business_days import get_business_day_check
from adapters.correspondence.contact_requests import CaseLetterUpdates, ContactRequestBatch, ContactRequestStore
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Contact, JournalEntry, Task
from domain.case.case_view import TaskRequest
from domain.case_record import CaseWrite, CaseWriteResult
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.contact_slots import find_first_slot
from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
from domain.invoice.invoice_case import CarriedState
from domain.journal.journal import GENESIS
from domain.policy.collection_policy import StepAction

INVOICE_KIND = "invoice"
"""The kind of case that writes to customers; the others only write down."""

# built once: in a crowd of small transactions, building a statement costs as much as running it
_KNOWN_CASES_QUERY = select(col(Case.case_id), col(Case.run_id), col(Case.head), col(Case.earlier_run).is_not(None).label("goes_on")).where(
    col(Case.case_id).in_(bindparam("cases", expanding=True))
)

_ACCOUNTS_QUERY = (
    select(col(Account.id), col(Account.country), func.coalesce(col(Contact.time_zone), col(Account.time_zone)), col(Account.collector))
    .outerjoin(Contact, (col(Contact.account_id) == col(Account.id)) & (col(Contact.role) == "billing"))
    .where(col(Account.id).in_(bindparam("accounts", expanding=True)))
    .order_by(col(Contact.id).desc())
)


class CaseAccount(NamedTuple):
    """What slots and tasks need to know of an account."""

    country: str
    zone: ZoneInfo
    collector: str | None


class CaseStore:
    """The journal and the read model, as workflows write them. A record may be written again: it changes nothing the second time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._contact_requests = ContactRequestStore()
        self._insert_entry = database.build_insert_or_ignore(JournalEntry)
        self._insert_task = database.build_insert_or_ignore(Task)
        view = database.build_insert(Case)
        shown = {name: view.excluded[name] for name in _CASE_COLUMNS if name != "case_id"}
        earlier = either((col(Case.run_id) == view.excluded["run_id"], col(Case.earlier_run)), else_=col(Case.carried))
        self._upsert_case = view.on_conflict_do_update(index_elements=["case_id"], set_={**shown, "earlier_run": earlier})

    def write(self, records: Sequence[CaseWrite]) -> list[CaseWriteResult]:
        """Write records of different cases in one transaction; an answer for each.

        Slots are computed here, so that newer holiday data cannot change a replay.
        """
        with self._database.writing() as session:
            connection = session.connection()
            left = self._load_earlier_runs(connection, records)
            fresh = [record for record in records if record.case.case_id not in left]
            answers = self._write_cases(connection, fresh) if fresh else {}
        return [
            answers.get(record.case.case_id) or CaseWriteResult(head=record.carried.head, carried=left[record.case.case_id])
            for record in records
        ]

    def _load_earlier_runs(self, connection: Connection, records: Sequence[CaseWrite]) -> dict[str, CarriedState]:
        """What earlier, closed runs of these cases left, unless the records follow from it already.

        A run whose worker died before the server heard that it goes on where another ended begins anew, and is told so again.
        """
        run_of = {record.case.case_id: record for record in records}
        known = connection.execute(_KNOWN_CASES_QUERY, {"cases": list(run_of)}).all()
        others = [
            row.case_id
            for row in known
            if row.run_id != run_of[row.case_id].case.run_id and not _continues_from(run_of[row.case_id], row.head)
        ]
        again = [
            row.case_id for row in known if row.goes_on and row.case_id not in others and _continues_from(run_of[row.case_id], GENESIS)
        ]
        if not others and not again:
            return {}
        left = connection.execute(
            select(col(Case.case_id), col(Case.carried), col(Case.earlier_run)).where(col(Case.case_id).in_([*others, *again]))
        )
        return {row.case_id: CarriedState.model_validate(row.earlier_run if row.case_id in again else row.carried) for row in left}

    def _write_cases(self, connection: Connection, records: Sequence[CaseWrite]) -> dict[str, CaseWriteResult]:
        entries = [entry.model_dump() for record in records for entry in record.entries]
        if entries:
            connection.execute(self._insert_entry, entries)
        customers = self._load_accounts(connection, {record.case.account_id for record in records if record.ask or record.case.taken})
        for record in records:
            if record.withdraw is DropReason.SETTLED:
                self._drop_settled_tasks(connection, record)
        chasing = [record for record in records if record.case.kind == INVOICE_KIND]
        self._contact_requests.withdraw_requests(connection, chasing)
        letters = self._contact_requests.load_letter_updates(
            connection, chasing, {account: customer.zone for account, customer in customers.items()}
        )
        answers: dict[str, CaseWriteResult] = {}
        tasks: list[Task] = []
        asks = ContactRequestBatch(connection, records)
        for record in records:
            case = record.case
            mine = letters.get(case.case_id) or CaseLetterUpdates([], [])
            answer = CaseWriteResult(head=record.carried.head, letters=mine.outcomes, under_way=mine.under_way, withdrawn=mine.withdrawn)
            if record.ask:
                answer = self._schedule_contact(asks, record, record.ask, customers[case.account_id], answer, tasks)
            answers[case.case_id] = answer
        tasks += [_build_requested_task(record, errand) for record in records for errand in record.errands if errand.done_by is None]
        asks.write()
        if tasks:
            connection.execute(self._insert_task, [task.model_dump(exclude={"id"}) for task in tasks])
        for errand in (errand for record in records for errand in record.errands if errand.done_by):
            done = {"state": "done", "closed_by": errand.done_by}
            connection.execute(update(Task).where(col(Task.key) == errand.key, col(Task.state) == "open").values(done))
        connection.execute(self._upsert_case, [_build_case_row(record, answers[record.case.case_id]) for record in records])
        return answers

    def _load_accounts(self, connection: Connection, accounts: set[str]) -> dict[str, CaseAccount]:
        if not accounts:
            return {}
        rows = connection.execute(_ACCOUNTS_QUERY, {"accounts": list(accounts)}).all()
        return {row[0]: CaseAccount(row[1], ZoneInfo(row[2]), row[3]) for row in rows}

    def _drop_settled_tasks(self, connection: Connection, record: CaseWrite) -> None:
        """Nobody need call about a settled invoice any more."""
        connection.execute(
            update(Task)
            .where(col(Task.invoice_id) == record.case.invoice_id, col(Task.state) == "open", col(Task.kind).in_(("call", "escalation")))
            .values(state="dropped", outcome=DropReason.SETTLED.value)
        )

    def _schedule_contact(
        self,
        requests: ContactRequestBatch,
        record: CaseWrite,
        ask: ContactOrder,
        customer: CaseAccount,
        answer: CaseWriteResult,
        tasks: list[Task],
    ) -> CaseWriteResult:
        now = record.now if ask.hours_matter else None
        not_before = max(ask.not_before, record.now.date())
        slot = find_first_slot(not_before, now, customer.zone, ask.contact.hours, get_business_day_check(customer.country))
        day = slot.astimezone(customer.zone).date()
        if ask.act is StepAction.CALL:
            tasks.append(_build_task(record, "call", ask.step, "collector", customer.collector, day))
        if ask.escalate_to:
            tasks.append(_build_task(record, "escalation", ask.step, ask.escalate_to, None, day))
        if ask.act is not StepAction.LETTER:
            return answer.model_copy(update={"contact_on": day})
        if ask.not_after is not None and day > ask.not_after:
            return answer.model_copy(update={"letters": [*answer.letters, _build_lapsed_outcome(record, ask, day)]})
        slot = requests.request_contact(record, ask, slot)
        return answer.model_copy(update={"contact_on": slot.astimezone(customer.zone).date()})


def _continues_from(record: CaseWrite, head: str) -> bool:
    return bool(record.entries) and record.entries[0].previous == head


def _build_lapsed_outcome(record: CaseWrite, ask: ContactOrder, day: date) -> LetterOutcome:
    """A letter that makes sense only before the due date, and finds no slot before it."""
    return LetterOutcome(step=ask.step, attempt=0, fate=LetterResult.DROPPED, at=record.now, on=day, reason=DropReason.LAPSED.value)


def _build_task(record: CaseWrite, kind: str, step: str, role: str, assignee: str | None, due_on: date) -> Task:
    case = record.case
    return Task(
        key=f"{kind}:{case.case_id}:{step}",
        kind=kind,
        account_id=case.account_id,
        invoice_id=case.invoice_id,
        role=role,
        assignee=assignee,
        due_on=due_on,
    )


def _build_requested_task(record: CaseWrite, errand: TaskRequest) -> Task:
    case = record.case
    return Task(
        key=errand.key,
        kind=errand.kind,
        account_id=case.account_id,
        invoice_id=case.invoice_id,
        role=errand.role.value,
        due_on=errand.due_on,
    )


_CASE_COLUMNS = (
    "case_id",
    "run_id",
    "kind",
    "account_id",
    "invoice_id",
    "stage",
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
    "outcome",
    "seq",
    "head",
    "carried",
    "updated_at",
)


def _build_case_row(record: CaseWrite, answer: CaseWriteResult) -> dict[str, Any]:
    """The read model's row. The slot that the ask was given puts off the step after it; a letter under way that is waited for stops it."""
    case, next_on, waits = record.case, record.case.next_on, record.await_letter and answer.under_way
    if answer.contact_on and next_on and record.ask:
        next_on = max(next_on, answer.contact_on + timedelta(days=record.ask.catch_up_days))
    seen = {
        "next_on": None if waits else next_on,
        "waiting_for": "letter" if waits else case.waiting_for,
        "holds": [hold.model_dump(mode="json") for hold in case.holds],
        "taken": [past.model_dump(mode="json") for past in case.taken],
        "seq": record.carried.seq,
        "head": record.carried.head,
        "carried": record.carried.model_dump(mode="json"),
        "updated_at": datetime.now(UTC),
    }
    return {name: seen[name] if name in seen else getattr(case, name) for name in _CASE_COLUMNS}
