"""Money in and out: decimal strings in major units with their currency, never a JSON number."""

import re
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.schemas.request_body import TextBody
from domain.money import MAX_MINOR_UNITS, Currency, Money, minor_digits
from domain.refusal import Refusal

_decimal_pattern = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,4})?")


def _validate_decimal(text: str) -> str:
    if not _decimal_pattern.fullmatch(text):
        raise ValueError("write the amount as a decimal string in major units, for example '12.34'")
    return text


class Amount(BaseModel):
    """An amount in major units of its currency, up to 10^13 minor units: 100,000,000,000 euros."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount": "12.34", "currency": "EUR"}})

    amount: Annotated[str, AfterValidator(_validate_decimal)]
    currency: Currency = Field(description="ISO 4217")

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        return cls(amount=f"{Money(minor=minor, currency=currency).major:f}", currency=currency)

    @property
    def minor(self) -> int:
        return Money.from_major(Decimal(self.amount), self.currency).minor


def build_currency_refusal(currency: str) -> Refusal:
    return Refusal("amount.currency", "the invoice is in {currency}; write the amount in {currency} too", currency=currency)


class PositiveAmount(Amount, TextBody):
    """More than nothing, and no finer than the currency's minor unit."""

    @model_validator(mode="after")
    def _validate_payable(self) -> Self:
        amount, digits = Decimal(self.amount), minor_digits(self.currency)
        if amount <= 0:
            raise ValueError(Refusal("amount.zero", "the amount must be more than zero"))
        if amount != round(amount, digits):
            raise ValueError(
                Refusal("amount.decimals", "{currency} has {digits} decimals; write no more", currency=self.currency, digits=digits)
            )
        if self.minor > MAX_MINOR_UNITS:
            most = Money(minor=MAX_MINOR_UNITS, currency=self.currency).major
            raise ValueError(
                Refusal("amount.too_much", "the amount is more than one item can be over; write at most {most}", most=f"{most:f}")
            )
        return self
