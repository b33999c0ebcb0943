"""What an invoice is told when a later version of its policy is to reach it."""

from pydantic import BaseModel, ConfigDict

from domain.policy.collection_policy import PolicySnapshot


class PolicyMove(BaseModel):
    """The version to go on by, and the case (`adoption`) that was allowed to move the invoices."""

    model_config = ConfigDict(frozen=True)

    policy: PolicySnapshot
    adoption: str
