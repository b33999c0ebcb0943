"""What the workflow of every case starts with."""

from typing import Any, Self

from pydantic import BaseModel, Field

from domain.case.account_case import AccountCase
from domain.case.effects import Effect
from domain.clock import Clock
from domain.correspondence.contact_request import ContactOrder
from domain.journal.journal import SYSTEM


class Recovery(BaseModel):
    """Why a case whose run was lost is begun again from its last state, and what that state has not taken in yet.

    `reason` says what became of the run, and `run_id` names the first of those that it went on from. `dropped` names the messages of it
    that are not sent again. `ask` and `answer` are what the last journal write asked for and was answered, as JSON; the run may not have
    heard of it.
    """

    reason: str = ""
    run_id: str = ""
    actor: str = SYSTEM
    dropped: list[str] = Field(default_factory=list)
    ask: ContactOrder | None = None
    answer: dict[str, Any] | None = None


class CaseInput(BaseModel):
    """The `clock` by which the case lives until it is signalled another.

    `separates_tasks` is True for every run that is started now, and False for one whose history began before there was a `TaskSeparator`
    (docs/decisions/0023): such a run goes on without, because its history may lack the separator's commands.

    `binds_facts` is likewise True for every run that is started now: the approvals that it asks for are revised in place when their facts
    change, and an invoice reports promises to the cases that follow it (docs/decisions/0025).

    `recovery` is set for a run that begins a lost one again (docs/decisions/0040).
    """

    clock: Clock
    separates_tasks: bool = False
    binds_facts: bool = False
    recovery: Recovery | None = None

    def for_next_run(self, clock: Clock, **changes: Any) -> Self:
        """Return the input of the run that goes on after this one. `changes`: the fields of the kind of case that differ."""
        return self.model_copy(update={"clock": clock, "separates_tasks": True, "binds_facts": True, "recovery": None, **changes})


_KEPT_APART: dict[str, Any] = {
    "clock": True,
    "recovery": True,
    "policy": {"text"},
    "matrix": {"text"},
    "case": {"snapshot": {"text"}, "matrix": {"text"}},
}
"""Policies and matrices are kept once, by name and version, and not with every case. A run that goes on has the clock of the day when it
does."""


def dump_next_run(start: CaseInput, clock: Clock, case: AccountCase, under_way: list[Effect]) -> str | None:
    """Return the input of the run that would go on after this one, were it lost now, as the text of a JSON object; None for a kind of case
    whose runs are too short to be handed on. `under_way`: the effects that were begun and are not finished. What is pending is being
    written.

    Defaults are left out: a worker keeps what was written in the memory of each of its cases. With effects they are not, for the name by
    which one is told from another is the default of its class."""
    if "case" not in type(start).model_fields:
        return None
    written = case.journal.model_copy(update={"pending": []})
    outbox = [*under_way, *case.outbox]
    state = case.model_copy(update={"journal": written, "outbox": outbox})
    return start.for_next_run(clock, case=state).model_dump_json(exclude=_KEPT_APART, exclude_defaults=not outbox)
