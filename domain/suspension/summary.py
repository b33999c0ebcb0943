"""What lists know of an account's suspension."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from domain.case.summary_fields import PackedWords, gather_amounts, spread_amounts
from domain.money import Money


class SuspensionSummary(BaseModel):
    """Days are business dates. `warned`: the invoices that the current warning names. `askers`: who asked, the last one last.

    `owed`: what is to be paid and not disputed, in minor units by currency; stored as owed_EUR.
    """

    model_config = ConfigDict(frozen=True)

    invoices: PackedWords = ()
    warned: PackedWords = ()
    askers: PackedWords = ()
    prepaid: bool = False
    spared: bool = False
    undelivered: bool = False
    returned: bool = False
    extended_days: int = 0
    approvals: int = 0
    delivered_on: date | None = None
    notice_ends: date | None = None
    suspended_on: date | None = None
    hand_over_on: date | None = None
    owed: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_owed(cls, stored: Any) -> Any:
        return gather_amounts(stored, owed="owed_")

    @model_serializer(mode="wrap")
    def _spread_owed(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spread_amounts(serialize(self), owed="owed_")

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return tuple(Money(minor=minor, currency=currency) for currency, minor in self.owed.items())
