"""Check that every case's row has the kind, the account and the invoice of its entries. The chain's own check covers its count and head."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, split_batches
from adapters.database.tables import Case
from domain.audit.verification_report import VerificationFinding
from domain.identifiers import find_case_kind


class CaseCheck:
    """Compares each case's row with the case's first entry."""

    table, kinds = "cases", frozenset[str]()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first_entries: dict[str, JournalEvidence] = {}

    def add_evidence(self, entry: JournalEvidence) -> None:
        self._first_entries.setdefault(entry.case_id, entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        first_entries, self._first_entries = list(self._first_entries.values()), {}
        columns = (col(Case.case_id), col(Case.kind), col(Case.account_id), col(Case.invoice_id))
        for batch in split_batches(first_entries):
            entry_of = {entry.case_id: entry for entry in batch}
            for case_id, kind, account_id, invoice_id in self._session.execute(select(*columns).where(col(Case.case_id).in_(entry_of))):
                entry = entry_of[case_id]
                if (account_id, invoice_id) != (entry.account_id, entry.invoice_id):
                    yield entry.build_finding(
                        self.table, case_id, f"is not of the account {account_id}, or not about {invoice_id or 'no invoice'}"
                    )
                elif kind != find_case_kind(case_id):
                    yield entry.build_finding(self.table, case_id, f"is no case of the kind {kind}")

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
