"""The contact requests, as the invoices that made them see them: asked, withdrawn, and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import col

from adapters.correspondence.outcome_feed import ENDED_STATES, build_letter_outcome
from adapters.database.tables import ContactRequest, Message
from domain.case_record import CaseWrite
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.letter_outcome import LetterOutcome
from domain.policy.collection_policy import StepAction

UNDER_WAY_STATES = ("pending", "claimed")
CANCELLED_STATES = ("dropped", "withdrawn")


_PENDING_REQUESTS_QUERY = select(col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step)).where(
    col(ContactRequest.invoice_id).in_(bindparam("invoices", expanding=True)), col(ContactRequest.state) == "pending"
)
_KNOWN_REQUESTS_QUERY = select(
    col(ContactRequest.id),
    col(ContactRequest.invoice_id),
    col(ContactRequest.step),
    col(ContactRequest.policy_version),
    col(ContactRequest.state),
    col(ContactRequest.slot),
).where(col(ContactRequest.invoice_id).in_(bindparam("invoices", expanding=True)))


class CaseLetterUpdates(NamedTuple):
    """What a case has not heard yet: the ends of its letters, the steps whose letters were taken back; and whether one is under way."""

    outcomes: list[LetterOutcome]
    withdrawn: list[str]
    under_way: bool = False


class ContactRequestBatch:
    """What the steps of a group of cases ask for: looked up together, and written together when `write` is called."""

    def __init__(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        self._connection, self._new = connection, list[dict[str, Any]]()
        asking = [record.case.invoice_id for record in records if record.ask and record.ask.act is StepAction.LETTER]
        rows = connection.execute(_KNOWN_REQUESTS_QUERY, {"invoices": asking}).all() if asking else []
        self._known = {(row.invoice_id, row.step, row.policy_version): row for row in rows}

    def request_contact(self, record: CaseWrite, ask: ContactOrder, slot: datetime) -> datetime:
        """The slot that the request has. One request per invoice, step and policy version; asked again after it was dropped or
        withdrawn, it counts one attempt more."""
        case, hours = record.case, ask.contact.hours
        wanted = {
            "slot": slot,
            "letter": ask.letter,
            "rank": ask.rank,
            "not_after": ask.not_after,
            "minimum": ask.minimum,
            "days_between_letters": ask.contact.days_between_letters,
            "opens": hours.opens.isoformat("minutes"),
            "closes": hours.closes.isoformat("minutes"),
        }
        known = self._known.get((case.invoice_id, ask.step, case.policy_version))
        if known is None:
            key = {
                "invoice_id": case.invoice_id or "",
                "step": ask.step,
                "policy": case.policy or "",
                "policy_version": case.policy_version or 0,
            }
            self._new.append({"account_id": case.account_id, **key, **wanted})
            return slot
        if known.state in CANCELLED_STATES:
            again = {"state": "pending", "reason": "", "message_id": None, "ended_at": None, "told": False, "awaited": False}
            attempt = col(ContactRequest.attempt) + 1
            self._connection.execute(
                update(ContactRequest).where(col(ContactRequest.id) == known.id).values(attempt=attempt, **wanted, **again)
            )
            return slot
        standing: datetime = known.slot
        return standing

    def write(self) -> None:
        if self._new:
            self._connection.execute(insert(ContactRequest), self._new)


class ContactRequestStore:
    def withdraw_requests(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        """Take back the letters that have not gone and shall not, and those for steps that no case has taken: a worker asked for them
        and died before the server heard of it."""
        self._withdraw_orphaned_requests(connection, records)
        for record in records:
            if record.withdraw is not None:
                connection.execute(
                    update(ContactRequest)
                    .where(col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.state) == "pending")
                    .values(state="withdrawn", reason=record.withdraw.value, ended_at=record.now, told=True)
                )

    def _withdraw_orphaned_requests(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        pending = connection.execute(_PENDING_REQUESTS_QUERY, {"invoices": [record.case.invoice_id for record in records]})
        taken = {(record.case.invoice_id, past.step) for record in records for past in record.case.taken}
        orphans = [row.id for row in pending if (row.invoice_id, row.step) not in taken]
        if orphans:
            over = {"state": "withdrawn", "reason": "never_taken", "told": True}
            connection.execute(update(ContactRequest).where(col(ContactRequest.id).in_(orphans)).values(**over))

    def load_letter_updates(
        self, connection: Connection, records: Sequence[CaseWrite], zones: Mapping[str, ZoneInfo]
    ) -> dict[str, CaseLetterUpdates]:
        """What became of each case's letters. One that was taken back is told until the case has given its step back, for the worker that
        took it back may have died before it could say so."""
        asking = {record.case.invoice_id: record for record in records if record.case.taken}
        if not asking:
            return {}
        awaiting = [record.case.invoice_id for record in records if record.await_letter]
        if awaiting:  # before the letters are looked at: one that ends in this moment either is seen or tells
            under_way = (col(ContactRequest.invoice_id).in_(awaiting), col(ContactRequest.state).in_(UNDER_WAY_STATES))
            connection.execute(update(ContactRequest).where(*under_way).values(awaited=True))
        rows = connection.execute(
            select(
                col(ContactRequest.id),
                col(ContactRequest.invoice_id),
                col(ContactRequest.step),
                col(ContactRequest.attempt),
                col(ContactRequest.state),
                col(ContactRequest.ended_at),
                col(ContactRequest.reason),
                col(Message.message_id),
                col(Message.sha256),
            )
            .outerjoin(Message, col(Message.id) == col(ContactRequest.message_id))
            .where(col(ContactRequest.invoice_id).in_(asking))
            .order_by(col(ContactRequest.rank))
        ).all()
        found = {record.case.case_id: CaseLetterUpdates([], []) for record in asking.values()}
        waiting: set[str] = set()
        for row in rows:
            record = asking[row.invoice_id]
            letters = found[record.case.case_id]
            if row.state in UNDER_WAY_STATES:
                waiting.add(record.case.case_id)
            elif row.state in ENDED_STATES:
                zone = zones[record.case.account_id]
                item = build_letter_outcome(row.step, row.attempt, row.state, row.ended_at, zone, row.message_id, row.reason, row.sha256)
                if item.key not in record.heard:
                    letters.outcomes.append(item)
            elif row.step == _find_awaited_step(record):
                letters.withdrawn.append(row.step)
        return {case: letters._replace(under_way=case in waiting) for case, letters in found.items()}


def _find_awaited_step(record: CaseWrite) -> str | None:
    """The step whose letter the case believes to be under way; not one that it asks for only now."""
    last = record.case.taken[-1]
    return last.step if last.fate is None and not (record.ask and record.ask.step == last.step) else None
