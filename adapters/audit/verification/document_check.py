"""Check that every stored file has its SHA-256, and that every file on which a dossier, a dispute or a policy's draft rests is stored."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.erasure_check import ErasedRecords
from adapters.audit.verification.journal_evidence import (
    BATCH_SIZE,
    JournalEvidence,
    build_finding,
    load_evidence,
    parse_json_object,
    split_batches,
)
from adapters.database.dispute_evidence import has_evidence, list_evidence
from adapters.database.tables import Case, Document, DossierRow
from domain.audit.verification_report import VerificationFinding
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind

DOSSIER_MADE, EVIDENCE_ATTACHED, SUBMITTED = EntryKind.DOSSIER_MADE, EntryKind.DISPUTE_EVIDENCE_ATTACHED, EntryKind.POLICY_SUBMITTED
FILES_PER_FETCH = 5
"""Files whose content is in memory at a time."""


class FileReference(NamedTuple):
    """A file on which something of an account rests: `referenced_by` names what, `entry` is the entry that names the file, if any."""

    digest: str
    account_id: str
    referenced_by: str
    entry: JournalEvidence | None = None


class DocumentCheck:
    """Compares the stored files with the entries, dossiers and disputes that name them."""

    table, kinds = "documents", frozenset({DOSSIER_MADE.value, EVIDENCE_ATTACHED.value, SUBMITTED.value})

    def __init__(self, session: Session) -> None:
        self._session = session
        self._dossier_entries: list[JournalEvidence] = []
        self._references: list[FileReference] = []
        self._reported_digests: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind == DOSSIER_MADE.value:
            self._dossier_entries.append(entry)
            self._references += [
                FileReference(entry.get_text(name), entry.account_id, entry.case_id, entry) for name in ("json_sha256", "pdf_sha256")
            ]
        elif entry.kind == EVIDENCE_ATTACHED.value:
            self._references += [
                FileReference(digest, entry.account_id, entry.case_id, entry) for digest in entry.get_text("evidence").split()
            ]
        elif entry.kind == SUBMITTED.value:
            self._references.append(FileReference(entry.get_text("draft_sha256"), entry.account_id, entry.case_id, entry))

    def check_evidence(self) -> Iterator[VerificationFinding]:
        dossier_entries, references = self._dossier_entries, self._references
        self._dossier_entries, self._references = [], []
        yield from self._find_missing_files(references)
        for batch in split_batches(dossier_entries):
            columns = (col(DossierRow.account_id), col(DossierRow.json_sha256), col(DossierRow.pdf_sha256))
            in_batch = col(DossierRow.pdf_sha256).in_({entry.get_text("pdf_sha256") for entry in batch})
            stored_dossiers = {tuple(row) for row in self._session.execute(select(*columns).where(in_batch))}
            for entry in batch:
                if (entry.account_id, entry.get_text("json_sha256"), entry.get_text("pdf_sha256")) not in stored_dossiers:
                    purpose = entry.get_text("purpose")
                    yield entry.build_finding("dossiers", f"{entry.case_id}:{purpose}", "is missing, or names other files than were made")

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        yield from self._find_missing_files(self._iterate_dossier_files())
        yield from self._find_missing_files(self._iterate_dispute_files())
        stored = select(col(Document.sha256), col(Document.content)).execution_options(yield_per=FILES_PER_FETCH)
        for row in self._session.execute(stored):
            if sha256(bytes(row.content)).hexdigest() != row.sha256:
                yield self._build_changed_finding(row.sha256)

    def _iterate_dossier_files(self) -> Iterator[FileReference]:
        columns = (col(DossierRow.key), col(DossierRow.account_id), col(DossierRow.json_sha256), col(DossierRow.pdf_sha256))
        for row in self._session.execute(select(*columns).execution_options(yield_per=BATCH_SIZE)):
            for digest in (row.json_sha256, row.pdf_sha256):
                yield FileReference(digest, row.account_id, f"the dossier {row.key}")

    def _iterate_dispute_files(self) -> Iterator[FileReference]:
        disputes = select(col(Case.case_id), col(Case.account_id), cast(col(Case.summary), Text).label("summary")).where(
            col(Case.kind) == CaseKind.DISPUTE
        )
        for row in self._session.execute(disputes.execution_options(yield_per=BATCH_SIZE)):
            for digest in list_evidence(CaseKind.DISPUTE, parse_json_object(row.summary)):
                yield FileReference(digest, row.account_id, f"the case {row.case_id}")

    def _find_missing_files(self, references: Iterable[FileReference]) -> Iterator[VerificationFinding]:
        for batch in split_batches(references):
            digests = {reference.digest for reference in batch}
            stored = set(self._session.scalars(select(col(Document.sha256)).where(col(Document.sha256).in_(digests))))
            for reference in batch:
                digest = reference.digest
                if digest in stored or digest in self._reported_digests:
                    continue
                if digest in ErasedRecords(self._session, reference.account_id).documents:
                    continue
                self._reported_digests.add(digest)
                yield build_finding(reference.entry, self.table, digest, f"is missing, and {reference.referenced_by} rests on it")

    def _build_changed_finding(self, digest: str) -> VerificationFinding:
        what = "its content does not make its SHA-256: it was changed"
        proof = next((entry for entry in self._load_referencing_entries(digest) if digest in f"{entry.facts}"), None)
        return build_finding(proof, self.table, digest, what)

    def _load_referencing_entries(self, digest: str) -> Iterator[JournalEvidence]:
        """Yield the entries of the accounts whose dossiers, and of the disputes that rest on the file; one of them may name it."""
        owners = select(col(DossierRow.account_id)).where((col(DossierRow.json_sha256) == digest) | (col(DossierRow.pdf_sha256) == digest))
        for account_id in self._session.scalars(owners.distinct()).all():
            yield from load_evidence(self._session, DOSSIER_MADE, account_id=account_id)
        disputes = select(col(Case.case_id)).where(has_evidence(digest))
        for case_id in self._session.scalars(disputes).all():
            yield from load_evidence(self._session, EVIDENCE_ATTACHED, case_id=case_id)
