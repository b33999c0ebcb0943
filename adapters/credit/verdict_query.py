"""The credit verdicts that stand: an account's last one, until its review was closed."""

from datetime import datetime

from sqlmodel import Session

from adapters.journal.account_entries import read_kinds
from domain.credit_review.referral_rules import StandingVerdict
from domain.journal.entry_kinds import EntryKind


def standing_verdicts(session: Session, account_id: str | None = None, until: datetime | None = None) -> dict[str, StandingVerdict]:
    """By account; of one account, or of all."""
    standing: dict[str, StandingVerdict] = {}
    kinds = (EntryKind.CREDIT_REVIEW_VERDICT, EntryKind.CREDIT_REVIEW_ENDED)
    for account, entry in read_kinds(session, *kinds, account_id=account_id, until=until):
        if entry.kind == EntryKind.CREDIT_REVIEW_ENDED.value:
            standing.pop(account, None)
            continue
        standing[account] = StandingVerdict(
            given_on=entry.on, limit=entry.number("limit"), currency=entry.text("currency") or None,
            insolvent=bool(entry.facts.get("insolvent")),
        )  # fmt: skip
    return standing
