"""What the workflow of every case starts with."""

from typing import Any, Self

from pydantic import BaseModel

from domain.clock import Clock


class CaseInput(BaseModel):
    """The `clock` by which the case lives until it is signalled another.

    `separates_tasks` is True for every run that is started now, and False for one whose history began before there was a `TaskSeparator`
    (docs/decisions/0023): such a run goes on without, because its history may lack the separator's commands.

    `binds_facts` is likewise True for every run that is started now: the approvals that it asks for are revised in place when their facts
    change, and an invoice reports promises to the cases that follow it (docs/decisions/0025).
    """

    clock: Clock
    separates_tasks: bool = False
    binds_facts: bool = False

    def for_next_run(self, clock: Clock, **changes: Any) -> Self:
        """Return the input of the run that goes on after this one. `changes`: the fields of the kind of case that differ."""
        return self.model_copy(update={"clock": clock, "separates_tasks": True, "binds_facts": True, **changes})
