"""Compare the applications of unapplied credit, and what was taken back of them, with the entries of the invoices and their allocations."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, load_evidence, split_batches
from adapters.database.tables import Allocation, CreditApplicationRow, Invoice
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind

CREDIT_ENTRY_KINDS = (EntryKind.CREDIT_APPLIED, EntryKind.CREDIT_TAKEN_BACK)
"""The entries by which an invoice's case records what an application gave it, or what was taken back: amount, currency, credit, by whom."""


class CreditCheck:
    """Each entry is held against the application that it names; each application against the sum of what its invoices got."""

    table, kinds = "credit_applications", frozenset(kind.value for kind in CREDIT_ENTRY_KINDS)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entries: list[JournalEvidence] = []
        self._reported: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        """Keep the entries of a sound case that name an application."""
        if entry.kind in self.kinds and entry.case_is_sound and entry.get_text("application"):
            self._entries.append(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        collected, self._entries = self._entries, []
        for entries in split_batches(collected):
            keys = {entry.get_text("application") for entry in entries}
            chosen = select(CreditApplicationRow).where(col(CreditApplicationRow.key).in_(keys))
            rows = {row.key: row for row in self._session.scalars(chosen)}
            shares = self._load_shares(keys)
            for entry in entries:
                key = entry.get_text("application")
                what = _compare_entry(rows.get(key), shares[key, entry.invoice_id], entry)
                if what and key not in self._reported:
                    self._reported.add(key)
                    yield entry.build_finding(self.table, key, what)

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        yield from self._find_unbalanced_applications()
        yield from self._find_orphaned_allocations()
        yield from self._find_unknown_originals()

    def _load_shares(self, keys: set[str]) -> dict[tuple[str, str | None], set[tuple[str, int]]]:
        """(credit, amount) of what an application gave an invoice, by the two."""
        shares = defaultdict[tuple[str, str | None], set[tuple[str, int]]](set)
        columns = (Allocation.application_key, Allocation.invoice_id, Allocation.payment_id, Allocation.credit_note_id, Allocation.amount)
        given = select(*map(col, columns)).where(col(Allocation.application_key).in_(keys))
        for key, invoice_id, payment, note, amount in self._session.execute(given):
            shares[key, invoice_id].add((payment or note or "", abs(amount)))
        return shares

    def _find_unbalanced_applications(self) -> Iterator[VerificationFinding]:
        """Find the applications whose allocations do not add up to them, or are of another account, currency, day or direction."""
        row, given = CreditApplicationRow, func.coalesce(func.sum(col(Allocation.amount)), 0)
        sign = case((col(row.takes_back).is_(None), 1), else_=-1)
        columns = (col(row.key), col(row.amount), col(row.takes_back))
        foreign = or_(
            col(Invoice.account_id) != col(row.account_id),
            col(Invoice.currency) != col(row.currency),
            col(Allocation.allocated_on) != col(row.booked_on),
        )
        unbalanced = (
            select(*columns, given.label("given"), func.max(Invoice.id).filter(foreign).label("foreign"), func.min(Invoice.id).label("any"))
            .outerjoin(Allocation, col(Allocation.application_key) == col(row.key))
            .outerjoin(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
            .group_by(*columns)
            .having(or_(given != col(row.amount) * sign, func.max(Invoice.id).filter(foreign).is_not(None)))
            .order_by(col(row.key))
        )
        for found in self._session.execute(unbalanced):
            if found.key not in self._reported:
                what = f"is of {found.amount}, and its invoices got {found.given}"
                if found.foreign:
                    what = f"is of another account, currency or day than what it gave to {found.foreign}"
                yield self._build_finding(found.key, what)

    def _find_orphaned_allocations(self) -> Iterator[VerificationFinding]:
        row = CreditApplicationRow
        orphaned = (
            select(col(Allocation.application_key), func.min(Allocation.invoice_id).label("invoice_id"))
            .outerjoin(row, col(row.key) == col(Allocation.application_key))
            .where(col(Allocation.application_key).is_not(None), col(row.key).is_(None))
            .group_by(col(Allocation.application_key))
        )
        for key, invoice_id in self._session.execute(orphaned):
            if key not in self._reported:
                yield self._build_finding(key, f"is missing, and {invoice_id} got of it")

    def _find_unknown_originals(self) -> Iterator[VerificationFinding]:
        undoing, original = CreditApplicationRow, aliased(CreditApplicationRow)
        unknown = (
            select(col(undoing.key), col(undoing.takes_back))
            .outerjoin(original, col(original.key) == col(undoing.takes_back))
            .where(col(undoing.takes_back).is_not(None), or_(col(original.key).is_(None), col(original.takes_back).is_not(None)))
        )
        for key, takes_back in self._session.execute(unknown):
            if key not in self._reported:
                yield self._build_finding(key, f"is said to take back {takes_back}, which was no application")

    def _build_finding(self, key: str, what: str) -> VerificationFinding:
        self._reported.add(key)
        entries = load_evidence(self._session, *CREDIT_ENTRY_KINDS)
        proof = next((entry for entry in entries if entry.get_text("application") == key), None)
        return build_finding(proof, self.table, key, what)


def _compare_entry(row: CreditApplicationRow | None, shares: set[tuple[str, int]], entry: JournalEvidence) -> str | None:
    """Say how an application contradicts the entry that it left in an invoice's case."""
    if row is None:
        return "is missing"
    kept = {
        "account": (row.account_id, entry.account_id),
        "currency": (row.currency, entry.get_text("currency")),
        "person": (row.recorded_by, entry.get_text("by")),
        "day": (row.booked_on.isoformat(), entry.get_text("on")),
        "application that it takes back": (row.takes_back or "", entry.get_text("takes_back")),
        "reason": (row.reason, entry.get_text("reason")),
    }
    for name, (said, was) in kept.items():
        if said != was:
            return f"has the {name} {said!r}, and had {was!r}"
    if (entry.get_text("credit"), entry.facts.get("amount")) not in shares:
        return f"gave {entry.facts.get('amount')} of {entry.get_text('credit')} to {entry.invoice_id}, which no allocation has"
    return None
