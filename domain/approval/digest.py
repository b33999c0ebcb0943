"""What people hear of approvals once a day: which events are put down for the digest, and what a person's digest lists."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.approval.delegation import Delegation
from domain.approval.summary import ApprovalSummary, choose_authority_over
from domain.case.effects import NotifyPerson, NotifyRole
from domain.roles import Actor, Role

AT_ONCE = "at_once"
"""The detail of a notice that is to be sent at once."""


class ApprovalEvent(StrEnum):
    """What somebody who is asked is told of, by the template of its notice; the weightiest first."""

    ESCALATED = "approval_escalated"
    ASKED = "approval_asked"
    REVISED = "approval_revised"
    REMINDED = "approval_reminded"


def find_digest_event(notice: NotifyRole | NotifyPerson) -> ApprovalEvent | None:
    """What the next digest is to tell; None for a notice that is sent at once."""
    is_awaited = notice.template in set(ApprovalEvent) and not notice.details.get(AT_ONCE)
    return ApprovalEvent(notice.template) if is_awaited else None


class DigestTally(BaseModel):
    """How many digests went, and how many the mail server did not certainly take."""

    model_config = ConfigDict(frozen=True)

    sent: int = 0
    failed: int = 0


class AwaitedApproval(NamedTuple):
    """An open approval, with its customer; none of the two where it is about no account."""

    case_id: str
    account_id: str
    account_name: str
    summary: ApprovalSummary

    def is_due(self, today: date, next_business_day: date) -> bool:
        """Its deadline ends before the next digest can tell of it."""
        return self.summary.due_on is not None and today <= self.summary.due_on < next_business_day


class DigestItem(NamedTuple):
    """`event`: what is new about the approval; None for one that its reader knows of."""

    approval: AwaitedApproval
    event: ApprovalEvent | None
    is_due: bool


class DigestReader(NamedTuple):
    """Who is to have a digest, and the roles in which they may act."""

    name: str
    roles: Collection[Role]

    def may_decide(self, approval: AwaitedApproval, delegations: Sequence[Delegation]) -> bool:
        """`delegations` are everybody's that are active."""
        return any(choose_authority_over(approval.summary, Actor(user=self.name, role=role), delegations) for role in self.roles)


class DigestDay(NamedTuple):
    """The business date of a digest, and that of the next one."""

    today: date
    next_business_day: date


def list_digest_items(
    reader: DigestReader,
    approvals: Iterable[AwaitedApproval],
    delegations: Sequence[Delegation],
    events: Mapping[str, Collection[ApprovalEvent]],
    day: DigestDay,
) -> list[DigestItem]:
    """What waits for the reader, what is new first, then by deadline. `events`: what the reader has not been told yet, by approval."""
    items = []
    for approval in approvals:
        if reader.may_decide(approval, delegations):
            news = events.get(approval.case_id, ())
            event = next((event for event in ApprovalEvent if event in news), None)
            items.append(DigestItem(approval, event, approval.is_due(*day)))
    return sorted(items, key=lambda item: (item.event is None, item.approval.summary.due_on or date.max, item.approval.case_id))


def is_worth_sending(items: Sequence[DigestItem]) -> bool:
    """Where nothing is new and nothing due, nobody gets a mail."""
    return any(item.event or item.is_due for item in items)
