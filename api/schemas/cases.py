"""What every case of an account is shown with, and what people say of any of them."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.request_body import RequestBody, example_config
from domain.roles import Role


class CaseOut(BaseModel):
    """One case of an account. `awaiting_role` is set while people of that role are to act; `outcome` is null while it is open."""

    id: str
    account_id: str
    account_name: str
    invoice_ids: list[str]
    stage: str
    waiting_for: str
    awaiting_role: str | None
    next_step: str | None
    next_on: date | None
    outcome: str | None


class EscalationIn(RequestBody):
    """To the people of a role, who are told of the invoice by e-mail."""

    model_config = example_config(role="sales", comment="The customer says that you promised a discount.")

    role: Role
    comment: str = Field(min_length=1, max_length=10_000)


class EscalationAnswerIn(RequestBody):
    """`escalation`: the id of the act by which it was escalated, as its answer and the history name it."""

    model_config = example_config(escalation="act:9f2c", comment="There was no such promise.")

    escalation: str = Field(min_length=1, max_length=200)
    comment: str = Field(min_length=1, max_length=10_000)
