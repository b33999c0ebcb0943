"""The stages of an account's suspension, how it can end, and what it numbers."""

from enum import StrEnum


class SuspensionStage(StrEnum):
    """Where a case stands. The first waits for the day to be over, so that all invoices of that day join one question."""

    ASKED = "asked"
    WARNING_APPROVAL = "warning_approval"
    WARNING = "warning"
    NOTICE = "notice"
    SIGN_OFF = "sign_off"
    SUSPENDING = "suspending"
    SUSPENDED = "suspended"
    HANDED_OVER = "handed_over"
    REINSTATING = "reinstating"
    ENDED = "ended"


class SuspensionEnding(StrEnum):
    CURED = "cured"
    SPARED = "spared"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"
    WRITTEN_OFF = "written_off"


PRE_SUSPENSION_STAGES = (
    SuspensionStage.ASKED,
    SuspensionStage.WARNING_APPROVAL,
    SuspensionStage.WARNING,
    SuspensionStage.NOTICE,
    SuspensionStage.SIGN_OFF,
)


SUSPENDED_STAGES = (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER)


APPROVAL_SEQUENCE, LETTER_SEQUENCE, ORDER_SEQUENCE = "approval", "letter", "order"
"""What a case numbers: the approvals and the warnings it asked for, and its calls to the billing system."""
