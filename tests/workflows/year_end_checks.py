"""What is left open after a long play, and what may still move it. Whatever nothing can move is a loose end."""

from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case, ContactRequest, Invoice, Message, Task
from domain import identifiers as ids
from domain.invoice.invoice_case import DISPUTE_HOLD, MINIMUM_HOLD
from domain.timeline.holds import HoldKind

BILLING_LIFTS = (DISPUTE_HOLD, MINIMUM_HOLD)
"""Holds that stand for what billing says of the invoice, and go when it says otherwise."""


class YearEndSnapshot:
    """The read model at the end."""

    def __init__(self, database: Database) -> None:
        with database.reading() as session:
            self.cases = {row.case_id: row for row in session.scalars(select(Case))}
            self.open = {row.case_id: row for row in self.cases.values() if row.outcome is None}
            self.invoices = {row.id: row for row in session.scalars(select(Invoice))}
            self.requests = set(
                session.scalars(select(col(ContactRequest.invoice_id)).where(col(ContactRequest.state).in_(("pending", "claimed"))))
            )
            self.letters = set(session.scalars(select(col(Message.case_id)).where(col(Message.state).in_(("intended", "transmitting")))))
            self.accounts_with_tasks = set(session.scalars(select(col(Task.account_id)).where(col(Task.state) == "open")))
            session.expunge_all()


def find_loose_ends(database: Database) -> list[str]:
    """Each open invoice and case that no timer, no person, no payment under way and no other case can move, and why."""
    journals = YearEndSnapshot(database)
    found = [f"{invoice.id} is open in billing and has no case" for invoice in journals.invoices.values() if _forgotten(journals, invoice)]
    for case in journals.open.values():
        why = _invoice(journals, case) if case.kind == "invoice" else _other(journals, case)
        if why:
            found.append(f"{case.case_id} ({case.stage}, waiting for {case.waiting_for}): {why}")
    return found


def _forgotten(journals: YearEndSnapshot, invoice: Invoice) -> bool:
    return invoice.status == "open" and invoice.charged_by is None and ids.invoice_case_id(invoice.id) not in journals.open


def _invoice(journals: YearEndSnapshot, case: Case) -> str | None:
    """Every hold must be one that goes: an invoice is as stuck as the most lasting of them."""
    if case.invoice_id and journals.invoices[case.invoice_id].status != "open":
        return "it is settled, and its case is open"
    for hold in case.holds:
        why = _hold(journals, case, hold)
        if why:
            return why
    if case.holds or case.next_on or case.awaiting_role:
        return None
    if case.waiting_for == "letter":
        return None if case.invoice_id in journals.requests or case.account_id in journals.accounts_with_tasks else "no letter is under way"
    return "nothing moves it"


def _hold(journals: YearEndSnapshot, case: Case, hold: dict[str, object]) -> str | None:
    """A hold's id is that of the case that placed it."""
    if hold.get("until") or hold["hold_id"] in BILLING_LIFTS:
        return None
    name = str(hold["hold_id"])
    match HoldKind(str(hold["kind"])):
        case HoldKind.PROMISE:
            return None if case.promised_by else "a promise's hold without a promise"
        case HoldKind.PAUSE:
            return "nobody paused it this year"
        case HoldKind.BELOW_MINIMUM:
            return "a hold that is not billing's"
    its_case = journals.open.get(name)
    if its_case is None:
        return f"held by {name}, which is over"
    if case.invoice_id not in str(its_case.summary.get("invoices", case.invoice_id)).split():
        return f"held by {name}, which does not know it"
    if its_case.kind == "suspension" and its_case.waiting_for == "payment":
        return f"held by {name}, which waits for nothing but its payment"
    why = _other(journals, its_case)
    return f"held by {name}: {why}" if why else None


def _other(journals: YearEndSnapshot, case: Case) -> str | None:
    """A case of an account, a dispute, or an approval."""
    if case.next_on or case.awaiting_role:
        return None
    asked = [one for one in journals.open.values() if one.kind == "approval" and one.summary["subject"] == case.case_id]
    match case.waiting_for:
        case "approval":
            return None if asked else "no approval of it is open"
        case "letter":
            return (
                None
                if case.case_id in journals.letters or case.account_id in journals.accounts_with_tasks
                else "no letter of it is under way"
            )
        case "dispute":
            return (
                None if any(_contested(journals, name) for name in str(case.summary["invoices"]).split()) else "nothing of it is contested"
            )
        case "write_off":
            team = journals.open.get(ids.write_off_case_id(case.account_id))
            if team is None:
                return "the write-off team has no case of it"
            theirs, open_ones = str(team.summary["invoices"]).split(), _unsettled(journals, case)
            missing = [name for name in open_ones if name not in theirs]
            return f"the write-off team was not given {missing}" if missing else None
        case "payment":
            elsewhere = case.summary.get("decision") in ("agency", "legal")
            waits = _unsettled(journals, case) and (elsewhere or case.kind == "suspension")
            done = case.kind == "write_off" and not _unsettled(journals, case)
            return None if waits or done else "nothing but a payment moves it"
        case "time" if case.kind == "credit_review":
            return None
    return "nothing moves it"


def _unsettled(journals: YearEndSnapshot, case: Case) -> list[str]:
    return [name for name in str(case.summary["invoices"]).split() if journals.invoices[name].status == "open"]


def _contested(journals: YearEndSnapshot, name: str) -> bool:
    """By the customer, by billing's word, by a plan, or by an insolvency."""
    invoice, case = journals.invoices[name], journals.open.get(ids.invoice_case_id(name))
    if case is None or invoice.status != "open":
        return False
    plans = any(hold["kind"] in ("payment_plan", "credit_review") for hold in case.holds)
    return invoice.disputed or case.disputed > 0 or plans
