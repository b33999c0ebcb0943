"""Every stored file is the one that its SHA-256 names, and every file on which a dossier or a dispute rests is there."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.erasure_check import ErasedPapers
from adapters.audit.verification.journal_evidence import AT_ONCE, Testimony, entries_of, portions, read
from adapters.database.tables import Case, Document, DossierRow
from domain.audit.verification_report import Fault
from domain.journal.entry_kinds import EntryKind

MADE, ATTACHED = EntryKind.DOSSIER_MADE, EntryKind.DISPUTE_EVIDENCE_ATTACHED
IN_MEMORY = 5
"""Files whose content is in memory at a time."""


class Named(NamedTuple):
    """A file on which something of an account rests, `by` what, and the entry that says so, if one does."""

    digest: str
    account_id: str
    by: str
    entry: Testimony | None = None


class DocumentCheck:
    table, kinds = "documents", frozenset({MADE.value, ATTACHED.value})

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: list[Testimony] = []
        self._named: list[Named] = []
        self._blamed: set[str] = set()

    def hear(self, entry: Testimony) -> None:
        if entry.kind == MADE.value:
            self._made.append(entry)
            self._named += [Named(entry.text(name), entry.account_id, entry.case_id, entry) for name in ("json_sha256", "pdf_sha256")]
        elif entry.kind == ATTACHED.value:
            self._named += [Named(digest, entry.account_id, entry.case_id, entry) for digest in entry.text("evidence").split()]

    def settle(self) -> Iterator[Fault]:
        made, named, self._made, self._named = self._made, self._named, [], []
        yield from self._missing(named)
        for some in portions(made):
            columns = (col(DossierRow.account_id), col(DossierRow.json_sha256), col(DossierRow.pdf_sha256))
            wanted = col(DossierRow.pdf_sha256).in_({entry.text("pdf_sha256") for entry in some})
            kept = {tuple(row) for row in self._session.execute(select(*columns).where(wanted))}
            for entry in some:
                if (entry.account_id, entry.text("json_sha256"), entry.text("pdf_sha256")) not in kept:
                    purpose = entry.text("purpose")
                    yield entry.against("dossiers", f"{entry.case_id}:{purpose}", "is missing, or names other files than were made")

    def conclude(self) -> Iterator[Fault]:
        yield from self.settle()
        yield from self._missing(self._of_dossiers())
        yield from self._missing(self._of_disputes())
        stored = select(col(Document.sha256), col(Document.content)).execution_options(yield_per=IN_MEMORY)
        for row in self._session.execute(stored):
            if sha256(bytes(row.content)).hexdigest() != row.sha256:
                yield self._changed(row.sha256)

    def _of_dossiers(self) -> Iterator[Named]:
        columns = (col(DossierRow.key), col(DossierRow.account_id), col(DossierRow.json_sha256), col(DossierRow.pdf_sha256))
        for row in self._session.execute(select(*columns).execution_options(yield_per=AT_ONCE)):
            for digest in (row.json_sha256, row.pdf_sha256):
                yield Named(digest, row.account_id, f"the dossier {row.key}")

    def _of_disputes(self) -> Iterator[Named]:
        disputes = select(col(Case.case_id), col(Case.account_id), cast(col(Case.summary), Text).label("summary")).where(
            col(Case.kind) == "dispute"
        )
        for row in self._session.execute(disputes.execution_options(yield_per=AT_ONCE)):
            for digest in str(read(row.summary).get("evidence") or "").split():
                yield Named(digest, row.account_id, f"the case {row.case_id}")

    def _missing(self, named: Iterable[Named]) -> Iterator[Fault]:
        for some in portions(named):
            wanted = {one.digest for one in some}
            stored = set(self._session.scalars(select(col(Document.sha256)).where(col(Document.sha256).in_(wanted))))
            for one in some:
                if (
                    one.digest in stored
                    or one.digest in self._blamed
                    or one.digest in ErasedPapers(self._session, one.account_id).documents
                ):
                    continue
                self._blamed.add(one.digest)
                what = f"is missing, and {one.by} rests on it"
                yield one.entry.against(self.table, one.digest, what) if one.entry else Fault(table=self.table, key=one.digest, what=what)

    def _changed(self, digest: str) -> Fault:
        what = "its content does not make its SHA-256: it was changed"
        proof = next((entry for entry in self._naming(digest) if digest in f"{entry.facts}"), None)
        return proof.against(self.table, digest, what) if proof else Fault(table=self.table, key=digest, what=what)

    def _naming(self, digest: str) -> Iterator[Testimony]:
        """Entries among which is the one that names the file, if there is one: of the accounts whose dossiers, and of the disputes that
        rest on it."""
        owners = select(col(DossierRow.account_id)).where((col(DossierRow.json_sha256) == digest) | (col(DossierRow.pdf_sha256) == digest))
        for account_id in self._session.scalars(owners.distinct()).all():
            yield from entries_of(self._session, MADE, account_id=account_id)
        disputes = select(col(Case.case_id)).where(col(Case.kind) == "dispute", cast(col(Case.summary), Text).contains(digest))
        for case_id in self._session.scalars(disputes).all():
            yield from entries_of(self._session, ATTACHED, case_id=case_id)
