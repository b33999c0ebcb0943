"""What is looked at once more when somebody decides: it may have changed since the approval was asked for."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from domain.approval.delegation import Delegation


class ReviewRequest(BaseModel):
    """Of which approval, on which business date. `askers`: everybody who asked for it. `delegation`: under which it is to be signed."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    askers: list[str]
    today: date
    delegation: Delegation | None = None


class DecisionReview(BaseModel):
    """`acting_for`: those for whom one of the askers may act by delegation now. `in_force`: the delegation was made, and stands."""

    model_config = ConfigDict(frozen=True)

    acting_for: list[str] = Field(default_factory=list)
    in_force: bool = True
