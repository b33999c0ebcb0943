"""What proves the journal: its verification, the seals, an account's replay and past standing, and what an auditor takes along."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send
from temporalio.service import RPCError

from adapters.audit.audit_service import changed_of, require
from adapters.audit.export.event_log import export_event_log, export_ocel
from adapters.audit.histories.archive import ArchiveDamagedError
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.audit.seals.seal_store import SealBook
from adapters.audit.verification.verification import Verification
from adapters.journal.account_state import StandingReading
from adapters.read_model.proof_lines import proof_lines
from api.presenters import records as presenting
from api.presenters.language import Words
from api.routes.account_lookup import ExistingAccount
from api.schemas.account_state import StandingOut, StoodOut
from api.schemas.audit import SealCheckOut, SealOut, WalkedOut
from api.web.access_logging import takes_along
from api.web.authentication import Auditing, Parts
from api.web.idempotency import OnceRoute
from api.web.pagination import Limit
from api.web.problems import RESPONSES, Problem, invalid, not_found
from domain.audit.replay_report import ReplayReport
from domain.audit.scope import AuditScope, OneAccount, Period
from domain.audit.verification_report import VerifyReport

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=OnceRoute, responses=RESPONSES)
PUBLIC_KEY = "X-Audit-Public-Key"
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


def wanted_day(
    parts: Parts, at: Annotated[date | None, Query(description="a business date (UTC), its end; today when left out")] = None
) -> date:
    """Raises Problem 422."""
    if at is not None and at > parts.today:
        raise invalid("at", f"the day has not come; write today's date, {parts.today.isoformat()}, or an earlier one")
    return at or parts.today


def wanted_scope(
    request: Request,
    account: Annotated[str | None, Query(description="everything of this account")] = None,
    first_day: Annotated[date | None, Query(description="a business date, included")] = None,
    last_day: Annotated[date | None, Query(description="a business date, included")] = None,
) -> AuditScope:
    """Whoever takes it along has viewed it. Raises Problem 422."""
    scope: AuditScope
    if account is not None and first_day is None and last_day is None:
        scope = OneAccount(account)
    elif account is None and first_day is not None and last_day is not None and first_day <= last_day:
        scope = Period(first_day, last_day)
    else:
        raise invalid("account", "name an account, or else a period by first_day and last_day, the first of them not after the last")
    takes_along(request, scope)
    return scope


Day = Annotated[date, Depends(wanted_day)]
Wanted = Annotated[AuditScope, Depends(wanted_scope)]


@router.get("/verify", operation_id="verify_journal", summary="Hold everything stored against hashes, chains and seals")
def verify(_: Auditing, parts: Parts) -> VerifyReport:
    """Reads the whole journal, and what it speaks of: some seconds for each hundred thousand entries. Each fault names its row."""
    return Verification(parts.database, parts.audits.archive).run()


@router.get("/seals", operation_id="list_seals", summary="The daily seals, as they were mailed; the oldest first")
def seals(_: Auditing, parts: Parts) -> list[SealOut]:
    return [SealOut.of(seal) for seal in SealBook(parts.database).kept()]


@router.get("/seals/{day}", operation_id="check_seal", summary="Whether what one day's seal names is still there")
def check_seal(_: Auditing, parts: Parts, day: date) -> SealCheckOut:
    book = SealBook(parts.database)
    seal = next((seal for seal in book.kept() if seal.day == day), None)
    if seal is None:
        raise not_found("seal", day.isoformat(), "GET /v1/audit/seals lists the days that were sealed")
    return SealCheckOut(seal=SealOut.of(seal), faults=book.check(day))


@router.get("/accounts/{account_id}/replay", operation_id="replay_account", summary="Replay an account's histories with today's code")
async def replay(_: Auditing, account: ExistingAccount, parts: Parts) -> ReplayReport:
    """Live histories and archived ones. Each case with its runs, and each entry that is not as its history tells it."""
    with _reaching_histories():
        return await parts.audits.replay(account.id)


@router.get("/accounts/{account_id}/standing", operation_id="read_standing", summary="An account as it stood at the end of a day")
def standing(_: Auditing, account: ExistingAccount, parts: Parts, day: Day) -> StoodOut:
    """Balances, each invoice's stage and holds, what had been sent, who was waited for, and the policy that applied: from the journal."""
    stood = StandingReading(parts.database).at(account.id, day)
    return StoodOut(standing=StandingOut.of(stood), changed=changed_of(parts.database, account.id))


@router.get(
    "/accounts/{account_id}/steps", operation_id="walk_account", summary="An account's journal, entry by entry, with what each made"
)
def steps(
    _: Auditing,
    account: ExistingAccount,
    parts: Parts,
    words: Words,
    day: Day,
    after: Annotated[int, Query(ge=0, description="so many entries are passed over")] = 0,
    limit: Limit = 50,
) -> list[WalkedOut]:
    """In business time, up to the end of the day `at`. Go on with `after` = how many you have."""
    walked = list(islice(StandingReading(parts.database).steps(account.id, day), after, after + limit))
    lines = proof_lines(parts.database, [entry for entry, _ in walked])
    return [
        WalkedOut(entry=presenting.entry(line, words), standing=StandingOut.of(made)) for line, (_, made) in zip(lines, walked, strict=True)
    ]


@router.get(
    "/export", operation_id="export_audit", summary="A signed zip of an account or a period", response_class=FileResponse, responses=FILE
)
async def export(actor: Auditing, parts: Parts, scope: Wanted) -> FileResponse:
    """Journal, histories, letters, documents, policies and seals, with the program that verifies them and needs Python alone."""
    await run_in_threadpool(require, parts.database, scope)
    with _folder() as folder, _reaching_histories():
        made = await parts.audits.export(scope, folder / "export.zip", actor.user, parts.now())
        return _file(made.path, f"duecourse-{_named(scope)}.zip", "application/zip", **{PUBLIC_KEY: made.public_key})


@router.get("/log", operation_id="export_log", summary="The journal for process mining", response_class=FileResponse, responses=FILE)
def event_log(
    _: Auditing,
    parts: Parts,
    scope: Wanted,
    format: Annotated[Literal["ocel", "csv"], Query(description="OCEL 2.0 as JSON, or a table with an event on each row")] = "ocel",
) -> FileResponse:
    """What customers are called, where they live and what people wrote is left out."""
    require(parts.database, scope)
    with _folder() as folder:
        if format == "csv":
            export_event_log(parts.database, scope, folder / "log")
            return _file(folder / "log", f"duecourse-{_named(scope)}.csv", "text/csv; charset=utf-8")
        export_ocel(parts.database, scope, folder / "log")
        return _file(folder / "log", f"duecourse-{_named(scope)}.ocel.json", "application/json")


@contextmanager
def _reaching_histories() -> Iterator[None]:
    """Raises Problem 409, 503."""
    try:
        yield
    except ArchiveDamagedError as error:
        raise Problem(409, "damaged", "The archive was tampered with", f"{error}; a replay of its account tells more") from error
    except (RPCError, ArchiveStoreError) as error:
        raise Problem(503, "unreachable", "The histories cannot be reached", f"{error}; ask again in a moment") from error


class TakenAlong(FileResponse):
    """Deleted with its folder, whatever becomes of its transfer. It is made anew each time: no part of it continues an earlier one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        try:
            await super().__call__(whole, receive, send)
        finally:
            await run_in_threadpool(shutil.rmtree, Path(self.path).parent, ignore_errors=True)


@contextmanager
def _folder() -> Iterator[Path]:
    """Deleted when the file that was to lie in it cannot be made."""
    folder = Path(tempfile.mkdtemp(prefix="duecourse-audit-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _file(path: Path, name: str, kind: str, **headers: str) -> TakenAlong:
    return TakenAlong(path, filename=name, media_type=kind, headers={"Accept-Ranges": "none", **headers})


def _named(scope: AuditScope) -> str:
    if isinstance(scope, OneAccount):
        return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in scope.account_id)
    return f"{scope.first}-{scope.last}"
