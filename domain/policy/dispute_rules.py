"""A policy's rules for disputes: the department that owns each reason, its deadline, and the roles that a missed deadline escalates to."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.refusal import Refusal
from domain.roles import Role


class DisputeReason(StrEnum):
    """The grounds on which a customer contests an invoice."""

    WRONG_PRICE = "wrong_price"
    WRONG_QUANTITY = "wrong_quantity"
    NOT_DELIVERED = "not_delivered"
    QUALITY = "quality"
    DUPLICATE = "duplicate"
    MISSING_PURCHASE_ORDER = "missing_purchase_order"
    TAX = "tax"
    ALREADY_PAID = "already_paid"
    CONTRACT_TERMS = "contract_terms"
    OTHER = "other"


DISPUTE_DEPARTMENTS = (Role.SALES_OPS, Role.SALES, Role.BILLING_OPS)
"""The roles that own disputes."""


_DEFAULT_DEPARTMENTS = {
    DisputeReason.WRONG_PRICE: Role.SALES_OPS,
    DisputeReason.WRONG_QUANTITY: Role.SALES_OPS,
    DisputeReason.NOT_DELIVERED: Role.SALES_OPS,
    DisputeReason.MISSING_PURCHASE_ORDER: Role.SALES_OPS,
    DisputeReason.QUALITY: Role.SALES,
    DisputeReason.CONTRACT_TERMS: Role.SALES,
    DisputeReason.DUPLICATE: Role.BILLING_OPS,
    DisputeReason.TAX: Role.BILLING_OPS,
    DisputeReason.ALREADY_PAID: Role.BILLING_OPS,
    DisputeReason.OTHER: Role.BILLING_OPS,
}


_DEFAULT_DAYS = {
    DisputeReason.WRONG_PRICE: 7,
    DisputeReason.WRONG_QUANTITY: 7,
    DisputeReason.NOT_DELIVERED: 10,
    DisputeReason.QUALITY: 14,
    DisputeReason.DUPLICATE: 5,
    DisputeReason.MISSING_PURCHASE_ORDER: 5,
    DisputeReason.TAX: 10,
    DisputeReason.ALREADY_PAID: 5,
    DisputeReason.CONTRACT_TERMS: 14,
    DisputeReason.OTHER: 10,
}


_DEFAULT_ESCALATION_ROLES = {
    Role.SALES_OPS: [Role.SALES, Role.COLLECTIONS_MANAGER],
    Role.SALES: [Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR],
    Role.BILLING_OPS: [Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR],
}


class DisputeRules(BaseModel):
    """Days are calendar days of business time, the last one included. Reasons and departments that a policy leaves out keep the standard.

    A standard value never changes: the policies that were pinned without it read it from here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    department: dict[DisputeReason, Role] = Field(
        default_factory=lambda: dict(_DEFAULT_DEPARTMENTS), description="who owns disputes of each reason"
    )
    days: dict[DisputeReason, int] = Field(default_factory=lambda: dict(_DEFAULT_DAYS), description="how long the department has")
    remind_days_before: list[int] = Field(default_factory=lambda: [3, 1], description="before the deadline")
    escalate_to: dict[Role, list[Role]] = Field(
        default_factory=lambda: {department: list(roles) for department, roles in _DEFAULT_ESCALATION_ROLES.items()},
        description="who is told at each missed deadline of a department, in turn; the last one again and again",
    )
    days_after_escalation: int = Field(default=3, ge=1, le=60, description="how long the department has after each escalation")
    days_to_book_payment: int = Field(default=7, ge=0, le=60, description="not chased, while a payment that was found is being booked")

    @field_validator("department")
    @classmethod
    def _validate_departments(cls, chosen: dict[DisputeReason, Role]) -> dict[DisputeReason, Role]:
        for reason, role in chosen.items():
            if role not in DISPUTE_DEPARTMENTS:
                raise ValueError(
                    Refusal(
                        "policy.no_department_of",
                        "{written} owns no disputes ({cause}); write one of: {choices}",
                        written=role,
                        cause=reason,
                        choices=", ".join(DISPUTE_DEPARTMENTS),
                    )
                )
        return _DEFAULT_DEPARTMENTS | chosen

    @field_validator("days")
    @classmethod
    def _validate_days(cls, chosen: dict[DisputeReason, int]) -> dict[DisputeReason, int]:
        for reason, days in chosen.items():
            if not 1 <= days <= 180:
                raise ValueError(
                    Refusal(
                        "policy.no_deadline",
                        "{days} days for {cause} is no deadline; write a number from 1 to 180",
                        days=days,
                        cause=reason,
                    )
                )
        return _DEFAULT_DAYS | chosen

    @field_validator("remind_days_before")
    @classmethod
    def _validate_reminder_days(cls, chosen: list[int]) -> list[int]:
        if any(days < 0 for days in chosen):
            raise ValueError(Refusal("policy.late_reminder", "a reminder comes before the deadline; write days of 0 or more"))
        return sorted(set(chosen), reverse=True)

    @field_validator("escalate_to")
    @classmethod
    def _validate_escalation_roles(cls, chosen: dict[Role, list[Role]]) -> dict[Role, list[Role]]:
        for department, roles in chosen.items():
            if department not in DISPUTE_DEPARTMENTS:
                raise ValueError(
                    Refusal(
                        "policy.no_department",
                        "{written} owns no disputes; write one of: {choices}",
                        written=department,
                        choices=", ".join(DISPUTE_DEPARTMENTS),
                    )
                )
            if not roles:
                raise ValueError(
                    Refusal(
                        "policy.no_escalation",
                        "{written} answers to nobody; name at least one role, such as collections_manager",
                        written=department,
                    )
                )
        return {department: list(roles) for department, roles in _DEFAULT_ESCALATION_ROLES.items()} | chosen


class DisputeResolution(StrEnum):
    """The resolutions of a dispute. SETTLED comes from billing: nothing is left to contest."""

    REJECTED = "rejected"
    CREDIT_NOTE = "credit_note"
    CORRECTED_INVOICE = "corrected_invoice"
    ALREADY_PAID = "already_paid"
    WITHDRAWN = "withdrawn"
    SETTLED = "settled"
