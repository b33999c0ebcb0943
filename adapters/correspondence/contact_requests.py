"""The contact requests as their invoices see them: requested, withdrawn, and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, bindparam, insert, select, update
from sqlmodel import Session, col

from adapters.correspondence.outcome_feed import ENDED_STATES, build_letter_outcome
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import ContactRequest, Invoice, Message, MessageLine
from adapters.set_aside.set_aside_store import list_resting_items
from adapters.set_aside.stages import SetAsideStage
from domain.case_write import CaseWrite
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.letter_outcome import LetterNaming, LetterOutcome
from domain.correspondence.naming import NamedAs
from domain.policy.collection_policy import StepAction

UNDER_WAY_STATES = (ContactRequestState.PENDING, ContactRequestState.CLAIMED)
REOPENABLE_STATES = (ContactRequestState.DROPPED, ContactRequestState.WITHDRAWN, ContactRequestState.REFUSED)
"""The states of a request whose step may ask again: no letter of it arrived, or will."""


_PENDING_REQUESTS_QUERY = select(col(ContactRequest.id), col(ContactRequest.invoice_id), col(ContactRequest.step)).where(
    col(ContactRequest.invoice_id).in_(bindparam("invoices", expanding=True)), col(ContactRequest.state) == ContactRequestState.PENDING
)
_KNOWN_REQUESTS_QUERY = select(
    col(ContactRequest.id),
    col(ContactRequest.invoice_id),
    col(ContactRequest.step),
    col(ContactRequest.policy_version),
    col(ContactRequest.state),
    col(ContactRequest.slot),
    col(ContactRequest.asked),
).where(col(ContactRequest.invoice_id).in_(bindparam("invoices", expanding=True)))
_LETTERS_QUERY = (
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
        col(MessageLine.named_as),
        col(Invoice.version).label("invoice_version"),
    )
    .join(Invoice, col(Invoice.id) == col(ContactRequest.invoice_id))
    .outerjoin(Message, col(Message.id) == col(ContactRequest.message_id))
    .outerjoin(
        MessageLine, and_(col(MessageLine.message_id) == col(Message.id), col(MessageLine.invoice_id) == col(ContactRequest.invoice_id))
    )
    .where(col(ContactRequest.invoice_id).in_(bindparam("invoices", expanding=True)), col(ContactRequest.asked))
    .order_by(col(ContactRequest.rank))
)


_LISTINGS_QUERY = (
    select(
        col(MessageLine.invoice_id),
        col(Message.message_id),
        col(Message.letter),
        col(Message.sent_at),
        col(Message.sha256),
    )
    .join(Message, col(Message.id) == col(MessageLine.message_id))
    .where(
        col(MessageLine.invoice_id).in_(bindparam("invoices", expanding=True)),
        col(MessageLine.named_as) == NamedAs.LISTED,
        col(Message.state) == MessageState.SENT,
    )
    .order_by(col(Message.id))
)


class CaseLetterUpdates(NamedTuple):
    """What a case has not recorded yet: outcomes of its letters, letters that listed it, and steps whose letters were withdrawn; and
    whether one is under way."""

    outcomes: list[LetterOutcome]
    withdrawn: list[str]
    named: list[LetterNaming]
    under_way: bool = False


class ContactRequestBatch:
    """The requests that the steps of a group of cases make: read together when it is built, the new ones inserted together by `write`."""

    def __init__(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        self._connection, self._new_rows = connection, list[dict[str, Any]]()
        invoice_ids = [record.case.invoice_id for record in records if record.ask and record.ask.act is StepAction.LETTER]
        rows = connection.execute(_KNOWN_REQUESTS_QUERY, {"invoices": invoice_ids}).all() if invoice_ids else []
        self._known_requests = {(row.invoice_id, row.step, row.policy_version): row for row in rows}
        self._taken_along = {(row.invoice_id, row.step): row for row in rows if not row.asked and row.state not in REOPENABLE_STATES}
        self._given_back = {(row.invoice_id, row.step): row for row in rows if row.state in REOPENABLE_STATES}

    def request_contact(self, record: CaseWrite, order: ContactOrder, slot: datetime) -> datetime:
        """Request a letter; return the slot (UTC) that the request has, which is the earlier one when it was requested before.

        One request per invoice, step and policy version; requested again after it was dropped, withdrawn or refused, it counts one attempt
        more. A letter may have taken the step along under the policy that the case had then: that request becomes the case's. So does one
        that was dropped, withdrawn or refused under an earlier policy, lest two attempts have one number.
        """
        case = record.case
        terms = _build_request_terms(order, slot)
        version = case.policy_version or 0
        step = (case.invoice_id, order.step)
        known = self._known_requests.get((*step, version)) or self._taken_along.get(step) or self._given_back.get(step)
        if known is None:
            key = {
                "invoice_id": case.invoice_id or "",
                "step": order.step,
                "policy": case.policy or "",
                "policy_version": version,
            }
            self._new_rows.append({"account_id": case.account_id, **key, **terms})
            return slot
        if known.state in REOPENABLE_STATES:
            reopened = {
                "policy": case.policy or "",
                "policy_version": version,
                "state": ContactRequestState.PENDING,
                "reason": "",
                "message_id": None,
                "ended_at": None,
                "told": False,
                "awaited": False,
                "asked": True,
            }
            attempt = col(ContactRequest.attempt) + 1
            self._connection.execute(
                update(ContactRequest).where(col(ContactRequest.id) == known.id).values(attempt=attempt, **terms, **reopened)
            )
            return slot
        if not known.asked:  # a letter took the step along: from now on its outcome is the invoice's to hear
            adopted = {"asked": True, "policy": case.policy or "", "policy_version": version}
            self._connection.execute(update(ContactRequest).where(col(ContactRequest.id) == known.id).values(**adopted))
        known_slot: datetime = known.slot
        return known_slot

    def write(self) -> None:
        """Insert the requests that are new."""
        if self._new_rows:
            self._connection.execute(insert(ContactRequest), self._new_rows)


def _build_request_terms(order: ContactOrder, slot: datetime) -> dict[str, Any]:
    """Build the columns of a request that a later order of the same step replaces."""
    contact = order.contact
    return {
        "slot": slot,
        "letter": order.letter,
        "rank": order.rank,
        "not_after": order.not_after,
        "minimum": order.minimum,
        "days_between_letters": contact.days_between_letters,
        "gather_days": contact.gather_days,
        "days_to_pay": contact.days_to_pay,
        "apart": order.apart,
        "opens": contact.hours.opens.isoformat("minutes"),
        "closes": contact.hours.closes.isoformat("minutes"),
    }


def withdraw_requests(connection: Connection, records: Sequence[CaseWrite]) -> None:
    """Withdraw the pending requests that the records take back, and those for steps that no case has taken: a worker wrote them and died
    before the server recorded the step."""
    _withdraw_orphaned_requests(connection, records)
    for record in records:
        if record.withdraw is not None:
            pending = (col(ContactRequest.invoice_id) == record.case.invoice_id, col(ContactRequest.state) == ContactRequestState.PENDING)
            withdrawn = {"state": ContactRequestState.WITHDRAWN, "reason": record.withdraw.value, "ended_at": record.now, "told": True}
            connection.execute(update(ContactRequest).where(*pending).values(withdrawn))


def _withdraw_orphaned_requests(connection: Connection, records: Sequence[CaseWrite]) -> None:
    pending = connection.execute(_PENDING_REQUESTS_QUERY, {"invoices": [record.case.invoice_id for record in records]})
    taken_steps = {(record.case.invoice_id, taken_step.step) for record in records for taken_step in record.case.taken}
    orphans = [request.id for request in pending if (request.invoice_id, request.step) not in taken_steps]
    if orphans:
        withdrawn = {"state": ContactRequestState.WITHDRAWN, "reason": "never_taken", "told": True}
        connection.execute(update(ContactRequest).where(col(ContactRequest.id).in_(orphans)).values(withdrawn))


def mark_awaited_letters(connection: Connection, records: Sequence[CaseWrite]) -> None:
    """Mark the letters under way that the cases wait for, so that their outcome is signalled at once.

    Must come before `load_letter_updates` in the same transaction: a letter that ends in between would be neither read nor signalled.
    """
    awaiting = [record.case.invoice_id for record in records if record.await_letter]
    if awaiting:
        under_way = (col(ContactRequest.invoice_id).in_(awaiting), col(ContactRequest.state).in_(UNDER_WAY_STATES))
        connection.execute(update(ContactRequest).where(*under_way).values(awaited=True))


def load_letter_updates(
    connection: Connection, records: Sequence[CaseWrite], zones: Mapping[str, ZoneInfo]
) -> dict[str, CaseLetterUpdates]:
    """Load what became of the letters of each case that has taken a step, by case id; `zones` are the customers', by account.

    A withdrawn letter is returned until the case has given its step back, for the worker that withdrew it may have died before it could.
    """
    record_of = {record.case.invoice_id: record for record in records if record.case.taken}
    if not record_of:
        return {}
    updates = {record.case.case_id: CaseLetterUpdates([], [], []) for record in record_of.values()}
    under_way: set[str] = set()
    for request in connection.execute(_LETTERS_QUERY, {"invoices": list(record_of)}).all():
        record = record_of[request.invoice_id]
        letters = updates[record.case.case_id]
        if request.state in UNDER_WAY_STATES:
            under_way.add(record.case.case_id)
        elif request.state in ENDED_STATES:
            outcome = build_letter_outcome(
                request.step,
                request.attempt,
                request.state,
                request.ended_at,
                zones[record.case.account_id],
                request.message_id,
                request.reason,
                request.sha256,
                NamedAs(request.named_as or NamedAs.DUE),
                request.invoice_version,
            )
            if outcome.key not in record.heard:
                letters.outcomes.append(outcome)
        elif request.step == _find_awaited_step(record):
            letters.withdrawn.append(request.step)
    for listing in connection.execute(_LISTINGS_QUERY, {"invoices": list(record_of)}).all():
        record = record_of[listing.invoice_id]
        day = listing.sent_at.astimezone(zones[record.case.account_id]).date()
        naming = LetterNaming(
            message_id=listing.message_id, letter=listing.letter, at=listing.sent_at, on=day, sha256=listing.sha256 or None
        )
        if naming.key not in record.heard:
            updates[record.case.case_id].named.append(naming)
    return {case_id: letters._replace(under_way=case_id in under_way) for case_id, letters in updates.items()}


def _find_awaited_step(record: CaseWrite) -> str | None:
    """Return the step whose letter the case takes to be under way; not one that it requests only now."""
    last_step = record.case.taken[-1]
    is_requested_now = record.ask is not None and record.ask.step == last_step.step
    return last_step.step if last_step.fate is None and not is_requested_now else None


def build_due_conditions(session: Session, now: datetime) -> list[Any]:
    """Build the conditions on requests whose time has come, and whose account's letters are not set aside."""
    due = [col(ContactRequest.state) == ContactRequestState.PENDING, col(ContactRequest.slot) <= now]
    if resting := list_resting_items(session, SetAsideStage.LETTER_SELECTION):
        due.append(col(ContactRequest.account_id).not_in(resting))
    return due
