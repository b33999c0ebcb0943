"""The suspensions of accounts, as their invoices, lists and pages name them: where each stands, since when, by whom, and what ends it."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, literal, or_, select
from sqlmodel import Session, col

from adapters.database.tables import Account, Case, JournalEntry
from domain import identifiers as ids
from domain.approval.result import ApprovalResult
from domain.approval.summary import ApprovalSummary
from domain.case_summary import parse_case_summary
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role
from domain.suspension.state import SUSPENDED_STAGES, SuspensionStage
from domain.suspension.summary import SuspensionSummary

STAGE_SUSPENDED = SuspensionStage.SUSPENDED.value
"""The stage of an open invoice whose account's service is off, whatever step its timeline has reached."""

_STAGE_ENTRY_KINDS = (
    EntryKind.SUSPENSION_ASKED,
    EntryKind.SUSPENSION_BEGUN_ANEW,
    EntryKind.SUSPENSION_SPARED,
    EntryKind.SUSPENSION_WARNING_REQUESTED,
    EntryKind.SUSPENSION_WARNING_DELIVERED,
    EntryKind.SUSPENSION_WARNING_UNDELIVERED,
    EntryKind.SUSPENSION_ORDERED,
    EntryKind.SUSPENSION_SUSPENDED,
    EntryKind.SUSPENSION_HANDED_OVER,
    EntryKind.SUSPENSION_HANDED_BACK,
    EntryKind.SUSPENSION_REINSTATEMENT_ORDERED,
    EntryKind.SUSPENSION_APPROVAL_ASKED,
    EntryKind.SUSPENSION_APPROVAL_ANSWERED,
)
"""The entries by which a suspension reaches a stage, or an approval of it its answer."""


class SuspensionStanding(BaseModel):
    """Where an account's suspension stands. Days are business dates; `since`: when it came to stand there.

    `standing` is the stage, or `returned`, `undelivered`, `spared` where that is what it waits for, or `ended` when the service is off and
    no case is left. `signed_off_by`: who gave the last word that was needed. `awaited_roles`: whose people may decide its open approval.
    """

    model_config = ConfigDict(frozen=True)

    account_id: str
    case_id: str | None
    standing: str
    since: date | None
    suspended_on: date | None
    asked_by: tuple[str, ...] = ()
    signed_off_by: str | None = None
    awaited_roles: tuple[Role, ...] = ()
    notice_ends: date | None = None
    hand_over_on: date | None = None
    invoices: tuple[str, ...] = ()

    @property
    def is_suspended(self) -> bool:
        """The account's service is off."""
        return self.suspended_on is not None


class _StageEntry(NamedTuple):
    kind: str
    on: date
    actor: str
    result: str


def load_account_suspensions(session: Session, account_ids: Collection[str]) -> dict[str, SuspensionStanding]:
    """Return the suspension of each account that is suspended, or that somebody asked to suspend; by account."""
    is_asked = and_(col(Case.case_id).is_not(None), col(Case.outcome).is_(None))
    statement = (
        select(col(Account.id), col(Account.suspended_on), Case)
        .outerjoin(Case, col(Case.case_id) == literal(ids.suspension_case_id("")) + col(Account.id))
        .where(col(Account.id).in_(sorted(set(account_ids))), or_(col(Account.suspended_on).is_not(None), is_asked))
    )
    found = session.execute(statement).all()
    cases = [case for _, _, case in found if case]
    entries = _load_stage_entries(session, [case.case_id for case in cases])
    approvals = _load_open_approvals(session, cases)
    return {account: _build_suspension(account, case, suspended_on, entries, approvals) for account, suspended_on, case in found}


def _load_stage_entries(session: Session, case_ids: list[str]) -> dict[str, list[_StageEntry]]:
    if not case_ids:
        return {}
    columns = (
        col(JournalEntry.case_id),
        col(JournalEntry.kind),
        col(JournalEntry.business_at),
        col(JournalEntry.actor),
        col(JournalEntry.facts),
    )
    statement = select(*columns).where(
        col(JournalEntry.case_id).in_(case_ids), col(JournalEntry.kind).in_([kind.value for kind in _STAGE_ENTRY_KINDS])
    )
    found: dict[str, list[_StageEntry]] = {}
    for case_id, kind, at, actor, facts in session.execute(statement.order_by(col(JournalEntry.case_id), col(JournalEntry.seq))):
        found.setdefault(case_id, []).append(_StageEntry(kind, at.date(), actor, str(facts.get("result") or "")))
    return found


def _load_open_approvals(session: Session, cases: Iterable[Case]) -> dict[str, ApprovalSummary]:
    """The open approval of each suspension, by the suspension's id."""
    names = {}
    for case in cases:
        summary = parse_case_summary(case.kind, case.summary)
        if isinstance(summary, SuspensionSummary) and summary.approvals:
            names[ids.approval_case_id(case.case_id, summary.approvals)] = case.case_id
    statement = select(col(Case.case_id), col(Case.summary)).where(col(Case.case_id).in_(sorted(names)), col(Case.outcome).is_(None))
    parsed = ((row.case_id, parse_case_summary(CaseKind.APPROVAL, row.summary)) for row in session.execute(statement)) if names else ()
    return {names[case_id]: summary for case_id, summary in parsed if isinstance(summary, ApprovalSummary)}


def _build_suspension(
    account_id: str,
    case: Case | None,
    suspended_on: date | None,
    entries: dict[str, list[_StageEntry]],
    approvals: dict[str, ApprovalSummary],
) -> SuspensionStanding:
    summary = parse_case_summary(case.kind, case.summary) if case else None
    if case is None or not isinstance(summary, SuspensionSummary):
        return SuspensionStanding(
            account_id=account_id, case_id=None, standing=SuspensionStage.ENDED, since=suspended_on, suspended_on=suspended_on
        )
    written, approval = entries.get(case.case_id, []), approvals.get(case.case_id)
    standing = _find_standing(case, summary)
    approved = [entry for entry in written if entry.result == ApprovalResult.APPROVED.value]
    return SuspensionStanding(
        account_id=account_id,
        case_id=case.case_id,
        standing=standing,
        since=_find_since(standing, written, suspended_on, approval),
        suspended_on=suspended_on,
        asked_by=summary.askers,
        signed_off_by=approved[-1].actor if approved and suspended_on else None,
        awaited_roles=approval.roles if approval else (),
        notice_ends=summary.notice_ends,
        hand_over_on=summary.hand_over_on if case.stage == SuspensionStage.SUSPENDED else None,
        invoices=summary.invoices,
    )


def _find_standing(case: Case, summary: SuspensionSummary) -> str:
    if case.outcome is not None:
        return SuspensionStage.ENDED
    if summary.returned:
        return ApprovalResult.RETURNED
    if case.stage in SUSPENDED_STAGES:
        return case.stage
    if summary.spared:
        return "spared"
    return "undelivered" if summary.undelivered else case.stage


_REACHED_BY: dict[str, tuple[EntryKind, ...]] = {
    SuspensionStage.ASKED: (EntryKind.SUSPENSION_ASKED, EntryKind.SUSPENSION_BEGUN_ANEW),
    SuspensionStage.WARNING_APPROVAL: (EntryKind.SUSPENSION_APPROVAL_ASKED,),
    SuspensionStage.WARNING: (EntryKind.SUSPENSION_WARNING_REQUESTED,),
    SuspensionStage.NOTICE: (EntryKind.SUSPENSION_WARNING_DELIVERED,),
    SuspensionStage.SIGN_OFF: (EntryKind.SUSPENSION_APPROVAL_ASKED,),
    SuspensionStage.SUSPENDING: (EntryKind.SUSPENSION_ORDERED,),
    SuspensionStage.HANDED_OVER: (EntryKind.SUSPENSION_HANDED_OVER,),
    SuspensionStage.REINSTATING: (EntryKind.SUSPENSION_REINSTATEMENT_ORDERED,),
    ApprovalResult.RETURNED: (EntryKind.SUSPENSION_APPROVAL_ANSWERED,),
    "undelivered": (EntryKind.SUSPENSION_WARNING_UNDELIVERED,),
    "spared": (EntryKind.SUSPENSION_SPARED,),
}
"""The last of which entries brought it to where it stands."""


def _find_since(standing: str, entries: list[_StageEntry], suspended_on: date | None, approval: ApprovalSummary | None) -> date | None:
    """A question that was put again after a revision has waited since it was put last."""
    if standing in (SuspensionStage.SUSPENDED, SuspensionStage.ENDED):
        return suspended_on
    if approval is not None and approval.asked_on is not None and standing in (SuspensionStage.WARNING_APPROVAL, SuspensionStage.SIGN_OFF):
        return approval.asked_on
    kinds = _REACHED_BY.get(standing, ())
    days = [entry.on for entry in entries if entry.kind in kinds]
    return days[-1] if days else None
