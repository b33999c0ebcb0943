"""What ties an invoice to the cases of its account: they hold it and tell it what they did, and it tells them what billing reports."""

from domain import identifiers as ids
from domain.billing.receivables import InvoiceNews
from domain.case.effects import JoinSuspension, ResumeHarsher, TellInvoice
from domain.clock import Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Step, StepAct
from domain.timeline.holds import Hold, HoldKind

ASKS_FOR_SUSPENSION = (StepAct.SUSPENSION_WARNING, StepAct.SUSPENSION, StepAct.HAND_OVER)


def _case_of(hold: Hold, account_id: str) -> str | None:
    """The case of the account that placed it."""
    match hold.kind:
        case HoldKind.PAYMENT_PLAN:
            return hold.hold_id
        case HoldKind.SUSPENSION:
            return ids.suspension_case(account_id)
        case HoldKind.CREDIT_REVIEW:
            return ids.credit_review_case(account_id)
        case HoldKind.WRITE_OFF:
            return ids.write_off_case(account_id)
    return None


def news_of(case: InvoiceCase) -> InvoiceNews:
    return InvoiceNews(
        invoice_id=case.journal.invoice_id or "", facts=case.facts, disputed=min(case.disputed, case.facts.open_balance),
        planned=case.holds.has(HoldKind.PAYMENT_PLAN), insolvent=case.holds.has(HoldKind.CREDIT_REVIEW),
    )  # fmt: skip


def be_held(case: InvoiceCase, hold: Hold, at: Moment) -> str | None:
    """A case that holds the invoice hears from now on what becomes of it: the id of that case."""
    case.place_hold(hold, at)
    its_case = _case_of(hold, case.journal.account_id)
    if its_case:
        follow(case, its_case)
    return its_case


def follow(case: InvoiceCase, case_id: str) -> None:
    if case_id not in case.followers:
        case.followers.append(case_id)


def forget(case: InvoiceCase, case_id: str) -> None:
    """A case that is over need not be told any more; unless the next one of its id holds the invoice by now."""
    holding = {_case_of(hold, case.journal.account_id) for hold in case.holds.standing.values()}
    if case_id in case.followers and case_id not in holding:
        case.followers.remove(case_id)


def hear_what_was_done(case: InvoiceCase, news: TellInvoice, at: Moment) -> None:
    """A kind of entry that today's code does not know tells nothing: a signal must never stop a workflow."""
    if news.what in set(EntryKind):
        case.note(EntryKind(news.what), at, case=news.case_id)


def hasten(case: InvoiceCase, news: ResumeHarsher, at: Moment) -> None:
    """For the next step, the time that was spent on hold does not stop the clock."""
    case.hastened_at = at.business
    case.note(EntryKind.TIMELINE_HASTENED, at, case=news.case_id)


def held_by(case: InvoiceCase, kind: HoldKind) -> str | None:
    """The case of the account that holds the invoice in this way."""
    hold = next((hold for hold in case.holds.standing.values() if hold.kind is kind), None)
    return _case_of(hold, case.journal.account_id) if hold else None


def ask_as_the_step_says(case: InvoiceCase, step: Step) -> None:
    """The last steps of a timeline are the account's to take: they ask for its suspension, or its hand-over."""
    if step.act in ASKS_FOR_SUSPENSION:
        account, hand_over = case.journal.account_id, step.act is StepAct.HAND_OVER
        case.outbox.append(JoinSuspension(account_id=account, claim=news_of(case).claim, hand_over=hand_over))
        follow(case, ids.suspension_case(account))
