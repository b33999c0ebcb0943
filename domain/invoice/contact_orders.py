"""The contact that a step of an invoice orders."""

from domain.clock import Clock, Moment
from domain.correspondence.contact_request import ContactOrder
from domain.invoice.invoice_case import InvoiceCase
from domain.policy.collection_policy import Step


def build_contact_order(case: InvoiceCase, step: Step, now: Moment, clock: Clock) -> ContactOrder:
    """Build the order of a step that the case takes now."""
    policy, due = case.policy, case.facts.due_date
    return ContactOrder(
        step=step.step,
        rank=step.day,
        act=step.act,
        letter=step.letter,
        escalate_to=step.escalate_to,
        contact=policy.contact,
        not_before=now.business.date(),
        not_after=due if step.is_before_due else None,
        hours_matter=clock.hours_matter,
        catch_up_days=policy.catch_up_days,
        minimum=policy.minimum_open_balance(case.facts.currency),
        apart=step.apart,
    )
