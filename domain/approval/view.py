"""How an approval looks in lists and to those who ask its workflow."""

from collections.abc import Collection, Sequence

from domain.approval.approval_case import ApprovalCase
from domain.approval.delegation import Delegation
from domain.approval.four_eyes import ApprovalParticipants, SigningAuthority, choose_signing_authority
from domain.case.case_view import CaseView
from domain.identifiers import CaseKind
from domain.journal.journal import FactValue
from domain.roles import Actor, Role


def build_case_view(case: ApprovalCase, run_id: str) -> CaseView:
    """`summary` says what is asked, who may sign, who has signed and how it ended, for lists that read no workflow."""
    question, subject, ending = case.question, case.subject, case.ending
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.APPROVAL,
        account_id=case.journal.account_id,
        invoice_id=case.journal.invoice_id,
        stage=case.state,
        next_step=None if case.is_ended else "decision",
        next_on=case.due_on,
        waiting_for=case.waiting_for,
        awaiting_role=None if case.is_ended else case.awaited_roles[-1].value,
        open_balance=question.amount,
        currency=question.currency,
        outcome=ending.result.value if ending else None,
        summary={
            "matter": question.matter.value,
            "amount": question.amount,
            "currency": question.currency,
            **case.participants.to_facts(),
            "subject": subject.case_id,
            "invoices": " ".join(subject.invoice_ids),
            "tier": min(case.tier + 1, len(case.tiers)),
            "tiers": len(case.tiers),
            "roles": " ".join(role.value for role in case.awaited_roles),
            "due_on": case.due_on and str(case.due_on),
            "asked_on": case.asked_at and str(case.asked_at.date()),
            "escalated": case.escalated_at is not None,
            **subject.details,
            "signed_by": " ".join(given.actor for given in case.signatures),
            "ended": case.ended_sentence,
        },
    )


def parse_awaited_roles(summary: dict[str, FactValue]) -> list[Role]:
    """The roles that may sign now, from the summary of an approval."""
    return [Role(role) for role in str(summary.get("roles") or "").split()]


def choose_authority_over(
    summary: dict[str, FactValue], actor: Actor, delegations: Sequence[Delegation], roles: Collection[Role] = tuple(Role)
) -> SigningAuthority | None:
    """How `actor` may sign an approval now, in one of `roles`, from its summary; None when they may not."""
    awaited = [role for role in parse_awaited_roles(summary) if role in roles]
    return choose_signing_authority(ApprovalParticipants.from_facts(summary), awaited, actor, delegations)
