"""By what an invoice is reduced by hand."""

from enum import StrEnum


class ReductionKind(StrEnum):
    """Part or all is credited, or it should never have been sent."""

    CREDIT_NOTE = "credit_note"
    CANCELLATION = "cancellation"
