"""What a dossier tells of the account's harshest cases: credit reviews, suspensions, and what was written off; from its journal."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from domain.identifiers import approval_case_id
from domain.journal.account_entries import AccountEntry, filter_by_kind, group_by_case
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import ApprovalType
from domain.projection.case_facts import (
    ApprovalFacts,
    BookedAmount,
    ReferralFacts,
    SuspensionFacts,
    VerdictFacts,
    WarningFacts,
    WriteOffDecisionFacts,
    WriteOffFacts,
)
from domain.projection.case_history import InvoiceCurrencies


def list_referrals(account_entries: Sequence[AccountEntry]) -> list[ReferralFacts]:
    return [
        ReferralFacts(on=entry.business_date, by=entry.actor, reason=entry.get_text("reason"))
        for entry in filter_by_kind(account_entries, EntryKind.CREDIT_REVIEW_REFERRED)
    ]


def list_verdicts(account_entries: Sequence[AccountEntry]) -> list[VerdictFacts]:
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
    """The cases of an account follow one another on one chain; each begins with a request and ends with an end."""
    found: list[SuspensionFacts] = []
    for entries in group_by_case(account_entries, "suspension:"):
        running: list[AccountEntry] = []
        for entry in entries:
            running.append(entry)
            if entry.kind == EntryKind.SUSPENSION_ENDED.value:
                found += _build_suspension(running, approvals)
                running = []
        found += _build_suspension(running, approvals)
    return found


def _build_suspension(entries: Sequence[AccountEntry], approvals: Mapping[str, ApprovalFacts]) -> list[SuspensionFacts]:
    asked = list(filter_by_kind(entries, EntryKind.SUSPENSION_ASKED))
    if not asked:
        return []
    last = _last_day_by_kind(entries)
    warning, suspension = (
        _find_approval(entries, matter, approvals) for matter in (ApprovalType.SUSPENSION_WARNING, ApprovalType.SUSPENSION)
    )
    warnings = _list_warnings(entries)
    ended = next(filter_by_kind(entries, EntryKind.SUSPENSION_ENDED), None)
    extended = list(filter_by_kind(entries, EntryKind.SUSPENSION_NOTICE_EXTENDED))
    ends = [day for day in (*(one.notice_ends for one in warnings), *(entry.get_date("until") for entry in extended)) if day]
    return [
        SuspensionFacts(
            asked_on=asked[0].business_date,
            asked_by=list(dict.fromkeys(entry.actor for entry in asked)),
            warning_approved_on=warning[0],
            warning_approved_by=warning[1],
            warnings=warnings,
            notice_ends=ends[-1] if ends else None,
            extended=bool(extended),
            approved_on=suspension[0],
            approved_by=suspension[1],
            suspended_on=last.get(EntryKind.SUSPENSION_SUSPENDED),
            reinstated_on=last.get(EntryKind.SUSPENSION_REINSTATED),
            handed_over_on=last.get(EntryKind.SUSPENSION_HANDED_OVER),
            ended_on=ended.business_date if ended else None,
            ending=ended.get_text("ending") if ended else None,
        )
    ]


def _last_day_by_kind(entries: Sequence[AccountEntry]) -> dict[str, date]:
    return {entry.kind: entry.business_date for entry in entries}


def _find_approval(
    entries: Sequence[AccountEntry], approval_type: ApprovalType, approvals: Mapping[str, ApprovalFacts]
) -> tuple[date | None, list[str]]:
    """When the last approval of the matter was given, and by whom: all who signed, as the approval's own case has them."""
    numbers = {
        entry.get_int("approval")
        for entry in filter_by_kind(entries, EntryKind.SUSPENSION_APPROVAL_ASKED)
        if entry.get_text("matter") == approval_type.value
    }
    for entry in reversed(list(filter_by_kind(entries, EntryKind.SUSPENSION_APPROVAL_ANSWERED))):
        number = entry.get_int("approval")
        if number in numbers and entry.get_text("result") == "approved":
            asked = approvals.get(approval_case_id(entry.case_id, number))
            signed = [given.by for given in asked.signatures if given.word == "signed"] if asked else []
            return entry.business_date, signed or [entry.actor]
    return None, []


def _list_warnings(entries: Sequence[AccountEntry]) -> list[WarningFacts]:
    found: dict[int, WarningFacts] = {}
    for entry in entries:
        number, changes = entry.get_int("letter"), dict[str, Any]()
        match entry.kind:
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                found[number] = WarningFacts(requested_on=entry.business_date)
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                changes = {"delivered_on": entry.get_date("delivered_on"), "notice_ends": entry.get_date("notice_ends")}
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                changes = {"undelivered_because": entry.get_text("fate"), "notice_ends": None}
        if changes and number in found:
            found[number] = found[number].model_copy(update=changes)
    return list(found.values())


def build_write_off_facts(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> WriteOffFacts:
    mine = [entry for entries in group_by_case(account_entries, "write_off:") for entry in entries]
    decisions: list[WriteOffDecisionFacts] = []
    for entry in filter_by_kind(mine, EntryKind.WRITE_OFF_PROPOSED, EntryKind.WRITE_OFF_APPROVAL_ANSWERED, EntryKind.WRITE_OFF_DECIDED):
        if entry.kind == EntryKind.WRITE_OFF_PROPOSED.value:
            decisions.append(
                WriteOffDecisionFacts(
                    on=entry.business_date,
                    by=entry.actor,
                    decision=entry.get_text("decision"),
                    result="asked",
                    answered_on=None,
                    answered_by=None,
                )
            )
        elif decisions and (entry.kind == EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value or decisions[-1].result == "asked"):
            word = entry.get_text("result") or "decided"
            by = None if entry.actor == SYSTEM else entry.actor
            decisions[-1] = decisions[-1].model_copy(update={"result": word, "answered_on": entry.business_date, "answered_by": by})
    return WriteOffFacts(
        handed_over_on=[entry.business_date for entry in filter_by_kind(mine, EntryKind.WRITE_OFF_HANDED_OVER)],
        decisions=decisions,
        booked=_list_booked_amounts(mine, EntryKind.WRITE_OFF_BOOKED, currencies),
        recovered=_list_booked_amounts(mine, EntryKind.WRITE_OFF_RECOVERED, currencies),
    )


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
