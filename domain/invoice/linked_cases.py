"""What ties an invoice to the cases of its account: they hold it and tell it what they did, and it tells them what billing reports."""

from domain import identifiers as ids
from domain.billing.receivables import InvoiceUpdate
from domain.case.effects import HastenTimeline, JoinSuspension, NotifyInvoice
from domain.clock import Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Step, StepAction
from domain.timeline.holds import Hold, HoldKind

SUSPENSION_STEP_ACTS = (StepAction.SUSPENSION_WARNING, StepAction.SUSPENSION, StepAction.HAND_OVER)


def _find_holding_case_id(hold: Hold, account_id: str) -> str | None:
    """The case of the account that placed it."""
    match hold.kind:
        case HoldKind.PAYMENT_PLAN:
            return hold.hold_id
        case HoldKind.SUSPENSION:
            return ids.suspension_case_id(account_id)
        case HoldKind.CREDIT_REVIEW:
            return ids.credit_review_case_id(account_id)
        case HoldKind.WRITE_OFF:
            return ids.write_off_case_id(account_id)
    return None


def build_invoice_update(case: InvoiceCase) -> InvoiceUpdate:
    """A run that began before promises were told does not tell them: its history has no such signals."""
    promise = case.promise if case.binds_facts else None
    return InvoiceUpdate(
        invoice_id=case.journal.invoice_id or "",
        facts=case.facts,
        disputed=min(case.disputed, case.facts.open_balance),
        planned=case.holds.has_kind(HoldKind.PAYMENT_PLAN),
        insolvent=case.holds.has_kind(HoldKind.CREDIT_REVIEW),
        promised_by=promise.by if promise else None,
        promised_amount=promise.amount if promise else 0,
    )


def place_case_hold(case: InvoiceCase, hold: Hold, at: Moment) -> str | None:
    """A case that holds the invoice hears from now on what becomes of it: the id of that case."""
    case.place_hold(hold, at)
    its_case = _find_holding_case_id(hold, case.journal.account_id)
    if its_case:
        add_follower(case, its_case)
    return its_case


def add_follower(case: InvoiceCase, case_id: str) -> None:
    if case_id not in case.followers:
        case.followers.append(case_id)


def remove_follower(case: InvoiceCase, case_id: str) -> None:
    """A case that is over need not be told any more; unless the next one of its id holds the invoice by now."""
    holding = {_find_holding_case_id(hold, case.journal.account_id) for hold in case.holds.standing.values()}
    if case_id in case.followers and case_id not in holding:
        case.followers.remove(case_id)


def record_case_event(case: InvoiceCase, event: NotifyInvoice, at: Moment) -> None:
    """A kind of entry that today's code does not know tells nothing: a signal must never stop a workflow."""
    if event.what in set(EntryKind):
        kind = EntryKind(event.what)
        case.write_entry(kind, at, case=event.case_id)
        if kind in (EntryKind.SUSPENSION_SUSPENDED, EntryKind.SUSPENSION_REINSTATED):
            case.is_suspended = kind is EntryKind.SUSPENSION_SUSPENDED


def hasten_timeline(case: InvoiceCase, effect: HastenTimeline, at: Moment) -> None:
    """For the next step, the time that was spent on hold does not stop the clock."""
    case.hastened_at = at.business
    case.write_entry(EntryKind.TIMELINE_HASTENED, at, case=effect.case_id)


def find_holding_case(case: InvoiceCase, kind: HoldKind) -> str | None:
    """The case of the account that holds the invoice in this way."""
    hold = next((hold for hold in case.holds.standing.values() if hold.kind is kind), None)
    return _find_holding_case_id(hold, case.journal.account_id) if hold else None


def request_suspension_for_step(case: InvoiceCase, step: Step) -> None:
    """The last steps of a timeline are the account's to take: they ask for its suspension, or its hand-over."""
    if step.act in SUSPENSION_STEP_ACTS:
        account, hand_over = case.journal.account_id, step.act is StepAction.HAND_OVER
        case.outbox.append(JoinSuspension(account_id=account, claim=build_invoice_update(case).receivable, hand_over=hand_over))
        add_follower(case, ids.suspension_case_id(account))
