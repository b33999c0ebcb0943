"""Every archived history is the one that was put there, and so is the one that it went on from."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.audit.histories.archive import ArchiveDamagedError, ArchivedRuns
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.database.tables import ArchivedRun
from domain.audit.verification_report import Fault

TABLE = "archived_runs"
IN_MEMORY = 10
"""Histories whose content is in memory at a time."""


class ArchiveOutOfReachError(ConnectionError):
    """Histories lie in a bucket that is not named here, or does not answer."""


def archive_faults(session: Session, archive: ArchivedRuns | None) -> Iterator[Fault]:
    """What lies in the database first, then what lies in the bucket. That the only history of a case is gone, its replay tells. Raises
    ArchiveOutOfReachError."""
    run = (col(ArchivedRun.workflow_id), col(ArchivedRun.run_id))
    here = select(*run, col(ArchivedRun.sha256), col(ArchivedRun.content)).where(col(ArchivedRun.content).is_not(None))
    for row in session.execute(here.execution_options(yield_per=IN_MEMORY)):
        if sha256(bytes(row.content)).hexdigest() != row.sha256:
            yield Fault(table=TABLE, key=f"{row.workflow_id}/{row.run_id}", what="its content does not make its SHA-256: it was changed")
    yield from _gone(session)
    elsewhere = col(ArchivedRun.content).is_(None)
    if archive is None and (left := session.execute(select(func.count()).where(elsewhere)).scalar_one()):
        raise ArchiveOutOfReachError(f"{left} archived histories lie in a bucket that is not named here")
    for case_id, run_id in session.execute(select(*run).where(elsewhere)):
        try:
            if archive:
                archive.content(case_id, run_id)
        except ArchiveDamagedError as error:
            yield Fault(table=TABLE, key=f"{case_id}/{run_id}", what=str(error))
        except ArchiveStoreError as error:
            raise ArchiveOutOfReachError(f"archived histories in the bucket, from {case_id} on: {error}") from error


def _gone(session: Session) -> Iterator[Fault]:
    earlier = aliased(ArchivedRun)
    before = (col(earlier.workflow_id) == col(ArchivedRun.workflow_id)) & (col(earlier.run_id) == col(ArchivedRun.continued_from))
    named = (
        select(col(ArchivedRun.workflow_id), col(ArchivedRun.continued_from), col(ArchivedRun.run_id))
        .outerjoin(earlier, before)
        .where(col(ArchivedRun.continued_from).is_not(None), col(earlier.run_id).is_(None))
        .order_by(col(ArchivedRun.workflow_id), col(ArchivedRun.started_at))
    )
    for case_id, run_id, next_run in session.execute(named):
        yield Fault(table=TABLE, key=f"{case_id}/{run_id}", what=f"is missing: the run {next_run} went on from it")
