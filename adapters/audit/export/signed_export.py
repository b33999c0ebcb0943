"""What auditors take along of an account or a period: one signed zip, with the program that verifies it.

The same content, exported by the same person at the same moment with the same key, is the same zip to the byte. Whatever is as long as the
journal goes from the database to a file and from there into the zip: memory is taken for one case, one letter or one history at a time.
"""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from sqlmodel import Session

from adapters.audit.export.journal_files import JournalFiles, JsonListWriter, write_journal
from adapters.audit.export.signed_zip import GZIP, SignedZip
from adapters.audit.export.signing_key import AuditKey
from adapters.audit.export.supporting_records import SupportingRecords
from adapters.audit.export.verifier_bundle import build_verifier_source
from adapters.database.engine import Database
from adapters.database.tables import SealRow
from domain.audit.scope import AccountScope, AuditScope
from domain.audit.seal import Seal, SealLeaf

EXPORT_FORMAT, EXPORT_VERSION = "duecourse audit export", 1
README_FILE = "README.txt"


class HistorySource(Protocol):
    """The runs of the cases of a scope, live and archived: of each its case, its id and its history, gzip of Temporal's own JSON."""

    def stream_runs(self, scope: AuditScope) -> AsyncIterator[tuple[str, str, bytes]]: ...


class SealSource(Protocol):
    """The daily seals."""

    def list_seals(self) -> Sequence[Seal]:
        """All there are, the oldest first."""

    def load_leaves(self, day: date) -> Sequence[SealLeaf]:
        """What the seal of a day was made over."""


class ExportResult(NamedTuple):
    """`manifest` as it is in the zip; `public_key` is to be told to the auditors by another way."""

    path: Path
    public_key: str
    manifest: dict[str, Any]


class AuditExport:
    """Reads only. Safe to share between threads."""

    def __init__(self, database: Database, histories: HistorySource, seals: SealSource, key: AuditKey) -> None:
        self._histories, self._seals, self._key = histories, seals, key
        self._database = database

    async def write(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> ExportResult:
        """Into `target`, which appears when it is whole. `at` is real time. Raises OSError, and what the histories' source raises."""
        with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as name:
            folder = Path(name)
            runs = await self._spool_runs(scope, folder)
            return await asyncio.to_thread(self._write_zip, scope, target, folder, runs, exported_by, at)

    async def _spool_runs(self, scope: AuditScope, folder: Path) -> list["_SpooledRun"]:
        runs: list[_SpooledRun] = []
        async for case_id, run_id, content in self._histories.stream_runs(scope):
            file = folder / f"run-{len(runs)}"
            await asyncio.to_thread(file.write_bytes, content)
            runs.append(_SpooledRun(case_id, run_id, file, content.startswith(GZIP)))
        return runs

    def _write_zip(
        self, scope: AuditScope, target: Path, folder: Path, runs: list["_SpooledRun"], exported_by: str, at: datetime
    ) -> ExportResult:
        draft = folder / "export.zip"
        with self._database.snapshot() as session, zipfile.ZipFile(draft, "w") as archive:
            signed = SignedZip(archive)
            journal = write_journal(session, scope, folder)
            papers = SupportingRecords(session, scope)
            signed.add(README_FILE, _README_TEXT.encode(), what="what is in this folder")
            papers.add_documents(signed, journal.digests)
            papers.add_erasures(signed)
            signed.add_file("heads.json", journal.heads, what="the last entry of each case")
            for run in sorted(runs, key=lambda run: run.name):
                signed.add_file(run.name, run.file, what="history of a run", case=run.case_id, run=run.run_id)
            signed.add_file("journal.csv", journal.table, what="the journal, as a table")
            signed.add_file("journal.json", journal.entries, what="the journal, in its canonical form")
            papers.add_letters(signed)
            signed.add_file("orphans.json", journal.orphans, what="entries that do not count, written by workers that died")
            papers.add_policies(signed)
            seals, sealed_at = self._write_seals(session, scope, journal, folder)
            signed.add_file("seals.json", seals, what="daily seals, the last one with its leaves")
            signed.add("verify.py", build_verifier_source().encode(), what="the program that verifies this export")
            head = {
                "format": EXPORT_FORMAT,
                "version": EXPORT_VERSION,
                "scope": _describe_scope(scope),
                "exported_by": exported_by,
                "exported_at": at.astimezone(UTC).isoformat(),
                "entries": journal.entry_count,
                "cases": journal.case_count,
                "policies_in_force": papers.list_policies_in_force(),
                "sealed_at": sealed_at,
            }
            manifest = signed.sign(self._key, head)
        draft.replace(target)
        return ExportResult(target, self._key.public_hex, manifest)

    def _write_seals(self, session: Session, scope: AuditScope, journal: JournalFiles, folder: Path) -> tuple[Path, str | None]:
        """With the real time at which the last one was made. Of another account's case only its leaf's hash is told."""
        seals = [seal for seal in self._seals.list_seals() if isinstance(scope, AccountScope) or seal.day <= scope.last]
        file, made = folder / "seals", session.get(SealRow, seals[-1].day) if seals else None
        with file.open("wb") as stream:
            lines = JsonListWriter(stream)
            for seal in seals:
                lines.add(seal.model_dump(mode="json"))
            for leaf in sorted(self._seals.load_leaves(seals[-1].day)) if seals else ():
                lines.add(list(leaf) if leaf.case_id in journal.case_ids else leaf.compute_hash().hex())
            lines.close()
        return file, made.made_at.isoformat() if made else None


class _SpooledRun(NamedTuple):
    """A history that waits for its place in the zip. Ids become names of files that every system takes."""

    case_id: str
    run_id: str
    file: Path
    is_gzipped: bool

    @property
    def name(self) -> str:
        return f"histories/{quote(self.case_id, safe='')}/{quote(self.run_id, safe='')}.json{'.gz' if self.is_gzipped else ''}"


def _describe_scope(scope: AuditScope) -> dict[str, str]:
    if isinstance(scope, AccountScope):
        return {"account": scope.account_id}
    return {"first day": scope.first.isoformat(), "last day": scope.last.isoformat()}


_README_TEXT = """An export of Duecourse for auditors. Unpack it, and have Python verify that nothing in it was changed:

    python verify.py --key KEY --seal HASH

It answers GOOD, or CHANGED with the name of every file and the number of every entry that is not as it was.

KEY    is the public key that the company told you by another way: who holds its other half made this export. It stands in signature.json
       too, where it proves nothing by itself.
HASH   is that of a daily seal that was mailed to you; take the latest you have. All that was written before it is then as it was that day,
       whoever signed the export, and whenever.

Leave out what you do not have: less is proven then. The program needs Python 3.9 or later and nothing else. Read it before you trust
it; your own copy of it, from another export, does as well: python my-verify.py FOLDER-OR-ZIP.

documents/      files, named by their SHA-256
erasures.json   what was erased of personal details, and what was kept, if anything was
heads.json      the last entry of each case: its chain ends there
histories/      what the workflows were told and did, in Temporal's own JSON: the journal can be made anew from them
journal.csv     every entry in a table (UTF-8, separated by commas) for a spreadsheet; what that would take for a formula stands behind an
                apostrophe
journal.json    the same, an entry on each line, in the canonical form that its hash is over
letters/        every letter, byte for byte as it was sent: a mail program opens it
manifest.json   every file with its size and SHA-256, who made the export, and when
orphans.json    entries that do not count: a worker wrote them and died before it was heard
policies/       the collection policies and the approval matrix, every version that was ever in force
seals.json      the daily seals, each following from the one before, and the leaves of the last one
signature.json  the Ed25519 signature over manifest.json

An entry of the journal says what was done (kind), for which account and invoice, by whom (actor), and its particulars (facts). It
counts from business_at; recorded_at is when the program wrote it. Both are UTC. Amounts are in the smallest unit of their currency. The
entries of a case are numbered (seq), and each has the hash of the one before it (previous): none can be changed, taken out or put in
without its being seen.
"""


__all__ = ["AuditExport", "ExportResult", "HistorySource", "SealSource"]
