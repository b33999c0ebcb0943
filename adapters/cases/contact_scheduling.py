"""Give each contact that a step orders its slot, and the request or tasks that follow from it."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from adapters.cases.call_tasks import CallOrder
from adapters.correspondence.business_days import get_business_day_check
from adapters.correspondence.contact_requests import ContactRequestBatch
from adapters.database.tables import Task
from domain.case.case_view import TaskKind
from domain.case_write import CaseWrite
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.contact_slots import find_first_slot
from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
from domain.policy.collection_policy import StepAction


class ContactAccount(NamedTuple):
    """An account's country, whose holidays count, the time zone of its contact hours, and the collector who makes calls."""

    country: str
    zone: ZoneInfo
    collector: str | None


class ScheduledContact(NamedTuple):
    """The date of the contact in the customer's time zone; or the outcome of a letter that finds no slot before its last day."""

    contact_on: date | None
    lapsed_letter: LetterOutcome | None = None


class ContactScheduler:
    """Schedules the contacts of one batch of records. `calls` and `tasks` collect calls and escalations, which the caller writes."""

    def __init__(self, connection: Connection, records: Sequence[CaseWrite]) -> None:
        self._requests = ContactRequestBatch(connection, records)
        self.tasks: list[Task] = []
        self.calls: list[CallOrder] = []

    def schedule(self, record: CaseWrite, order: ContactOrder, account: ContactAccount) -> ScheduledContact:
        """Find the first slot in the customer's contact hours and book the letter, the call or the escalation for it."""
        now = record.now if order.hours_matter else None
        not_before = max(order.not_before, record.now.date())
        slot = find_first_slot(not_before, now, account.zone, order.contact.hours, get_business_day_check(account.country))
        day = slot.astimezone(account.zone).date()
        if order.act is StepAction.CALL:
            self.calls.append(_build_call_order(record, order.step, account.collector, day))
        if order.escalate_to:
            self.tasks.append(_build_escalation_task(record, order.step, order.escalate_to, day))
        if order.act is not StepAction.LETTER:
            return ScheduledContact(day)
        if order.not_after is not None and day > order.not_after:
            return ScheduledContact(None, _build_lapsed_outcome(record, order, day))
        requested_slot = self._requests.request_contact(record, order, slot)
        return ScheduledContact(requested_slot.astimezone(account.zone).date())

    def write_requests(self) -> None:
        """Write the letters' requests that are new."""
        self._requests.write()


def _build_lapsed_outcome(record: CaseWrite, order: ContactOrder, day: date) -> LetterOutcome:
    """Build the outcome of a letter that makes sense only before the due date, and finds no slot before it."""
    return LetterOutcome(step=order.step, attempt=0, fate=LetterResult.DROPPED, at=record.now, on=day, reason=DropReason.LAPSED.value)


def _build_call_order(record: CaseWrite, step: str, collector: str | None, due_on: date) -> CallOrder:
    case = record.case
    return CallOrder(
        key=f"{TaskKind.CALL}:{case.case_id}:{step}",
        account_id=case.account_id,
        invoice_id=case.invoice_id or "",
        step=step,
        assignee=collector,
        due_on=due_on,
    )


def _build_escalation_task(record: CaseWrite, step: str, role: str, due_on: date) -> Task:
    case = record.case
    return Task(
        key=f"{TaskKind.ESCALATION}:{case.case_id}:{step}",
        kind=TaskKind.ESCALATION,
        account_id=case.account_id,
        invoice_id=case.invoice_id,
        role=role,
        due_on=due_on,
    )
