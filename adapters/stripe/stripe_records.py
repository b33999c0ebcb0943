"""Stripe's values: amounts in its own minor units, moments as seconds, currencies in small letters.

Its minor units are those of ISO 4217 but for a few currencies that it keeps with two decimals that are always 0
(https://docs.stripe.com/currencies#special-cases), and for those of three decimals, whose last one is always 0 when cards are charged.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.billing.errors import RefusedByBillingError
from domain.money import Money, minor_digits

Record = dict[str, Any]


class StripeInvoiceStatus(StrEnum):
    """As Stripe calls it. What is PAID may have been credited; what is UNCOLLECTIBLE may be paid yet."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


class AutomaticInvoices(StrEnum):
    """When somebody is asked for an invoice that Stripe collects by itself. AFTER_RETRIES: when it tries no more. ALWAYS: from its issue
    on."""

    AFTER_RETRIES = "after_retries"
    NEVER = "never"
    ALWAYS = "always"


CHARGE_AUTOMATICALLY: Final = "charge_automatically"


class SubscriptionStatus(StrEnum):
    """Of a subscription that is not over. One that is PAUSED may also be a trial that ended without a card."""

    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    TRIALING = "trialing"
    PAUSED = "paused"


MARK: Final = "duecourse"
"""With which the names begin of what Duecourse writes into the metadata of Stripe's objects."""
_ZERO_DECIMALS = frozenset(["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"])
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def read_currency(record: Record) -> str:
    return str(record["currency"]).upper()


def _count_decimals(currency: str) -> int:
    """As Stripe counts them: 2 for ISK and UGX too, which have none in ISO 4217."""
    return 0 if currency in _ZERO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


def from_stripe(amount: int | None, currency: str) -> int:
    """From Stripe's minor units to those of ISO 4217, which are Duecourse's."""
    return Money.from_major(Decimal(amount or 0).scaleb(-_count_decimals(currency)), currency).minor


def to_stripe(minor: int, currency: str) -> int:
    """Raises RefusedByBillingError, where Stripe cannot count it."""
    amount = Decimal(minor).scaleb(_count_decimals(currency) - minor_digits(currency))
    if amount != amount.to_integral_value():
        raise RefusedByBillingError(f"Stripe counts {currency} in larger units than this amount has; book it there by hand")
    return int(amount)


def read_day(seconds: int | None, zone: ZoneInfo) -> date | None:
    """The day on which a moment is where the company is: what is due at the end of a day there is due a day later in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone(zone).date()


def read_id(reference: object) -> str | None:
    """Of what is referred to by its id, or stands there whole because it was asked for so."""
    return reference["id"] if isinstance(reference, dict) else reference if isinstance(reference, str) else None
