"""An escalation that a person made by hand, as the invoice remembers it."""

from pydantic import BaseModel, ConfigDict

from domain.roles import Role


class Escalation(BaseModel):
    """By hand, to people of a role; `answered_by` is None until one of them has answered."""

    model_config = ConfigDict(frozen=True)

    act_id: str
    role: Role
    by: str
    answered_by: str | None = None
