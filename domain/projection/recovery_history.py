"""What a dossier tells of the account's harshest cases: credit reviews, suspensions, and what was written off; from its journal."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from domain.identifiers import approval_case
from domain.journal.account_entries import Told, by_case, of_kinds
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import Matter
from domain.projection.case_facts import (
    ApprovalFacts,
    ReferralFacts,
    SumBooked,
    SuspensionFacts,
    VerdictFacts,
    WarningFacts,
    WriteOffDecisionFacts,
    WriteOffFacts,
)
from domain.projection.case_history import Currencies


def referrals(told: Sequence[Told]) -> list[ReferralFacts]:
    return [
        ReferralFacts(on=entry.on, by=entry.actor, reason=entry.text("reason"))
        for entry in of_kinds(told, EntryKind.CREDIT_REVIEW_REFERRED)
    ]


def verdicts(told: Sequence[Told]) -> list[VerdictFacts]:
    return [
        VerdictFacts(
            on=entry.on, by=entry.actor, ability=entry.text("ability"), willingness=entry.text("willingness"), course=entry.text("course"),
            insolvent=bool(entry.facts.get("insolvent")), limit=entry.number("limit"), currency=entry.text("currency") or None,
            next_review_on=entry.day("next_review_on"),
        )
        for entry in of_kinds(told, EntryKind.CREDIT_REVIEW_VERDICT)
    ]  # fmt: skip


def suspensions(told: Sequence[Told], approvals: Mapping[str, ApprovalFacts]) -> list[SuspensionFacts]:
    """The cases of an account follow one another on one chain; each begins with a request and ends with an end."""
    found: list[SuspensionFacts] = []
    for entries in by_case(told, "suspension:"):
        running: list[Told] = []
        for entry in entries:
            running.append(entry)
            if entry.kind == EntryKind.SUSPENSION_ENDED.value:
                found += _suspension(running, approvals)
                running = []
        found += _suspension(running, approvals)
    return found


def _suspension(entries: Sequence[Told], approvals: Mapping[str, ApprovalFacts]) -> list[SuspensionFacts]:
    asked = list(of_kinds(entries, EntryKind.SUSPENSION_ASKED))
    if not asked:
        return []
    last = _last_days(entries)
    warning, suspension = (_approved(entries, matter, approvals) for matter in (Matter.SUSPENSION_WARNING, Matter.SUSPENSION))
    warnings = _warnings(entries)
    ended = next(of_kinds(entries, EntryKind.SUSPENSION_ENDED), None)
    extended = list(of_kinds(entries, EntryKind.SUSPENSION_NOTICE_EXTENDED))
    ends = [day for day in (*(one.notice_ends for one in warnings), *(entry.day("until") for entry in extended)) if day]
    return [
        SuspensionFacts(
            asked_on=asked[0].on, asked_by=list(dict.fromkeys(entry.actor for entry in asked)),
            warning_approved_on=warning[0], warning_approved_by=warning[1], warnings=warnings, notice_ends=ends[-1] if ends else None,
            extended=bool(extended), approved_on=suspension[0], approved_by=suspension[1],
            suspended_on=last.get(EntryKind.SUSPENSION_SUSPENDED), reinstated_on=last.get(EntryKind.SUSPENSION_REINSTATED),
            handed_over_on=last.get(EntryKind.SUSPENSION_HANDED_OVER), ended_on=ended.on if ended else None,
            ending=ended.text("ending") if ended else None,
        )
    ]  # fmt: skip


def _last_days(entries: Sequence[Told]) -> dict[str, date]:
    return {entry.kind: entry.on for entry in entries}


def _approved(entries: Sequence[Told], matter: Matter, approvals: Mapping[str, ApprovalFacts]) -> tuple[date | None, list[str]]:
    """When the last approval of the matter was given, and by whom: all who signed, as the approval's own case has them."""
    numbers = {
        entry.whole("approval")
        for entry in of_kinds(entries, EntryKind.SUSPENSION_APPROVAL_ASKED)
        if entry.text("matter") == matter.value
    }  # fmt: skip
    for entry in reversed(list(of_kinds(entries, EntryKind.SUSPENSION_APPROVAL_ANSWERED))):
        number = entry.whole("approval")
        if number in numbers and entry.text("result") == "approved":
            asked = approvals.get(approval_case(entry.case_id, number))
            signed = [given.by for given in asked.signatures if given.word == "signed"] if asked else []
            return entry.on, signed or [entry.actor]
    return None, []


def _warnings(entries: Sequence[Told]) -> list[WarningFacts]:
    found: dict[int, WarningFacts] = {}
    for entry in entries:
        number, changes = entry.whole("letter"), dict[str, Any]()
        match entry.kind:
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                found[number] = WarningFacts(requested_on=entry.on)
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                changes = {"delivered_on": entry.day("delivered_on"), "notice_ends": entry.day("notice_ends")}
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                changes = {"undelivered_because": entry.text("fate"), "notice_ends": None}
        if changes and number in found:
            found[number] = found[number].model_copy(update=changes)
    return list(found.values())


def write_off(told: Sequence[Told], currencies: Currencies) -> WriteOffFacts:
    mine = [entry for entries in by_case(told, "write_off:") for entry in entries]
    decisions: list[WriteOffDecisionFacts] = []
    for entry in of_kinds(mine, EntryKind.WRITE_OFF_PROPOSED, EntryKind.WRITE_OFF_APPROVAL_ANSWERED, EntryKind.WRITE_OFF_DECIDED):
        if entry.kind == EntryKind.WRITE_OFF_PROPOSED.value:
            decisions.append(
                WriteOffDecisionFacts(
                    on=entry.on, by=entry.actor, decision=entry.text("decision"), result="asked", answered_on=None, answered_by=None
                )
            )
        elif decisions and (entry.kind == EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value or decisions[-1].result == "asked"):
            word = entry.text("result") or "decided"
            by = None if entry.actor == SYSTEM else entry.actor
            decisions[-1] = decisions[-1].model_copy(update={"result": word, "answered_on": entry.on, "answered_by": by})
    return WriteOffFacts(
        handed_over_on=[entry.on for entry in of_kinds(mine, EntryKind.WRITE_OFF_HANDED_OVER)],
        decisions=decisions,
        booked=_sums(mine, EntryKind.WRITE_OFF_BOOKED, currencies),
        recovered=_sums(mine, EntryKind.WRITE_OFF_RECOVERED, currencies),
    )


def _sums(entries: Sequence[Told], kind: EntryKind, currencies: Currencies) -> list[SumBooked]:
    return [
        SumBooked(
            on=entry.on, invoice=entry.text("invoice"), currency=currencies.get(entry.text("invoice"), ""), amount=entry.whole("amount")
        )
        for entry in of_kinds(entries, kind)
    ]  # fmt: skip
