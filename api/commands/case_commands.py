"""Acts on a case that the read model knows, or that the act itself begins: the same answer whether a worker took the act at once or it
waits to be applied."""

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseRow, read_case
from adapters.temporal.case_commands import CaseNotRunning, WillBeApplied
from adapters.temporal.case_start import Beginning
from api.commands.notes_and_tasks import keep_note_of
from api.context import ApiParts
from api.schemas.responses import ActAnswer
from api.web.problems import Problem, not_found
from domain.case.command import Act, Receipt


def existing_case(parts: ApiParts, kind: str, case_id: str, look: str) -> CaseRow:
    """`look` says where the ids of such cases are found. Raises Problem 404."""
    row = read_case(parts.database, kind, case_id)
    if row is None:
        raise not_found(kind.replace("_", " "), case_id, look)
    return row


async def keep_comment(parts: ApiParts, act_id: str, case: CaseRow, author: str, text: str) -> str | None:
    """The id of the note that holds it; None for an empty one."""
    if not text:
        return None
    return await run_in_threadpool(keep_note_of, parts, act_id, case.account_id, case.invoice_id, author, text)


async def do_on_case(parts: ApiParts, case: CaseRow, act: Act, response: Response) -> ActAnswer:
    """202 when no worker answered in time. Raises Problem 409 for a case that is over, with how it ended."""
    try:
        outcome = await parts.cases.act_on(case.case_id, act)
    except CaseNotRunning as error:
        raise _over(parts, case) from error
    return answer(outcome, act.act_id, response)


async def do_or_begin(parts: ApiParts, beginning: Beginning, act: Act, response: Response) -> ActAnswer:
    """202 when no worker answered in time. Raises Problem 409 when the case came to its end in this very moment."""
    try:
        outcome = await parts.cases.act_or_begin(beginning, act)
    except CaseNotRunning as error:
        raise Problem(
            409, "closed", "The case is closed", "the account's case came to its end in this moment; send the same again to begin another"
        ) from error
    return answer(outcome, act.act_id, response)


def answer(outcome: Receipt | WillBeApplied, act_id: str, response: Response) -> ActAnswer:
    if isinstance(outcome, WillBeApplied):
        response.status_code = 202
        return ActAnswer(act_id=act_id, recorded="will be applied")
    return ActAnswer(act_id=act_id, recorded="now", seq=outcome.seq, repeated=outcome.repeated)


def _over(parts: ApiParts, case: CaseRow) -> Problem:
    """Read again: it may have ended in this very moment, by someone else's decision."""
    now = read_case(parts.database, case.kind, case.case_id) or case
    what = case.kind.replace("_", " ")
    ended = now.summary.get("ended") or f"this {what} is over: {(now.outcome or now.stage).replace('_', ' ')}"
    return Problem(409, "closed", "The case is closed", f"{ended}; nothing can be done to it any more")
