"""Acts on a case that the read model knows, or that the act itself begins: the same answer whether a worker took the act at once or it
waits to be applied."""

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseRow, find_case
from adapters.read_model.journal import find_entry_of_act
from adapters.temporal.case_commands import CaseNotRunning, CommandQueued, CommandRejected
from adapters.temporal.case_start import CaseStart
from api.commands.notes_and_tasks import save_note, withdraw_mentions
from api.context import ApiContext
from api.schemas.command_answer import CommandAnswer
from api.web.problems import Problem, not_found_problem
from domain.approval.summary import ApprovalSummary
from domain.case.command import Command, CommandReceipt
from domain.identifiers import CaseKind
from domain.refusal import Refusal


def require_case(context: ApiContext, kind: CaseKind, case_id: str, hint: str) -> CaseRow:
    """Return the case; `hint` says in the problem where the ids of such cases are found. Raises Problem 404."""
    row = find_case(context.database, kind, case_id)
    if row is None:
        raise not_found_problem(kind.replace("_", " "), case_id, hint)
    return row


async def save_comment(context: ApiContext, act_id: str, case: CaseRow, author: str, text: str) -> str | None:
    """Save the comment as a note and return the note's id; None for an empty comment."""
    if not text:
        return None
    return await run_in_threadpool(save_note, context, act_id, case.account_id, case.invoice_id, author, text)


async def submit_case_command(context: ApiContext, case: CaseRow, command: Command, response: Response) -> CommandAnswer:
    """202 when no worker answered in time. Raises Problem 409 for a case that is over, with how it ended."""
    outcome: CommandReceipt | CommandQueued | None
    try:
        outcome = await context.cases.submit_command(case.case_id, command)
    except CaseNotRunning as error:
        outcome = await find_done_act(context, case.case_id, command.act_id)
        if outcome is None:
            await run_in_threadpool(withdraw_mentions, context, command.act_id)
            raise await run_in_threadpool(build_closed_problem, context, case) from error
    except CommandRejected:
        await run_in_threadpool(withdraw_mentions, context, command.act_id)
        raise
    return build_command_answer(outcome, command.act_id, response)


async def find_done_act(context: ApiContext, case_id: str, act_id: str) -> CommandReceipt | None:
    """The receipt of an act that a case did before it ended: whoever got no answer, and sends it again, is to hear that it was done; None
    for an act that was not."""
    seq = await run_in_threadpool(find_entry_of_act, context.database, case_id, act_id)
    return None if seq is None else CommandReceipt(act_id=act_id, seq=seq, repeated=True)


async def submit_or_start_case(context: ApiContext, case_start: CaseStart, command: Command, response: Response) -> CommandAnswer:
    """202 when no worker answered in time. Raises what `send_or_start_case` raises."""
    return build_command_answer(await send_or_start_case(context, case_start, command), command.act_id, response)


async def send_or_start_case(context: ApiContext, case_start: CaseStart, command: Command) -> CommandReceipt | CommandQueued:
    """Send a command to the case, or begin the case with it. Raises Problem 409 when the case came to its end in this very moment."""
    try:
        return await context.cases.submit_or_start_case(case_start, command)
    except CaseNotRunning as error:
        if done := await find_done_act(context, case_start.case_id, command.act_id):
            return done
        await run_in_threadpool(withdraw_mentions, context, command.act_id)
        raise Problem(
            409,
            "closed",
            "The case is closed",
            Refusal("case.just_ended", "the case came to its end in this moment; send the same again to begin another"),
        ) from error
    except CommandRejected:
        await run_in_threadpool(withdraw_mentions, context, command.act_id)
        raise


def build_command_answer(outcome: CommandReceipt | CommandQueued, act_id: str, response: Response) -> CommandAnswer:
    if isinstance(outcome, CommandQueued):
        response.status_code = 202
        return CommandAnswer(act_id=act_id, recorded="will be applied")
    return CommandAnswer(act_id=act_id, recorded="now", seq=outcome.seq, repeated=outcome.repeated)


def build_closed_problem(context: ApiContext, case: CaseRow) -> Problem:
    """Return the problem 409. The case is read again: it may just have ended by somebody else's decision."""
    now = find_case(context.database, CaseKind(case.kind), case.case_id) or case
    what = case.kind.replace("_", " ")
    ending = now.summary.ended if isinstance(now.summary, ApprovalSummary) else None
    if ending:
        over = Refusal("case.over", "{why}; nothing can be done to it any more", why=ending)
    else:
        how = (now.outcome or now.stage).replace("_", " ")
        over = Refusal("case.over_as", "this {case_kind} is over: {how}; nothing can be done to it any more", case_kind=what, how=how)
    return Problem(409, "closed", "The case is closed", over)
