"""What billing did with an order of a case. No personal detail is in any of it."""

from enum import StrEnum

from pydantic import BaseModel


class BookingResult(BaseModel):
    """What billing answered. `key` names what was asked; `refused` says in words why it cannot be done, empty when it was."""

    key: str
    refused: str = ""


class SuspensionOrderOutcome(StrEnum):
    """What came of the call to the billing system, which reads the account anew in the moment of the call."""

    SUSPENDED = "suspended"
    NOT_IN_ARREARS = "not_in_arrears"


class SuspensionResult(BaseModel):
    """What billing did with the order of that number."""

    order: int
    answer: SuspensionOrderOutcome


class ReinstatementResult(BaseModel):
    """The service is on again."""


class WriteOffResult(BaseModel):
    """So much (minor units) billing really wrote off the invoice, which is never more than was open."""

    invoice_id: str
    amount: int


BillingResult = BookingResult | SuspensionResult | ReinstatementResult | WriteOffResult
"""What a case hears from billing about what it ordered."""
