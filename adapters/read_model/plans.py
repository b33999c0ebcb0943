"""A payment plan's terms and revisions: from what its workflow wrote into the read model and the journal."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from adapters.read_model.journal import JournalLine
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.instalments import Instalment, Schedule

_MAKES = {EntryKind.PLAN_PROPOSED.value, EntryKind.PLAN_REVISED.value}


class Missed(NamedTuple):
    """An instalment whose day passed; the last of its days of grace."""

    grace_until: date | None


class Put(NamedTuple):
    """Terms as the summary holds them: the revision's number, and its schedule."""

    revision: int
    schedule: Schedule


def terms_shown(said: dict[str, Any]) -> Put:
    """Those in force or, before any are, those under negotiation or last negotiated."""
    if said.get("agreed") is not None:
        return Put(said["agreed"], _schedule(said["agreed_schedule"], said["agreed_total"]))
    return _under_negotiation(said)


def terms_proposed(said: dict[str, Any]) -> Put | None:
    """Those that are to take the place of those in force; None when nobody put any forward."""
    renegotiated = said.get("agreed") is not None and said["revision"] != said["agreed"]
    return _under_negotiation(said) if renegotiated else None


def _under_negotiation(said: dict[str, Any]) -> Put:
    return Put(said["revision"], _schedule(said["schedule"], said["total"]))


def _schedule(text: str, total: int) -> Schedule:
    """The instalments as day:amount:interest in minor units, parted by spaces. What of the total they lack was paid before them."""
    lines = [line.split(":") for line in text.split()]
    instalments = tuple(
        Instalment(number=number, due_on=date.fromisoformat(day), principal=int(amount) - int(interest), interest=int(interest))
        for number, (day, amount, interest) in enumerate(lines, 1)
    )
    return Schedule(instalments=instalments, paid_before=total - sum(one.amount for one in instalments))


def revisions(chain: Sequence[JournalLine]) -> list[JournalLine]:
    return [line for line in chain if line.kind in _MAKES]


def fates(chain: Sequence[JournalLine]) -> dict[int, JournalLine]:
    """What the journal said last of each revision."""
    return {line.facts["revision"]: line for line in chain if line.facts.get("revision") is not None and line.kind not in _MAKES}


def missed_now(chain: Sequence[JournalLine]) -> dict[int, Missed]:
    """The instalments that were missed and are not paid. Those of accepted terms are counted afresh."""
    missed: dict[int, Missed] = {}
    for line in chain:
        if line.kind == EntryKind.PLAN_ACCEPTED:
            missed = {}
        elif line.kind == EntryKind.PLAN_INSTALMENT_MISSED:
            until = line.facts.get("grace_until")
            missed[line.facts["instalment"]] = Missed(date.fromisoformat(until) if until else None)
        elif line.kind == EntryKind.PLAN_INSTALMENT_PAID:
            missed.pop(line.facts["instalment"], None)
    return missed
