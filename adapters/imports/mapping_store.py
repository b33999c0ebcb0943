"""The mappings that can be named: those that people saved, and those that stand in a folder."""

import re
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import KeptMapping
from adapters.imports.column_mapping import ColumnMapping, MappingError, parse_mapping, read_mapping_file
from domain.refusal import Refusal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class MappingStore:
    """A saved mapping takes the place of one of the same name in the folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def list_names(self) -> list[str]:
        with self._database.reading() as session:
            saved = session.execute(select(col(KeptMapping.name)).distinct()).scalars().all()
        return sorted({*saved, *(path.stem for path in self._folder.glob("*.yaml"))})

    def find(self, name: str) -> ColumnMapping | None:
        """Raises MappingError, where the one of that name cannot be used any more."""
        text = self.find_text(name)
        return None if text is None else parse_mapping(text, f"{name}.yaml")

    def find_text(self, name: str) -> str | None:
        """Return it as it was written. Raises MappingError, where it cannot be read."""
        if not _NAME.fullmatch(name):
            return None
        with self._database.reading() as session:
            kept = session.get(KeptMapping, (name, _find_version(session, name)))
            if kept is not None:
                return kept.text
        path = self._folder / f"{name}.yaml"
        return read_mapping_file(path) if path.is_file() else None

    def save(self, name: str, text: str, saved_by: str, now: datetime) -> int:
        """Save a mapping as the next version of its name, and return which one; the same text again is the same version. Raises
        MappingError."""
        if not _NAME.fullmatch(name):
            raise MappingError(Refusal("mapping.no_name", "'{name}' is no name; write letters, digits, - and _, at most 64", name=name))
        parse_mapping(text, f"{name}.yaml")
        with self._database.writing() as session:
            self._database.take_turns(session, KeptMapping.__tablename__, name)
            version = _find_version(session, name)
            known = session.get(KeptMapping, (name, version))
            if known is not None and known.text == text:
                return version
            session.add(KeptMapping(name=name, version=version + 1, text=text, saved_by=saved_by, saved_at=now))
        return version + 1


def _find_version(session: Session, name: str) -> int:
    """The last one; 0 where there is none."""
    return session.execute(select(func.max(KeptMapping.version)).where(col(KeptMapping.name) == name)).scalar_one() or 0
