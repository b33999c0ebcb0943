"""The types of approval: actions that need the agreement of other people."""

from enum import StrEnum


class ApprovalType(StrEnum):
    """The type of an approval; the approval matrix calls it the act."""

    SUSPENSION_WARNING = "suspension_warning"
    SUSPENSION = "suspension"
    PAYMENT_PLAN = "payment_plan"
    CREDIT_NOTE = "credit_note"
    FEE_WAIVER = "fee_waiver"
    WRITE_OFF = "write_off"
    POLICY_CHANGE = "policy_change"

    @property
    def display_name(self) -> str:
        """The type in words, for a sentence."""
        return self.value.replace("_", " ")
