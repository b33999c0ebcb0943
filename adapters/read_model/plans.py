"""A payment plan's revisions and missed instalments: from what its workflow wrote into the journal."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from adapters.read_model.journal import JournalLine
from domain.journal.entry_kinds import EntryKind

_REVISION_KINDS = {EntryKind.PLAN_PROPOSED.value, EntryKind.PLAN_REVISED.value}


class MissedInstalment(NamedTuple):
    """An instalment whose day passed; the last of its days of grace."""

    grace_until: date | None


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
