"""Letters that cases of an account have to write: what is asked of those who write to customers."""

from pydantic import BaseModel, ConfigDict

from domain.case.effects import SendLetter
from domain.policy.collection_policy import ContactRules

SUSPENSION_WARNING_LETTER = "suspension_warning"
"""The letter by which an account's suspension is announced; its notice counts from the day of its delivery."""

DEMAND_LETTERS = frozenset({SUSPENSION_WARNING_LETTER, "suspended", "plan_offer", "plan_instalment_due", "plan_missed"})
"""Letters that ask for money, or for a word: they do not go once nothing is owed of the invoices that they name."""

DROPPABLE_LETTERS = DEMAND_LETTERS | {"dispute_received"}
"""Letters that ask, or that promise an answer: they do not go once their case is over. All others tell what happened, and always go."""


class LetterOrder(BaseModel):
    """A letter that a case asks for. `hours_matter` is False where the hour of the day is noise."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    account_id: str
    letter: SendLetter
    contact: ContactRules
    hours_matter: bool
