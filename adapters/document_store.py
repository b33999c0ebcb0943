"""Files that people attach: stored once by their SHA-256, so that a history can name them for ever."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select
from sqlmodel import col

from adapters.database.dispute_evidence import has_evidence
from adapters.database.engine import Database
from adapters.database.tables import Case, Document, DossierRow


class DocumentStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, media_type: str, content: bytes, stored_by: str, at: datetime) -> str:
        """Its SHA-256. The same content again keeps the first name. `at` is business time."""
        digest = hashlib.sha256(content).hexdigest()
        row = {
            "sha256": digest,
            "name": name,
            "media_type": media_type,
            "size": len(content),
            "content": content,
            "stored_by": stored_by,
            "stored_at": at,
        }
        with self._database.writing() as session:
            session.execute(self._database.build_insert_or_ignore(Document).values(**row))
        return digest

    def discard_unused(self, digests: Sequence[str], stored_by: str, at: datetime) -> None:
        """Delete those of the files that were stored by this user at this time, and on which no dispute and no dossier rests."""
        mine = (col(Document.stored_by) == stored_by, col(Document.stored_at) == at)
        with self._database.writing() as session:
            for digest in digests:
                attached = select(col(Case.case_id)).where(has_evidence(digest)).exists()
                printed = select(col(DossierRow.key)).where(
                    or_(col(DossierRow.json_sha256) == digest, col(DossierRow.pdf_sha256) == digest)
                )
                session.execute(delete(Document).where(col(Document.sha256) == digest, *mine, ~attached, ~printed.exists()))

    def get(self, sha256: str) -> tuple[str, bytes] | None:
        """Name and content."""
        with self._database.reading() as session:
            row = session.get(Document, sha256)
            return (row.name, row.content) if row else None

    def find_missing(self, digests: list[str]) -> list[str]:
        """Those that are not stored here."""
        with self._database.reading() as session:
            return [digest for digest in digests if session.get(Document, digest) is None]
