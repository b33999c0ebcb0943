"""The active credit verdicts: an account's last one, until its review is closed."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from adapters.journal.account_entries import load_entries_of_kinds
from domain.credit_review.referral_rules import LastCreditVerdict
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind

VERDICT_KINDS = (EntryKind.CREDIT_REVIEW_VERDICT, EntryKind.CREDIT_REVIEW_ENDED)


def load_active_verdicts(session: Session, account_id: str | None = None, until: datetime | None = None) -> dict[str, LastCreditVerdict]:
    """Load the active verdicts by account id, of one account or of all; `until` is business time (UTC), included."""
    return find_active_verdicts(load_entries_of_kinds(session, *VERDICT_KINDS, account_id=account_id, until=until))


def find_active_verdicts(entries: Iterable[tuple[str, AccountEntry]]) -> dict[str, LastCreditVerdict]:
    """Find the active verdicts among entries in order of time, each with its account's id; entries of other kinds say nothing of them."""
    active: dict[str, LastCreditVerdict] = {}
    for account, entry in entries:
        if entry.kind not in VERDICT_KINDS:
            continue
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
