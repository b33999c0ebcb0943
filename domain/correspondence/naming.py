"""As what a letter names an invoice: what it asks for, and what it only mentions."""

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

from domain.timeline.holds import HoldKind


class NamedAs(StrEnum):
    """As what an invoice stands in a letter. The letter takes a step of those that are due or gathered, and of no other."""

    DUE = "due"
    """Its own letter step was due."""
    GATHERED = "gathered"
    """Its next letter step would have been due within days, and was taken along."""
    LISTED = "listed"
    """It is overdue, and belongs to the customer's position."""
    UPCOMING = "upcoming"
    """It is not overdue yet: for information."""
    DISPUTED = "disputed"
    """It is in dispute: not asked for."""
    ARRANGED = "arranged"
    """It is covered by a promise or a payment plan: not asked for."""


ASKED_FOR = frozenset({NamedAs.DUE, NamedAs.GATHERED, NamedAs.LISTED})
"""Those whose open balances make up what a letter asks for."""

_ARRANGEMENTS = frozenset({HoldKind.PROMISE, HoldKind.PAYMENT_PLAN})


def compute_undisputed_rest(open_balance: int, disputed: int) -> int:
    """Return the part of an open balance that is not in dispute; all in minor units."""
    return open_balance - min(disputed, open_balance)


def classify_open_invoice(days_past_due: int, hold_kinds: Collection[str], is_disputed: bool, undisputed_rest: int) -> NamedAs | None:
    """Classify an open invoice that asked for no letter, in a letter about its account's position; None: it is left out.

    `undisputed_rest` is in minor units. A notice of suspension does not take an invoice out of what is owed; a pause, a credit review, a
    write-off that is being decided and a balance below the policy's minimum do.
    """
    if days_past_due <= 0:
        return None
    if is_disputed or HoldKind.DISPUTE in hold_kinds or undisputed_rest <= 0:
        return NamedAs.DISPUTED
    if _ARRANGEMENTS & set(hold_kinds):
        return NamedAs.ARRANGED
    return None if set(hold_kinds) - {HoldKind.SUSPENSION} else NamedAs.LISTED


def is_gathered(next_step_on: date | None, today: date, gather_days: int) -> bool:
    """Return true when a letter of today takes along an invoice whose next letter step is due on `next_step_on`."""
    return next_step_on is not None and next_step_on <= today + timedelta(days=gather_days)
