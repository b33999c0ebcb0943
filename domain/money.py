"""Money: whole minor units and an ISO 4217 code, never a float, never added across currencies."""

from collections import Counter
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Annotated

from babel.core import get_global
from babel.numbers import get_currency_precision
from pydantic import AfterValidator, BaseModel, ConfigDict

CURRENCIES: frozenset[str] = frozenset(get_global("all_currencies"))
"""The ISO 4217 codes that Babel (from CLDR) knows. Read at import, for a workflow may open no file."""

MAX_MINOR_UNITS = 10**13
"""The most that one item can be over, in minor units: a thousandfold of it, and sums over all items, still fit in 64 bits."""

NO_CURRENCY = "XXX"
"""ISO 4217 for what is about no money. No amount is shown in it."""


_ISO_DIGITS = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SLL", "SOS", "SYP", "YER"), 2),
    "IQD": 3,
}
"""Where CLDR, which says how amounts are usually shown, knows fewer decimals than ISO 4217, in which invoices are written."""


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """How many decimals the currency has by ISO 4217: 2 for EUR and RSD, 0 for JPY, 3 for KWD."""
    return _ISO_DIGITS.get(currency, get_currency_precision(currency))


def _require_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(f"{code!r} is not an ISO 4217 currency code; write three capital letters such as EUR")
    return code


Currency = Annotated[str, AfterValidator(_require_currency)]


class Money(BaseModel):
    """An amount in minor units (cents) of one currency."""

    model_config = ConfigDict(frozen=True)

    minor: int
    currency: Currency

    @classmethod
    def from_major(cls, amount: Decimal, currency: str) -> "Money":
        """From major units (12.34 EUR → 1234), rounded half up to the currency's minor unit."""
        scale = Decimal(10) ** minor_digits(currency)
        return cls(minor=int((amount * scale).to_integral_value(ROUND_HALF_UP)), currency=currency)

    @property
    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added")
        return Money(minor=self.minor + other.minor, currency=self.currency)


def sum_by_currency(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Sum the amounts of each currency by themselves, in order of the currencies' codes."""
    sums: Counter[str] = Counter()
    for money in amounts:
        sums[money.currency] += money.minor
    return tuple(Money(minor=minor, currency=currency) for currency, minor in sorted(sums.items()))
