"""Find the accounts that the rules refer to a credit analyst."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.credit.verdict_query import load_active_verdicts
from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice
from adapters.journal.account_entries import load_entries_of_kinds
from adapters.policies.policy_store import PolicyStore
from adapters.set_aside.each import concerns_all
from domain.billing.billing_events import InvoiceStatus
from domain.credit_review.commands import ReferralReason
from domain.credit_review.referral_rules import ReferralIndicators, list_referral_reasons
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind


class ReferralQuery:
    """Finds accounts to refer, by their broken promises, open amounts and last verdicts."""

    def __init__(self, database: Database, policies: PolicyStore) -> None:
        self._database, self._policies = database, policies

    def list_accounts_to_refer(
        self, now: datetime, on_failure: Callable[[str, Exception], None] | None = None
    ) -> list[tuple[str, ReferralReason]]:
        """List the accounts to refer, each with its first reason, in order of their ids. `now` is business time (UTC). `on_failure` is told
        of an account whose rules cannot be read; without it, that raises.

        An account whose review awaits a verdict is not listed, so that a daily run refers none twice.
        """
        with self._database.reading() as session:
            broken, verdicts = _count_broken_promises(session, now), load_active_verdicts(session, until=now)
            awaiting = set(session.execute(_AWAITING_VERDICT_QUERY).scalars())
            indicators = {
                account: ReferralIndicators(
                    broken_promises=broken[account], open_amounts=amounts, verdict=verdicts.get(account), awaits_verdict=account in awaiting
                )
                for account, amounts in _load_open_amounts(session, {*broken, *verdicts}).items()
            }
        referrals = []
        for account, account_indicators in sorted(indicators.items()):
            try:
                rules = self._policies.get_for_segment(self._policies.get_segment(account)).load_policy().promise
            except Exception as error:
                if on_failure is None or concerns_all(error):
                    raise
                on_failure(account, error)
                continue
            if reasons := list_referral_reasons(account_indicators, rules.most_broken, now.date()):
                referrals.append((account, reasons[0]))
        return referrals


_AWAITING_VERDICT_QUERY = select(col(Case.account_id)).where(
    col(Case.kind) == CaseKind.CREDIT_REVIEW, col(Case.outcome).is_(None), col(Case.waiting_for) == "verdict"
)


def _count_broken_promises(session: Session, now: datetime) -> Counter[str]:
    """Count the broken promises of each account since its last verdict, which has taken the earlier ones into account."""
    broken: dict[str, set[str]] = {}
    kinds = (EntryKind.PROMISE_BROKEN, EntryKind.CREDIT_REVIEW_VERDICT, EntryKind.CREDIT_REVIEW_ENDED)
    for account, entry in load_entries_of_kinds(session, *kinds, until=now):
        if entry.kind == EntryKind.PROMISE_BROKEN.value:
            broken.setdefault(account, set()).add(entry.promise_id)
        else:
            broken.pop(account, None)
    return Counter({account: len(promises) for account, promises in broken.items()})


def _load_open_amounts(session: Session, accounts: set[str]) -> dict[str, dict[str, int]]:
    """Load the open amount of each account, in minor units by currency. One query for all: a statement takes only so many names."""
    rows = (
        select(col(Invoice.account_id), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
        .where(col(Invoice.status) == InvoiceStatus.OPEN)
        .group_by(col(Invoice.account_id), col(Invoice.currency))
    )
    amounts: dict[str, dict[str, int]] = {}
    for account, currency, amount in session.execute(rows):
        if account in accounts:
            amounts.setdefault(account, {})[currency] = int(amount)
    return amounts
