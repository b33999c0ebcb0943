"""The routes that prove the journal: its verification, the seals, an account's replay and past state, and exports for auditors."""

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

from adapters.audit.audit_service import find_chain_faults, require_account
from adapters.audit.export.event_log import export_event_log, export_ocel
from adapters.audit.histories.archive import ArchiveDamagedError
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.audit.seals.seal_store import SealStore
from adapters.audit.verification.verification import Verification
from adapters.journal.account_state import AccountStateQuery
from adapters.read_model.proof_lines import list_proof_lines
from api.presenters.journal import present_entry
from api.presenters.language import ReaderPhrases
from api.routes.account_lookup import ExistingAccount
from api.schemas.account_state import AccountStateOut, CheckedAccountStateOut
from api.schemas.audit import JournalStepOut, SealCheckOut, SealOut
from api.schemas.request_body import MAX_NUMBER, Day
from api.web.access_logging import record_exported_scope
from api.web.authentication import AuditingActor, Context
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Limit
from api.web.problems import PROBLEM_RESPONSES, build_user_error_problem, invalid_request_problem, not_found_problem
from domain.audit.replay_report import ReplayReport
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from domain.audit.verification_report import VerificationReport

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
PUBLIC_KEY_HEADER = "X-Audit-Public-Key"
ASK_AGAIN = "; ask again in a moment"
FILE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


def parse_day(
    context: Context, at: Annotated[Day | None, Query(description="a business date (UTC), its end; today when left out")] = None
) -> date:
    """Raises Problem 422."""
    if at is not None and at > context.today:
        raise invalid_request_problem("at", f"the day has not come; write today's date, {context.today.isoformat()}, or an earlier one")
    return at or context.today


def parse_scope(
    request: Request,
    account: Annotated[str | None, Query(description="everything of this account")] = None,
    first_day: Annotated[Day | None, Query(description="a business date, included")] = None,
    last_day: Annotated[Day | None, Query(description="a business date, included")] = None,
) -> AuditScope:
    """Whoever takes it along has viewed it. Raises Problem 422."""
    scope: AuditScope
    if account is not None and first_day is None and last_day is None:
        scope = AccountScope(account)
    elif account is None and first_day is not None and last_day is not None and first_day <= last_day:
        scope = PeriodScope(first_day, last_day)
    else:
        raise invalid_request_problem(
            "account", "name an account, or else a period by first_day and last_day, the first of them not after the last"
        )
    record_exported_scope(request, scope)
    return scope


PastDay = Annotated[date, Depends(parse_day)]
RequestedScope = Annotated[AuditScope, Depends(parse_scope)]


@router.get("/verify", operation_id="verify_journal", summary="Hold everything stored against hashes, chains and seals")
def verify_journal(_: AuditingActor, context: Context) -> VerificationReport:
    """Reads the whole journal, and what it speaks of: some seconds for each hundred thousand entries. Each fault names its row."""
    return Verification(context.database, context.audits.archive).run()


@router.get("/seals", operation_id="list_seals", summary="The daily seals, as they were mailed; the oldest first")
def get_seals(_: AuditingActor, context: Context) -> list[SealOut]:
    return [SealOut.from_seal(seal) for seal in SealStore(context.database).list_seals()]


@router.get("/seals/{day}", operation_id="check_seal", summary="Whether what one day's seal names is still there")
def check_seal(_: AuditingActor, context: Context, day: Day) -> SealCheckOut:
    seals = SealStore(context.database)
    seal = next((seal for seal in seals.list_seals() if seal.day == day), None)
    if seal is None:
        raise not_found_problem("seal", day.isoformat(), "GET /v1/audit/seals lists the days that were sealed")
    return SealCheckOut(seal=SealOut.from_seal(seal), faults=seals.check_seal(day))


@router.get("/accounts/{account_id}/replay", operation_id="replay_account", summary="Replay an account's histories with today's code")
async def replay_account(_: AuditingActor, account: ExistingAccount, context: Context) -> ReplayReport:
    """Live histories and archived ones. Each case with its runs, and each entry that is not as its history tells it."""
    with _convert_history_errors():
        return await context.audits.replay(account.id)


@router.get("/accounts/{account_id}/standing", operation_id="read_standing", summary="An account as it stood at the end of a day")
def get_account_state(_: AuditingActor, account: ExistingAccount, context: Context, day: PastDay) -> CheckedAccountStateOut:
    """Balances, each invoice's stage and holds, what had been sent, who was waited for, and the policy that applied: from the journal."""
    stood = AccountStateQuery(context.database).load_state(account.id, day)
    return CheckedAccountStateOut(standing=AccountStateOut.from_state(stood), changed=find_chain_faults(context.database, account.id))


@router.get(
    "/accounts/{account_id}/steps", operation_id="walk_account", summary="An account's journal, entry by entry, with what each made"
)
def get_account_steps(
    _: AuditingActor,
    account: ExistingAccount,
    context: Context,
    words: ReaderPhrases,
    day: PastDay,
    after: Annotated[int, Query(ge=0, le=MAX_NUMBER, description="so many entries are passed over")] = 0,
    limit: Limit = 50,
) -> list[JournalStepOut]:
    """Return the account's states after each entry, in business time up to the end of the day `at`. `after` skips so many entries."""
    walked = list(islice(AccountStateQuery(context.database).iterate_states(account.id, day), after, after + limit))
    lines = list_proof_lines(context.database, [entry for entry, _ in walked])
    return [
        JournalStepOut(entry=present_entry(line, words), standing=AccountStateOut.from_state(made))
        for line, (_, made) in zip(lines, walked, strict=True)
    ]


@router.get(
    "/export",
    operation_id="export_audit",
    summary="A signed zip of an account or a period",
    response_class=FileResponse,
    responses=FILE_RESPONSE,
)
async def export_audit(actor: AuditingActor, context: Context, scope: RequestedScope) -> FileResponse:
    """Journal, histories, letters, documents, policies and seals, with the program that verifies them and needs Python alone."""
    await run_in_threadpool(require_account, context.database, scope)
    with _make_temporary_folder() as folder, _convert_history_errors():
        made = await context.audits.export(scope, folder / "export.zip", actor.user, context.now())
        return _build_file_response(
            made.path, f"duecourse-{_build_file_name(scope)}.zip", "application/zip", **{PUBLIC_KEY_HEADER: made.public_key}
        )


@router.get(
    "/log", operation_id="export_log", summary="The journal for process mining", response_class=FileResponse, responses=FILE_RESPONSE
)
def get_event_log(
    _: AuditingActor,
    context: Context,
    scope: RequestedScope,
    format: Annotated[Literal["ocel", "csv"], Query(description="OCEL 2.0 as JSON, or a table with an event on each row")] = "ocel",
) -> FileResponse:
    """Names, addresses and written texts are left out."""
    require_account(context.database, scope)
    with _make_temporary_folder() as folder:
        if format == "csv":
            export_event_log(context.database, scope, folder / "log")
            return _build_file_response(folder / "log", f"duecourse-{_build_file_name(scope)}.csv", "text/csv; charset=utf-8")
        export_ocel(context.database, scope, folder / "log")
        return _build_file_response(folder / "log", f"duecourse-{_build_file_name(scope)}.ocel.json", "application/json")


@contextmanager
def _convert_history_errors() -> Iterator[None]:
    """Raises Problem 409, 503."""
    try:
        yield
    except ArchiveDamagedError as error:
        raise build_user_error_problem(error, "; a replay of its account tells more") from error
    except ArchiveStoreError as error:
        raise build_user_error_problem(error, ASK_AGAIN) from error
    except RPCError as error:
        raise build_user_error_problem(ArchiveStoreError(str(error)), ASK_AGAIN) from error


class TemporaryFileResponse(FileResponse):
    """Deleted with its folder, whatever becomes of its transfer. It is made anew each time: no part of it continues an earlier one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        try:
            await super().__call__(whole, receive, send)
        finally:
            await run_in_threadpool(shutil.rmtree, Path(self.path).parent, ignore_errors=True)


@contextmanager
def _make_temporary_folder() -> Iterator[Path]:
    """Deleted when the file that was to lie in it cannot be made."""
    folder = Path(tempfile.mkdtemp(prefix="duecourse-audit-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _build_file_response(path: Path, name: str, kind: str, **headers: str) -> TemporaryFileResponse:
    return TemporaryFileResponse(path, filename=name, media_type=kind, headers={"Accept-Ranges": "none", **headers})


def _build_file_name(scope: AuditScope) -> str:
    if isinstance(scope, AccountScope):
        return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in scope.account_id)
    return f"{scope.first}-{scope.last}"
