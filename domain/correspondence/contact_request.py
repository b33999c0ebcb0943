"""The contact that a step of an invoice orders for the next slot."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.policy.collection_policy import ContactRules, StepAction


class ContactOrder(BaseModel):
    """A contact that a step orders. `rank` is the step's day, `not_before` and `not_after` are the customer's dates: the last one is that
    of a letter which makes sense only before the due date. `minimum`: the least open balance to chase, in minor units."""

    model_config = ConfigDict(frozen=True)

    step: str
    rank: int
    act: StepAction
    letter: str | None
    escalate_to: str | None
    not_before: date
    not_after: date | None
    contact: ContactRules
    hours_matter: bool
    catch_up_days: int
    apart: bool = False
    minimum: int = 1
