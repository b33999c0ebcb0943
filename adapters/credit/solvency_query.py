"""Read an account's payment behaviour, and score it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.credit.verdict_query import VERDICT_KINDS, find_active_verdicts
from adapters.database.engine import Database
from adapters.database.tables import Invoice
from adapters.journal.account_entries import load_entries_of_kinds
from domain.billing.billing_events import InvoiceStatus
from domain.credit_review.referral_rules import LastCreditVerdict
from domain.credit_review.solvency_score import PaymentBehaviour, SolvencyScore, score_solvency
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.policy.dispute_rules import DisputeResolution

LOOK_BACK_PERIOD = timedelta(days=730)
"""The period whose payments count: older ones say little about the present."""

PROMISE_KINDS = (EntryKind.PROMISE_KEPT, EntryKind.PROMISE_PARTLY_KEPT, EntryKind.PROMISE_BROKEN)
JUDGED_RESOLUTIONS = {
    DisputeResolution.REJECTED.value,
    DisputeResolution.CREDIT_NOTE.value,
    DisputeResolution.CORRECTED_INVOICE.value,
    DisputeResolution.ALREADY_PAID.value,
}
"""Resolutions that decide who was right. A dispute that was withdrawn, or settled with the balance, decides nothing."""


class AccountSolvency(BaseModel):
    """An account's payment behaviour and score, None when nothing is known. `currency` is that of the exposure, None without a limit."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    record: PaymentBehaviour
    currency: str | None
    solvency: SolvencyScore | None


class SolvencyQuery:
    """Loads solvency scores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_solvency(self, account_id: str, now: datetime) -> AccountSolvency:
        """Load the solvency as of `now` (business time, UTC). The exposure is the open amount in the currency of the last verdict's
        limit."""
        with self._database.reading() as session:
            kinds = (*VERDICT_KINDS, *PROMISE_KINDS, EntryKind.DISPUTE_RESOLVED)
            entries = list(load_entries_of_kinds(session, *kinds, account_id=account_id, until=now))
            verdict = find_active_verdicts(entries).get(account_id)
            record = _load_payment_record(session, account_id, now, [entry for _, entry in entries], verdict)
        score = score_solvency(record)
        is_known = any(factor.value is not None for factor in score.factors)
        currency = verdict.currency if verdict and verdict.limit is not None else None
        return AccountSolvency(account_id=account_id, record=record, currency=currency, solvency=score if is_known else None)


def _load_payment_record(
    session: Session, account_id: str, now: datetime, entries: Iterable[AccountEntry], verdict: LastCreditVerdict | None
) -> PaymentBehaviour:
    since = now - LOOK_BACK_PERIOD
    promises: dict[EntryKind, set[str]] = {kind: set() for kind in PROMISE_KINDS}
    resolutions: list[str] = []
    for entry in entries:
        if entry.at < since:
            continue
        if entry.kind == EntryKind.DISPUTE_RESOLVED.value:
            resolutions.append(entry.get_text("resolution"))
        elif entry.kind in PROMISE_KINDS:
            promises[EntryKind(entry.kind)].add(entry.promise_id)
    kept = len(promises[EntryKind.PROMISE_KEPT])
    return PaymentBehaviour(
        days_late=_load_days_late(session, account_id, since, now),
        promises_kept=kept,
        promises_broken=sum(map(len, promises.values())) - kept,
        disputes_lost=resolutions.count(DisputeResolution.REJECTED.value),
        disputes_resolved=sum(resolution in JUDGED_RESOLUTIONS for resolution in resolutions),
        open_amount=_load_open_amount(session, account_id, verdict.currency) if verdict and verdict.currency else 0,
        credit_limit=verdict.limit if verdict else None,
    )


def _load_days_late(session: Session, account_id: str, since: datetime, now: datetime) -> list[int]:
    """Load the days late of each paid invoice, in order of payment; 0 for one paid early."""
    rows = (
        select(col(Invoice.settled_on), col(Invoice.due_date))
        .where(
            col(Invoice.account_id) == account_id,
            col(Invoice.status) == InvoiceStatus.PAID.value,
            col(Invoice.total) > 0,
            col(Invoice.settled_on) >= since.date(),
            col(Invoice.settled_on) <= now.date(),
        )
        .order_by(col(Invoice.settled_on), col(Invoice.due_date), col(Invoice.id))
    )
    return [max((settled - due).days, 0) for settled, due in session.execute(rows)]


def _load_open_amount(session: Session, account_id: str, currency: str) -> int:
    """Load the open amount in one currency (minor units)."""
    open_amount = select(func.coalesce(func.sum(col(Invoice.open_balance)), 0)).where(
        col(Invoice.account_id) == account_id, col(Invoice.currency) == currency, col(Invoice.status) == InvoiceStatus.OPEN.value
    )
    return int(session.execute(open_amount).scalar_one())
