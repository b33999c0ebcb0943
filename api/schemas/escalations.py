"""The bodies of an invoice's escalation and of the answer to it."""

from typing import Self

from pydantic import Field, model_validator

from api.schemas.request_body import RequestBody, example_config
from domain.invoice.commands import CallCourse
from domain.refusal import Refusal
from domain.roles import Role


class EscalationIn(RequestBody):
    """To the people of a role, who are told of the invoice by e-mail."""

    model_config = example_config(role="sales", comment="The customer says that you promised a discount.")

    role: Role
    comment: str = Field(min_length=1, max_length=10_000)


class EscalationAnswerIn(RequestBody):
    """`escalation`: the id of the act by which it was escalated, or of the call that nobody made, as worklist and history name it."""

    model_config = example_config(escalation="act:9f2c", comment="There was no such promise.")

    escalation: str = Field(min_length=1, max_length=200)
    comment: str = Field(min_length=1, max_length=10_000)
    assignee: str | None = Field(default=None, min_length=1, max_length=100, description="of a call: the user who is to make it now")
    call_off: bool = Field(default=False, description="of a call: nobody is to make it")

    @model_validator(mode="after")
    def _require_one_course(self) -> Self:
        if self.assignee and self.call_off:
            raise ValueError(Refusal("escalation.both", "a call is given to somebody, or called off; not both"))
        return self

    @property
    def course(self) -> CallCourse | None:
        return CallCourse.CALLED_OFF if self.call_off else CallCourse.ASSIGNED if self.assignee else None
