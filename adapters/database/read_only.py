"""A database that is only looked at: a copy on a disk that cannot be written to, such as an auditor's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from alembic.script import ScriptDirectory

from adapters.database.engine import Database, build_migration_config
from domain.errors import OperatingError

UNWRITTEN_PART = "-wal"
"""The end of the name of the file in which SQLite keeps what is not in the database itself yet."""


UNTOUCHED = "mode=ro&immutable=1&uri=true"
"""How SQLite opens a file that it neither locks nor puts anything beside."""


class OlderCopyError(OperatingError):
    """A copy that cannot be migrated, because it cannot be written to."""


def is_writable(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


@contextmanager
def opened_read_only(file: Path) -> Iterator[Database]:
    """Open a SQLite database that cannot be written to. What lies beside it unwritten counts: then both are copied, and the copy is opened.

    Raises OlderCopyError.
    """
    unwritten = Path(f"{file}{UNWRITTEN_PART}")
    if unwritten.exists() and unwritten.stat().st_size:
        with TemporaryDirectory(prefix="duecourse-copy-") as folder:
            copy = Path(folder) / file.name
            shutil.copyfile(file, copy)
            shutil.copyfile(unwritten, f"{copy}{UNWRITTEN_PART}")
            with _checked(Database(f"sqlite:///{copy}")) as database:
                yield database
        return
    with _checked(Database(f"sqlite:///file:{quote(str(file.absolute()))}?{UNTOUCHED}", ["query_only=ON"])) as database:
        yield database


@contextmanager
def _checked(database: Database) -> Iterator[Database]:
    """Close it in the end. Raises OlderCopyError, NewerDatabaseError."""
    try:
        head = ScriptDirectory.from_config(build_migration_config()).get_current_head()
        if (known := database.find_known_revision()) != head:
            raise OlderCopyError(
                f"this copy was written by an older version of Duecourse (schema {known}) and cannot be migrated where it is; "
                "copy it to where it can be written, or look at it with that version"
            )
        yield database
    finally:
        database.close()
