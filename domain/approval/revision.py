"""How an approval takes in that its facts have changed: in place, under the same id, and known to those who were asked."""

from datetime import date

from domain.approval.approval_case import ApprovalCase
from domain.approval.commands import DecideApproval
from domain.approval.facts import (
    DecisionFacts,
    FactsRevision,
    StaleFacts,
    build_facts_entry,
    compare_facts,
    list_unreported_changes,
    merge_changes,
)
from domain.approval.review import DecisionReview, ReviewRequest
from domain.case.asked_invoice import list_invoice_ids
from domain.case.effects import ReviseApproval
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_matrix import ApprovalRequest
from domain.roles import is_same_person


def build_review_request(case: ApprovalCase, today: date, command: DecideApproval | None = None) -> ReviewRequest:
    """What is to be read again, before a decision or because the case that asks has reported a change."""
    known, change = case.facts, case.pending_revision
    latest = change or known
    return ReviewRequest(
        account_id=case.journal.account_id,
        askers=_list_askers(case, change),
        today=today,
        delegation=command.delegation if command else None,
        amounts=latest.amounts if latest else {},
        invoices=((change.invoices if change else []) or known.asked_invoices) if known else None,
        reason=latest.reason if latest else "",
        note_id=latest.note_id if latest else None,
    )


def _list_askers(case: ApprovalCase, change: ReviseApproval | None) -> list[str]:
    if change is None or change.requester is None:
        return case.participants.askers
    return [change.requester, *change.also_asked]


def apply_revision(case: ApprovalCase, change: ReviseApproval | None, review: DecisionReview, at: Moment) -> None:
    """Take in what the case that asks has reported, and what else was found when it was looked up. It may lapse by that.

    Where more is asked for than before, or by somebody who has signed, nobody has agreed to that: the first tier is asked anew.
    """
    case.pending_revision = None
    case.apply_review(review)
    if case.is_ended or case.facts is None or review.facts is None:
        return
    signer_asks = _take_in_askers(case, change)
    if change and case.apply_request_change(_build_question(case, change), at):
        return
    changes = compare_facts(case.facts, review.facts)
    if not changes:
        return
    before, case.facts = case.facts, review.facts
    case.facts_version += 1
    case.revisions.append(FactsRevision(version=case.facts_version, on=at.business.date(), changes=changes))
    _update_subject(case, review.facts)
    void = len(case.signatures) if signer_asks or review.facts.asks_for_more_than(before) else 0
    case.write_entry(
        EntryKind.APPROVAL_REVISED,
        at,
        SYSTEM,
        matter=case.question.matter.value,
        amount=case.question.amount,
        currency=case.question.currency,
        **case.list_other_amounts(),
        **build_facts_entry(case.facts, case.facts_version),
        changed=" ".join(dict.fromkeys(change.fact.value for change in changes)),
        **({"void_signatures": void} if void else {}),
    )
    if void:
        case.signatures, case.tier = [], 0
        case.open_current_tier(at)
    else:
        case.notify_revised(at)


def _take_in_askers(case: ApprovalCase, change: ReviseApproval | None) -> bool:
    """Whether somebody asks by now who has signed."""
    if change is None or change.requester is None:
        return False
    case.requester, case.also_asked = change.requester, list(change.also_asked)
    signers = case.participants.signers
    return any(is_same_person(asker, signer) for asker in case.participants.askers for signer in signers)


def _build_question(case: ApprovalCase, change: ReviseApproval) -> ApprovalRequest:
    amounts = change.model_dump(include={"amount", "currency", "other_amounts"})
    return case.question.model_copy(update=amounts)


def _update_subject(case: ApprovalCase, facts: DecisionFacts) -> None:
    """The details that state amounts state those of now."""
    details = {name: value for name, value in case.subject.details.items() if not name.startswith("owed_")}
    if len(details) < len(case.subject.details):
        details |= {f"owed_{currency}": amount for currency, amount in sorted(facts.amounts.items())}
    case.subject = case.subject.model_copy(update={"invoice_ids": list_invoice_ids(facts.asked_invoices), "details": details})


def find_stale_facts(case: ApprovalCase, command: DecideApproval) -> StaleFacts | None:
    """By what the facts differ from those on which the decision was made; None where they do not, and where it names no version."""
    if case.facts is None or command.facts_version is None or command.facts_version == case.facts_version:
        return None
    later = [revision for revision in case.revisions if revision.version > command.facts_version]
    return StaleFacts(facts_version=case.facts_version, changes=merge_changes(later))


def find_unreported_changes(case: ApprovalCase, command: DecideApproval, review: DecisionReview) -> StaleFacts | None:
    """What billing has booked that the case that asks has not heard of yet: the next version will say it."""
    if case.facts is None or command.facts_version is None:
        return None
    changes = list_unreported_changes(case.facts.invoices, review.balances)
    return StaleFacts(facts_version=case.facts_version, changes=changes) if changes else None
