"""Finds the accounts that the rules refer to a credit analyst."""

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.credit.verdict_query import standing_verdicts
from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice
from adapters.journal.account_entries import read_kinds
from adapters.policies.policy_store import PolicyBook
from domain.credit_review.commands import Reason
from domain.credit_review.referral_rules import ReferralFacts, reasons_to_refer
from domain.journal.entry_kinds import EntryKind


class ReferralReading:
    def __init__(self, database: Database, policies: PolicyBook) -> None:
        self._database, self._policies = database, policies

    def accounts(self, now: datetime) -> list[tuple[str, Reason]]:
        """Each account that is to be referred, with its weightiest reason, in order of their ids. `now` is business time (UTC).

        An account whose review awaits a verdict is not among them, so that asking every day refers nobody twice.
        """
        with self._database.reading() as session:
            broken, verdicts = _broken_since_verdict(session, now), standing_verdicts(session, until=now)
            awaiting = set(session.execute(_AWAITING).scalars())
            facts = {
                account: ReferralFacts(
                    broken_promises=broken[account], open_amounts=amounts, verdict=verdicts.get(account), awaits_verdict=account in awaiting
                )
                for account, amounts in _open_amounts(session, {*broken, *verdicts}).items()
            }
        found = []
        for account, known in sorted(facts.items()):
            rules = self._policies.for_segment(self._policies.segment_of(account)).read().promise
            if reasons := reasons_to_refer(known, rules.most_broken, now.date()):
                found.append((account, reasons[0]))
        return found


_AWAITING = select(col(Case.account_id)).where(
    col(Case.kind) == "credit_review", col(Case.outcome).is_(None), col(Case.waiting_for) == "verdict"
)


def _broken_since_verdict(session: Session, now: datetime) -> Counter[str]:
    """A verdict takes note of the promises broken before it."""
    broken: Counter[str] = Counter()
    kinds = (EntryKind.PROMISE_BROKEN, EntryKind.CREDIT_REVIEW_VERDICT, EntryKind.CREDIT_REVIEW_ENDED)
    for account, entry in read_kinds(session, *kinds, until=now):
        if entry.kind == EntryKind.PROMISE_BROKEN.value:
            broken[account] += 1
        else:
            broken.pop(account, None)
    return broken


def _open_amounts(session: Session, accounts: set[str]) -> dict[str, dict[str, int]]:
    """What each of the accounts owes, by currency. One query for all: there may be more accounts than a statement takes names."""
    rows = (
        select(col(Invoice.account_id), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
        .where(col(Invoice.status) == "open")
        .group_by(col(Invoice.account_id), col(Invoice.currency))
    )
    amounts: dict[str, dict[str, int]] = {}
    for account, currency, amount in session.execute(rows):
        if account in accounts:
            amounts.setdefault(account, {})[currency] = int(amount)
    return amounts
