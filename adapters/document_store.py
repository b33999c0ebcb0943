"""Files that people attach: stored once by their SHA-256, so that a history can name them for ever."""

import hashlib
from datetime import datetime

from adapters.database.engine import Database
from adapters.database.tables import Document


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

    def get(self, sha256: str) -> tuple[str, bytes] | None:
        """Name and content."""
        with self._database.reading() as session:
            row = session.get(Document, sha256)
            return (row.name, row.content) if row else None

    def find_missing(self, digests: list[str]) -> list[str]:
        """Those that are not stored here."""
        with self._database.reading() as session:
            return [digest for digest in digests if session.get(Document, digest) is None]
