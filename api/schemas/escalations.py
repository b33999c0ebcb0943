"""The bodies of an invoice's escalation and of the answer to it."""

from pydantic import Field

from api.schemas.request_body import RequestBody, example_config
from domain.roles import Role


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
