"""What lists know of a credit request."""

from pydantic import BaseModel, ConfigDict

from domain.money import Money


class CreditRequestSummary(BaseModel):
    """Who asks for what: `amount` in minor units of `currency`. `approvals` counts those asked for; `refused`: billing's reason."""

    model_config = ConfigDict(frozen=True)

    reduction: str = ""
    amount: int = 0
    currency: str = ""
    requester: str = ""
    approvals: int = 0
    refused: str = ""

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return (Money(minor=self.amount, currency=self.currency),) if self.currency else ()
