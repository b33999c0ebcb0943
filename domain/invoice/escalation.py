"""An escalation as the invoice remembers it: one that a person made by hand, or a call of the account that was escalated and answered."""

from pydantic import BaseModel, ConfigDict

from domain.case.case_view import TaskKind
from domain.identifiers import CaseKind
from domain.invoice.requested_call import ESCALATED_CALL_PREFIX
from domain.roles import Role

_KEY_PREFIX = f"{TaskKind.ESCALATION}:"
_STEP_KEY_PREFIX = f"{TaskKind.ESCALATION}:{CaseKind.INVOICE.id_prefix}:"
"""With which the key of the task begins by which a step of the timeline escalates: nobody waits for an answer."""


class Escalation(BaseModel):
    """To people of a role; `answered_by` is None until one of them has answered."""

    model_config = ConfigDict(frozen=True)

    act_id: str
    role: Role
    by: str
    answered_by: str | None = None


def build_escalation_key(escalation: str) -> str:
    """Build the key of the task of an escalation. That of a call is its own."""
    return escalation if escalation.startswith(ESCALATED_CALL_PREFIX) else f"{_KEY_PREFIX}{escalation}"


def find_answerable_escalation(task_key: str) -> str | None:
    """The id under which the escalation of a task is answered; None for one that a step of the timeline raised."""
    if task_key.startswith(ESCALATED_CALL_PREFIX):
        return task_key
    return None if task_key.startswith(_STEP_KEY_PREFIX) else task_key.removeprefix(_KEY_PREFIX)
