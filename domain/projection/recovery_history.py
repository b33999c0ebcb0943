"""An account's credit reviews, suspensions and write-offs, compiled from its journal. Amounts in minor units; days are business dates."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from domain.approval.result import ApprovalResult, ApprovalStage
from domain.identifiers import CaseKind, approval_case_id
from domain.journal.account_entries import AccountEntry, filter_by_kind, group_by_case
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import ApprovalType
from domain.projection.case_facts import (
    ApprovalFacts,
    BookedAmount,
    ReferralFacts,
    SignatureWord,
    SuspensionFacts,
    VerdictFacts,
    WarningFacts,
    WriteOffDecisionFacts,
    WriteOffFacts,
)
from domain.projection.case_history import InvoiceCurrencies


def list_referrals(account_entries: Sequence[AccountEntry]) -> list[ReferralFacts]:
    """List the referrals to a credit analyst, in order of the entries."""
    return [
        ReferralFacts(on=entry.business_date, by=entry.actor, reason=entry.get_text("reason"))
        for entry in filter_by_kind(account_entries, EntryKind.CREDIT_REVIEW_REFERRED)
    ]


def list_verdicts(account_entries: Sequence[AccountEntry]) -> list[VerdictFacts]:
    """List the credit analysts' verdicts, in order of the entries; `limit` in minor units of its currency."""
    return [
        VerdictFacts(
            on=entry.business_date,
            by=entry.actor,
            ability=entry.get_text("ability"),
            willingness=entry.get_text("willingness"),
            course=entry.get_text("course"),
            insolvent=bool(entry.facts.get("insolvent")),
            limit=entry.get_optional_int("limit"),
            currency=entry.get_text("currency") or None,
            next_review_on=entry.get_date("next_review_on"),
        )
        for entry in filter_by_kind(account_entries, EntryKind.CREDIT_REVIEW_VERDICT)
    ]


def list_suspensions(account_entries: Sequence[AccountEntry], approvals: Mapping[str, ApprovalFacts]) -> list[SuspensionFacts]:
    """List the suspensions; `approvals` by the approvals' case ids.

    The suspensions of an account follow one another on one chain: each begins with a request, and the next after an end.
    """
    suspensions: list[SuspensionFacts] = []
    for entries in group_by_case(account_entries, CaseKind.SUSPENSION):
        for suspension_entries in _split_after_ends(entries):
            suspension = _build_suspension(suspension_entries, approvals)
            if suspension:
                suspensions.append(suspension)
    return suspensions


def _split_after_ends(entries: Sequence[AccountEntry]) -> list[list[AccountEntry]]:
    """Split a chain after each end of a suspension; the last part is of the one that has not ended, and may be empty."""
    parts: list[list[AccountEntry]] = [[]]
    for entry in entries:
        parts[-1].append(entry)
        if entry.kind == EntryKind.SUSPENSION_ENDED.value:
            parts.append([])
    return parts


def _build_suspension(entries: Sequence[AccountEntry], approvals: Mapping[str, ApprovalFacts]) -> SuspensionFacts | None:
    requests = list(filter_by_kind(entries, EntryKind.SUSPENSION_ASKED))
    if not requests:
        return None
    last_day_of = {entry.kind: entry.business_date for entry in entries}
    warning_approval = _find_approval(entries, ApprovalType.SUSPENSION_WARNING, approvals)
    suspension_approval = _find_approval(entries, ApprovalType.SUSPENSION, approvals)
    warnings = _list_warnings(entries)
    ended = next(filter_by_kind(entries, EntryKind.SUSPENSION_ENDED), None)
    extensions = list(filter_by_kind(entries, EntryKind.SUSPENSION_NOTICE_EXTENDED))
    notice_ends = [warning.notice_ends for warning in warnings] + [extension.get_date("until") for extension in extensions]
    return SuspensionFacts(
        asked_on=requests[0].business_date,
        asked_by=list(dict.fromkeys(request.actor for request in requests)),
        warning_approved_on=warning_approval.given_on,
        warning_approved_by=warning_approval.signatories,
        warnings=warnings,
        notice_ends=next((day for day in reversed(notice_ends) if day), None),
        extended=bool(extensions),
        approved_on=suspension_approval.given_on,
        approved_by=suspension_approval.signatories,
        suspended_on=last_day_of.get(EntryKind.SUSPENSION_SUSPENDED),
        reinstated_on=last_day_of.get(EntryKind.SUSPENSION_REINSTATED),
        handed_over_on=last_day_of.get(EntryKind.SUSPENSION_HANDED_OVER),
        ended_on=ended.business_date if ended else None,
        ending=ended.get_text("ending") if ended else None,
    )


class _GivenApproval(NamedTuple):
    """The day of an approval and who signed it; None and nobody when it was not given."""

    given_on: date | None
    signatories: list[str]


def _find_approval(entries: Sequence[AccountEntry], approval_type: ApprovalType, approvals: Mapping[str, ApprovalFacts]) -> _GivenApproval:
    """Find the last approval of the type that was given, with all who signed, as the approval's own case records them."""
    numbers = {
        entry.get_int("approval")
        for entry in filter_by_kind(entries, EntryKind.SUSPENSION_APPROVAL_ASKED)
        if entry.get_text("matter") == approval_type.value
    }
    for entry in reversed(list(filter_by_kind(entries, EntryKind.SUSPENSION_APPROVAL_ANSWERED))):
        number = entry.get_int("approval")
        if number in numbers and entry.get_text("result") == ApprovalResult.APPROVED:
            approval = approvals.get(approval_case_id(entry.case_id, number))
            signatories = [signature.by for signature in approval.signatures if signature.word == SignatureWord.SIGNED] if approval else []
            return _GivenApproval(entry.business_date, signatories or [entry.actor])
    return _GivenApproval(None, [])


def _list_warnings(entries: Sequence[AccountEntry]) -> list[WarningFacts]:
    warnings: dict[int, WarningFacts] = {}
    for entry in entries:
        number, changes = entry.get_int("letter"), dict[str, Any]()
        match entry.kind:
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                warnings[number] = WarningFacts(requested_on=entry.business_date)
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                changes = {"delivered_on": entry.get_date("delivered_on"), "notice_ends": entry.get_date("notice_ends")}
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                changes = {"undelivered_because": entry.get_text("fate"), "notice_ends": None}
        if changes and number in warnings:
            warnings[number] = warnings[number].model_copy(update=changes)
    return list(warnings.values())


def build_write_off_facts(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> WriteOffFacts:
    """Build the account's write-off history; `currencies` of its invoices."""
    write_off_entries = [entry for entries in group_by_case(account_entries, CaseKind.WRITE_OFF) for entry in entries]
    handed_over = filter_by_kind(write_off_entries, EntryKind.WRITE_OFF_HANDED_OVER)
    return WriteOffFacts(
        handed_over_on=[entry.business_date for entry in handed_over],
        decisions=_list_decisions(write_off_entries),
        booked=_list_booked_amounts(write_off_entries, EntryKind.WRITE_OFF_BOOKED, currencies),
        recovered=_list_booked_amounts(write_off_entries, EntryKind.WRITE_OFF_RECOVERED, currencies),
    )


def _list_decisions(write_off_entries: Sequence[AccountEntry]) -> list[WriteOffDecisionFacts]:
    """List the decisions, each with its approval's answer; one that needs no approval is answered when it is decided."""
    decisions: list[WriteOffDecisionFacts] = []
    for entry in filter_by_kind(
        write_off_entries, EntryKind.WRITE_OFF_PROPOSED, EntryKind.WRITE_OFF_APPROVAL_ANSWERED, EntryKind.WRITE_OFF_DECIDED
    ):
        if entry.kind == EntryKind.WRITE_OFF_PROPOSED.value:
            decisions.append(
                WriteOffDecisionFacts(
                    on=entry.business_date,
                    by=entry.actor,
                    decision=entry.get_text("decision"),
                    result=ApprovalStage.ASKED,
                    answered_on=None,
                    answered_by=None,
                )
            )
        elif decisions and (entry.kind == EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value or decisions[-1].result == ApprovalStage.ASKED):
            result = entry.get_text("result") or "decided"
            answered_by = None if entry.actor == SYSTEM else entry.actor
            answer = {"result": result, "answered_on": entry.business_date, "answered_by": answered_by}
            decisions[-1] = decisions[-1].model_copy(update=answer)
    return decisions


def _list_booked_amounts(entries: Sequence[AccountEntry], kind: EntryKind, currencies: InvoiceCurrencies) -> list[BookedAmount]:
    return [
        BookedAmount(
            on=entry.business_date,
            invoice=entry.get_text("invoice"),
            currency=currencies.get(entry.get_text("invoice"), ""),
            amount=entry.get_int("amount"),
        )
        for entry in filter_by_kind(entries, kind)
    ]
