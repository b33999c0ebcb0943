"""What an invoice's step asks of the next contact slot."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.policy.collection_policy import ContactRules, StepAction


class ContactOrder(BaseModel):
    """A step asks for contact. `not_after` is the last day on which a letter that makes sense only before the due date may go."""

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
    minimum: int = 1
