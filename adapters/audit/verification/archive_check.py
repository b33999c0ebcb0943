"""Check that every archived history is the one that was archived, and that the run which it continued from is archived too."""

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.audit.histories.archive import ArchiveDamagedError, RunArchive
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.database.tables import ArchivedRun
from domain.audit.verification_report import VerificationFinding
from domain.refusal import Refusal

ARCHIVED_RUNS_TABLE = "archived_runs"
HISTORIES_PER_FETCH = 10
"""Histories whose content is in memory at a time."""


class ArchiveUnreachableError(ConnectionError):
    """Some histories are in a bucket that is not configured here, or does not answer."""


def find_archive_faults(session: Session, archive: RunArchive | None) -> Iterator[VerificationFinding]:
    """Check the histories in the database first, then those in the bucket. Raises ArchiveUnreachableError.

    That the only history of a case is gone is found by its replay.
    """
    run_columns = (col(ArchivedRun.workflow_id), col(ArchivedRun.run_id))
    in_database = select(*run_columns, col(ArchivedRun.sha256), col(ArchivedRun.content)).where(col(ArchivedRun.content).is_not(None))
    for row in session.execute(in_database.execution_options(yield_per=HISTORIES_PER_FETCH)):
        if sha256(bytes(row.content)).hexdigest() != row.sha256:
            yield VerificationFinding(
                table=ARCHIVED_RUNS_TABLE,
                key=f"{row.workflow_id}/{row.run_id}",
                what="its content does not make its SHA-256: it was changed",
            )
    yield from _find_missing_runs(session)
    in_bucket = col(ArchivedRun.content).is_(None)
    if archive is None and (count := session.execute(select(func.count()).where(in_bucket)).scalar_one()):
        raise ArchiveUnreachableError(
            Refusal("audit.bucket_unnamed", "{count} archived histories lie in a bucket that is not named here", count=count)
        )
    for case_id, run_id in session.execute(select(*run_columns).where(in_bucket)):
        try:
            if archive:
                archive.load_content(case_id, run_id)
        except ArchiveDamagedError as error:
            yield VerificationFinding(table=ARCHIVED_RUNS_TABLE, key=f"{case_id}/{run_id}", what=str(error))
        except ArchiveStoreError as error:
            raise ArchiveUnreachableError(
                Refusal(
                    "audit.bucket_away", "archived histories in the bucket, from {case} on: {problem}", case=case_id, problem=str(error)
                )
            ) from error


def _find_missing_runs(session: Session) -> Iterator[VerificationFinding]:
    """Find the runs that a later run continued from, and that are not archived."""
    earlier = aliased(ArchivedRun)
    is_previous_run = (col(earlier.workflow_id) == col(ArchivedRun.workflow_id)) & (col(earlier.run_id) == col(ArchivedRun.continued_from))
    continued_from_missing = (
        select(col(ArchivedRun.workflow_id), col(ArchivedRun.continued_from), col(ArchivedRun.run_id))
        .outerjoin(earlier, is_previous_run)
        .where(col(ArchivedRun.continued_from).is_not(None), col(earlier.run_id).is_(None))
        .order_by(col(ArchivedRun.workflow_id), col(ArchivedRun.started_at))
    )
    for case_id, run_id, next_run in session.execute(continued_from_missing):
        yield VerificationFinding(
            table=ARCHIVED_RUNS_TABLE, key=f"{case_id}/{run_id}", what=f"is missing: the run {next_run} went on from it"
        )
