"""The data folder: made for its owner alone, and what stands in its way said in a sentence."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

from adapters.outages import describe_outage, is_database_away
from domain.errors import OperatingError

log = structlog.get_logger(__name__)

OWNER_ONLY = 0o700
OWN_FILES = ("duecourse.db", "duecourse.lock", "inbox", "logs")

INSUFFICIENT_PRIVILEGE = "42501"
"""PostgreSQL's SQLSTATE."""

_BY_ERRNO = {
    errno.ENOSPC: "the disk is full; make room there, then try again",
    errno.EDQUOT: "the quota of the disk is used up; make room there, then try again",
    errno.EROFS: "the file system is read-only; name another folder with --data-dir, or make it writable",
    errno.EACCES: "this user may not; change whose it is, or name another folder with --data-dir",
    errno.EPERM: "this user may not; change whose it is, or name another folder with --data-dir",
    errno.ENOTDIR: "a file stands where a folder is needed; name another folder with --data-dir",
    errno.EEXIST: "a file stands where a folder is needed; name another folder with --data-dir",
    errno.EISDIR: "a folder stands where a file is needed; move it away, or name another folder with --data-dir",
}
_BY_SQLITE_ERROR = {
    "SQLITE_NOTADB": "the database is damaged, or is none; put back a copy of the data folder that is whole",
    "SQLITE_CORRUPT": "the database is damaged; put back a copy of the data folder that is whole",
    "SQLITE_READONLY": "the database cannot be written to; make it and its folder writable, or name another folder with --data-dir",
    "SQLITE_FULL": "the disk is full; make room there, then try again: nothing was written by halves",
    "SQLITE_CANTOPEN": "the database cannot be opened; see whose its folder is, or name another with --data-dir",
    "SQLITE_PERM": "the database cannot be opened; see whose its folder is, or name another with --data-dir",
    "SQLITE_IOERR": "the disk failed to read or write the database; see to the disk, then verify with `duecourse audit verify`",
    "SQLITE_BUSY": "another program holds the database; try again when it has ended",
}


class DataFolderError(OperatingError):
    """A data folder that cannot be used as it is."""


def prepare_data_folder(folder: Path) -> None:
    """Make the folder, for its owner alone; one that others may look into is closed to them. Raises DataFolderError."""
    with convert_storage_errors():
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        _close_to_others(folder)


def _close_to_others(folder: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & 0o077:
        return
    is_own = any((folder / name).exists() for name in OWN_FILES) or not any(folder.iterdir())
    try:
        if is_own:
            folder.chmod(OWNER_ONLY)
            return
    except OSError:
        pass
    log.warning("data_folder_open_to_others", folder=str(folder), mode=f"{mode:04o}", advice="chmod 700, for it holds customers' data")


@contextmanager
def convert_storage_errors() -> Iterator[None]:
    """Raises DataFolderError in place of the errors of disks and databases that have a sentence."""
    try:
        yield
    except (OSError, DBAPIError) as error:
        if sentence := describe_storage_error(error):
            raise DataFolderError(sentence) from error
        raise


def describe_storage_error(error: BaseException) -> str | None:
    """Return what a person can do about an error of a disk or a database; None where it is of another kind."""
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return f"{error.filename or 'the data folder'} cannot be used: {_BY_ERRNO[error.errno]}"
    if not isinstance(error, DBAPIError):
        return None
    if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
        said = describe_outage(error)
        return f"the user of the database may not do this ({said}); after a new release, its tables' owner runs `duecourse prepare` first"
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    sentence = next((words for prefix, words in _BY_SQLITE_ERROR.items() if name.startswith(prefix)), None)
    if sentence is not None:
        return f"{sentence} ({error.orig})"
    if is_database_away(error):
        return f"the database does not answer; see that it runs, then try again ({describe_outage(error)})"
    return None
