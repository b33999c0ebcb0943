"""What lists know of the write-off of an account."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from domain.case.summary_fields import PackedWords, gather_amounts, spread_amounts
from domain.money import Money
from domain.write_off.commands import WriteOffDecision


class WriteOffSummary(BaseModel):
    """Amounts in minor units: `owed` by currency; `booked`, what was written off, and `recovered`, what was paid on it afterwards, by
    invoice and in its currency. They are stored as owed_EUR, booked_I1, recovered_I1."""

    model_config = ConfigDict(frozen=True)

    invoices: PackedWords = ()
    decision: WriteOffDecision | None = None
    proposed_by: str | None = None
    approvals: int = 0
    booked: dict[str, int] = Field(default_factory=dict)
    recovered: dict[str, int] = Field(default_factory=dict)
    owed: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_amounts(cls, stored: Any) -> Any:
        return gather_amounts(stored, booked="booked_", recovered="recovered_", owed="owed_")

    @model_serializer(mode="wrap")
    def _spread_amounts(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return spread_amounts(serialize(self), booked="booked_", recovered="recovered_", owed="owed_")

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return tuple(Money(minor=minor, currency=currency) for currency, minor in self.owed.items())
