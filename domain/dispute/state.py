"""What a dispute knows, what follows from it, and how it tells its people and the customer. The rules by which it changes are in
`disputes`."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from domain.billing.billing_events import InvoiceFacts
from domain.case.account_case import AccountCase
from domain.case.effects import NotifyPerson, NotifyRole, SendLetter
from domain.clock import Moment
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.journal.journal import FactValue
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeResolution, DisputeRules
from domain.roles import Role


class DisputeStage(StrEnum):
    """OPEN: the department owes an answer. APPROVAL: its answer costs money. BOOKING: billing carries it out."""

    OPEN = "open"
    APPROVAL = "approval"
    BOOKING = "booking"
    CLOSED = "closed"


class DisputeState(AccountCase):
    """One dispute of one invoice, serialisable whole. `facts` are the invoice's as billing last reported them; days are business dates."""

    facts: InvoiceFacts
    snapshot: PolicySnapshot
    raised: RaiseDispute
    raised_on: date = date.min
    stage: DisputeStage = DisputeStage.OPEN
    department: Role = Role.BILLING_OPS
    assignee: str | None = None
    deadline: date = date.max
    reminded: list[int] = Field(default_factory=list)
    escalations: int = 0
    answer: ResolveDispute | None = None
    approvals: int = 0
    bookings: int = 0
    held: bool = False
    resolution: DisputeResolution | None = None
    evidence: list[str] = Field(default_factory=list)

    @property
    def rules(self) -> DisputeRules:
        return self.snapshot.load_policy().dispute

    @property
    def case_id(self) -> str:
        return self.journal.case_id

    @property
    def invoice_id(self) -> str:
        return self.journal.invoice_id or ""

    @property
    def is_closed(self) -> bool:
        return self.stage is DisputeStage.CLOSED

    @property
    def contested_amount(self) -> int:
        """The disputed amount, as far as it is still owed (minor units)."""
        return min(self.raised.amount, self.facts.open_balance)

    @property
    def escalated_to(self) -> Role | None:
        """The role that was told at the last missed deadline."""
        return self._find_escalation_role(self.escalations - 1) if self.escalations else None

    @property
    def notified_roles(self) -> list[Role]:
        """The roles to which it was escalated: they may act in the department's stead."""
        return [self._find_escalation_role(index) for index in range(self.escalations)]

    def _find_escalation_role(self, index: int) -> Role:
        roles = self.rules.escalate_to[self.department]
        return roles[min(index, len(roles) - 1)]

    def _credited_amount(self) -> int:
        """What the answer takes off the debt. A correction downwards costs what a credit note would: it is no way around the matrix."""
        match self.answer:
            case ResolveDispute(resolution=DisputeResolution.CREDIT_NOTE, amount=int(amount)):
                return amount
            case ResolveDispute(resolution=DisputeResolution.CORRECTED_INVOICE, amount=int(total)):
                return max(self.facts.total - total, 0)
        return 0

    def _notify_department(self, template: str) -> None:
        """The person it is assigned to, else everybody of the department."""
        if self.assignee:
            self.add_effect(NotifyPerson(user=self.assignee, template=template, details=self._build_message_details()))
        else:
            self.add_effect(NotifyRole(role=self.department, template=template, details=self._build_message_details()))

    def _send_letter(self, template: str, at: Moment) -> None:
        key = f"{self.case_id}:{template}"
        invoices = [self.invoice_id]
        self.add_effect(
            SendLetter(template=template, on=at.business.date(), key=key, invoice_ids=invoices, details=self._build_message_details())
        )

    def _build_message_details(self, **more: FactValue) -> dict[str, FactValue]:
        """What a letter or a message says of this case. Amounts in minor units of `currency`; `rest` is the undisputed part, if any."""
        about: dict[str, FactValue] = {
            "case": self.case_id,
            "invoice": self.invoice_id,
            "reason": self.raised.reason.value,
            "amount": self.raised.amount,
            "currency": self.facts.currency,
            "open_balance": self.facts.open_balance,
            "deadline": self.deadline.isoformat(),
            "credited": self._credited_amount(),
            "rest": max(self.facts.open_balance - self.raised.amount, 0) or None,
            "reference": self.answer.reference if self.answer else "",
        }
        return about | more
