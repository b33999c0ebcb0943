"""A payment plan's terms and revisions: from what its workflow wrote into the read model and the journal."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from adapters.read_model.journal import JournalLine
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.instalments import Instalment, InstalmentSchedule

_REVISION_KINDS = {EntryKind.PLAN_PROPOSED.value, EntryKind.PLAN_REVISED.value}


class MissedInstalment(NamedTuple):
    """An instalment whose day passed; the last of its days of grace."""

    grace_until: date | None


class RevisionSchedule(NamedTuple):
    """Terms as the summary holds them: the revision's number, and its schedule."""

    revision: int
    schedule: InstalmentSchedule


def parse_current_terms(summary: dict[str, Any]) -> RevisionSchedule:
    """Those in force or, before any are, those under negotiation or last negotiated."""
    if summary.get("agreed") is not None:
        return RevisionSchedule(summary["agreed"], _parse_schedule(summary["agreed_schedule"], summary["agreed_total"]))
    return _parse_negotiated_terms(summary)


def parse_proposed_terms(summary: dict[str, Any]) -> RevisionSchedule | None:
    """Those that are to take the place of those in force; None when nobody put any forward."""
    renegotiated = summary.get("agreed") is not None and summary["revision"] != summary["agreed"]
    return _parse_negotiated_terms(summary) if renegotiated else None


def _parse_negotiated_terms(summary: dict[str, Any]) -> RevisionSchedule:
    return RevisionSchedule(summary["revision"], _parse_schedule(summary["schedule"], summary["total"]))


def _parse_schedule(text: str, total: int) -> InstalmentSchedule:
    """The instalments as day:amount:interest in minor units, parted by spaces. What of the total they lack was paid before them."""
    lines = [line.split(":") for line in text.split()]
    instalments = tuple(
        Instalment(number=number, due_on=date.fromisoformat(day), principal=int(amount) - int(interest), interest=int(interest))
        for number, (day, amount, interest) in enumerate(lines, 1)
    )
    return InstalmentSchedule(instalments=instalments, paid_before=total - sum(one.amount for one in instalments))


def list_revisions(chain: Sequence[JournalLine]) -> list[JournalLine]:
    return [line for line in chain if line.kind in _REVISION_KINDS]


def find_revision_fates(chain: Sequence[JournalLine]) -> dict[int, JournalLine]:
    """What the journal said last of each revision."""
    return {line.facts["revision"]: line for line in chain if line.facts.get("revision") is not None and line.kind not in _REVISION_KINDS}


def find_missed_instalments(chain: Sequence[JournalLine]) -> dict[int, MissedInstalment]:
    """The instalments that were missed and are not paid. Those of accepted terms are counted afresh."""
    missed: dict[int, MissedInstalment] = {}
    for line in chain:
        if line.kind == EntryKind.PLAN_ACCEPTED:
            missed = {}
        elif line.kind == EntryKind.PLAN_INSTALMENT_MISSED:
            until = line.facts.get("grace_until")
            missed[line.facts["instalment"]] = MissedInstalment(date.fromisoformat(until) if until else None)
        elif line.kind == EntryKind.PLAN_INSTALMENT_PAID:
            missed.pop(line.facts["instalment"], None)
    return missed
