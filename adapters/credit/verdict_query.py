"""The active credit verdicts: an account's last one, until its review is closed."""

from datetime import datetime

from sqlmodel import Session

from adapters.journal.account_entries import load_entries_of_kinds
from domain.credit_review.referral_rules import LastCreditVerdict
from domain.journal.entry_kinds import EntryKind


def load_active_verdicts(session: Session, account_id: str | None = None, until: datetime | None = None) -> dict[str, LastCreditVerdict]:
    """Load the active verdicts by account id, of one account or of all; `until` is business time (UTC), included."""
    active: dict[str, LastCreditVerdict] = {}
    kinds = (EntryKind.CREDIT_REVIEW_VERDICT, EntryKind.CREDIT_REVIEW_ENDED)
    for account, entry in load_entries_of_kinds(session, *kinds, account_id=account_id, until=until):
        if entry.kind == EntryKind.CREDIT_REVIEW_ENDED.value:
            active.pop(account, None)
            continue
        active[account] = LastCreditVerdict(
            given_on=entry.business_date,
            limit=entry.get_optional_int("limit"),
            currency=entry.get_text("currency") or None,
            insolvent=bool(entry.facts.get("insolvent")),
        )
    return active
