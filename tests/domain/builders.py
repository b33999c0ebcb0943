"""Small builders that say only what matters. The due date is Friday 1 March 2013 unless a test says otherwise."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts
from domain.clock import Moment
from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.journal import Journal
from domain.policy.collection_policy import Policy, PolicySnapshot, Step

DUE = date(2013, 3, 1)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

TIMELINE: list[dict[str, Any]] = [
    {"day": -3, "step": "courtesy_note", "act": "letter", "letter": "courtesy"},
    {"day": 1, "step": "reminder", "act": "letter", "letter": "reminder"},
    {"day": 7, "step": "second_reminder", "act": "letter", "letter": "reminder"},
    {"day": 14, "step": "phone_call", "act": "call"},
    {"day": 21, "step": "firm_reminder", "act": "letter", "letter": "firm", "escalate_to": "collections_manager"},
    {"day": 30, "step": "final_demand", "act": "letter", "letter": "final"},
]


def build_policy(**changes: Any) -> Policy:
    content = {
        "policy": "standard",
        "version": 1,
        "title": "For tests",
        "minimum_balance": {"EUR": "5.00"},
        "catch_up_days": 3,
        "contact": {"hours": "09:00-17:00", "days_between_letters": 2},
        "promise": {"longest_days": 21, "tolerance_days": 2, "tolerance_percent": 2, "most_broken": 2},
        "timeline": TIMELINE,
    }
    return Policy.model_validate(content | changes)


def find_step(name: str) -> Step:
    return next(known for known in build_policy().timeline if known.step == name)


def midnight(days: float = 0) -> datetime:
    """So many days after the due date began."""
    return datetime(DUE.year, DUE.month, DUE.day, tzinfo=UTC) + days * DAY


def moment(days: float = 0) -> Moment:
    return Moment(midnight(days), midnight(days))


def build_facts(**changes: Any) -> InvoiceFacts:
    return InvoiceFacts.model_validate(
        {"version": 1, "due_date": DUE, "currency": "EUR", "total": 10_000, "open_balance": 10_000} | changes
    )


def build_case(opened: float = -10, rules: Policy | None = None, **changes: Any) -> InvoiceCase:
    """An invoice of 100.00 EUR, opened so many days after its due date."""
    journal = Journal(case_id="invoice:I1", account_id="A1", invoice_id="I1")
    opening = InvoiceCase(journal=journal, facts=build_facts(**changes), snapshot=PolicySnapshot.from_policy(rules or build_policy()))
    opening.open(moment(opened))
    return opening


def build_event(kind: BillingEventKind, amount: int = 0, event_id: str = "E1", version: int = 2, **changes: Any) -> BillingEvent:
    return BillingEvent(event_id=event_id, kind=kind, occurred_at=midnight(), facts=build_facts(version=version, **changes), amount=amount)


def build_letter_outcome(name: str, result: LetterResult, days: float, attempt: int = 1, reason: DropReason | None = None) -> LetterOutcome:
    return LetterOutcome(step=name, attempt=attempt, fate=result, at=midnight(days), on=midnight(days).date(), reason=reason or "")
