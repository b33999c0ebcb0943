"""The stages of a dispute."""

from enum import StrEnum


class DisputeStage(StrEnum):
    """OPEN: the department owes an answer. APPROVAL: its answer costs money. BOOKING: billing carries it out."""

    OPEN = "open"
    APPROVAL = "approval"
    BOOKING = "booking"
    CLOSED = "closed"
