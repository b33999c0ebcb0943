"""How an invoice's collection looks in lists and to those who ask its workflow."""

from datetime import datetime

from domain.case.case_view import CaseView
from domain.identifiers import CaseKind
from domain.invoice.collection_stage import collection_stage, held_collection_stage
from domain.invoice.invoice_case import InvoiceCase
from domain.roles import Role

STAGE_NEW = "new"
"""The stage of an invoice before its first step."""

WAITING_FOR_DECISION = "decision"
"""What an invoice waits for whose timeline has ended: nothing happens to it any more unless people decide it."""


WAITING_FOR_LETTER = "letter"
"""What an invoice waits for whose last letter is under way."""


WAITING_FOR_BILLING = "billing"
"""What an invoice waits for whose letter was dropped because of something that billing has not told its case yet."""


WAITING_FOR_LETTER_DECISION = "letter_decision"
"""What an invoice waits for of whose last letter nobody knows whether it arrived."""


def stage(case: InvoiceCase) -> str:
    if case.is_settled:
        return case.facts.status.value
    return case.taken[-1].step if case.taken else STAGE_NEW


def waiting_for(case: InvoiceCase, now: datetime) -> str:
    """Who or what moves this case next, as a word that the console translates. `now` is business time."""
    if case.is_settled:
        return "nothing"
    if case.holds.is_on_hold:
        return next(iter(case.holds.standing.values())).kind.value
    if case.is_letter_in_doubt:
        return WAITING_FOR_LETTER_DECISION
    if case.letter_awaited:
        return WAITING_FOR_LETTER
    if case.is_billing_awaited:
        return WAITING_FOR_BILLING
    return "time" if case.next_step(now.date()) else WAITING_FOR_DECISION


def build_case_view(case: InvoiceCase, run_id: str, now: datetime) -> CaseView:
    step, due = (None, None) if case.is_settled else (case.next_step(now.date()), case.step_due_at(now))
    journal, facts, promise, waits = case.journal, case.facts, case.promise, waiting_for(case, now)
    return CaseView(
        case_id=journal.case_id,
        run_id=run_id,
        kind=CaseKind.INVOICE,
        account_id=journal.account_id,
        invoice_id=journal.invoice_id,
        stage=stage(case),
        collection_stage=collection_stage(case, now.date()),
        held_stage=held_collection_stage(case, now.date()),
        next_step=step.step if step else None,
        next_on=due.date() if due else None,
        waiting_for=waits,
        awaiting_role=Role.COLLECTIONS_MANAGER.value if waits == WAITING_FOR_DECISION else None,
        open_balance=facts.open_balance,
        currency=facts.currency,
        due_date=facts.due_date,
        policy=case.snapshot.name,
        policy_version=case.snapshot.version,
        disputed=min(case.disputed, facts.open_balance),
        holds=list(case.holds.standing.values()),
        taken=case.taken,
        promised_by=promise.by if promise else None,
        promised_amount=promise.amount if promise else None,
        promised_on=promise.first_made_on if promise else None,
        outcome=facts.status.value if case.is_settled else None,
    )
