"""What people do to an account as a whole: calls with all that came of them, notes, and acts on several of its invoices at once."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.invoices import find_invoice
from adapters.read_model.notes import list_notes
from api.commands.account_acts import (
    choose_open_invoices,
    submit_to_invoices,
    submit_to_paused_invoices,
    submit_to_unpaused_invoices,
)
from api.commands.account_calls import log_account_call
from api.commands.notes_and_tasks import save_account_note, save_note
from api.routes.account_lookup import CommandId, ExistingAccount
from api.routes.invoice_commands import add_invoice_note
from api.schemas.accounts import (
    AccountActAnswer,
    AccountCallAnswer,
    AccountCallIn,
    AccountEscalationIn,
    AccountNoteIn,
    AccountNoteOut,
    AccountPauseIn,
    AccountResumeIn,
)
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.web.authentication import CollectingActor, Context, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from domain.invoice.command_rules import PAUSE_DAY_PASSED
from domain.invoice.commands import EscalateInvoice, PauseCollection, ResumeCollection

router = APIRouter(prefix="/v1/accounts/{account_id}", tags=["acts"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.post("/calls", operation_id="log_account_call", summary="Log a call, with all that came of it", responses=QUEUED_RESPONSE)
async def post_account_call(
    actor: CollectingActor, account: ExistingAccount, body: AccountCallIn, command_id: CommandId, context: Context, response: Response
) -> AccountCallAnswer:
    """All or nothing as far as it can be examined: each part is, before any is sent, and a fault names the part. A promise over several
    invoices is allotted to the oldest due first and judged as one: it is kept only when all of its money came. The same call sent again
    under its Idempotency-Key finishes what was left half done."""
    answer = await log_account_call(context, account, body, command_id, actor)
    if answer.recorded == "will be applied":
        response.status_code = 202
    return answer


@router.get("/notes", operation_id="list_account_notes", summary="What people wrote about the account and its invoices, the latest first")
def get_account_notes(
    account: ExistingAccount, context: Context, _: ReadingActor, limit: Limit = 50, cursor: Cursor = None
) -> Page[AccountNoteOut]:
    rows, following = list_notes(context.database, account.id, limit, cursor)
    return Page(items=[AccountNoteOut(**row.model_dump(exclude={"account_id"})) for row in rows], next=following)


@router.post("/notes", operation_id="add_account_note", summary="Write a note about the account", responses=QUEUED_RESPONSE)
async def post_account_note(
    actor: CollectingActor, account: ExistingAccount, body: AccountNoteIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """About the account itself, or about one of its invoices. The text stays in the database, and goes when the account is erased."""
    if body.invoice_id is None:
        await run_in_threadpool(save_account_note, context, command_id, account.id, None, actor.user, body.text)
        return CommandAnswer(act_id=command_id, recorded="now")
    invoice = await run_in_threadpool(find_invoice, context.database, body.invoice_id)
    if invoice is None or invoice.account_id != account.id:
        raise invalid_request_problem("/invoice_id", f"{body.invoice_id!r} is no invoice of this account")
    return await add_invoice_note(context, invoice, actor, body.text, command_id, response)


@router.post("/pause", operation_id="pause_account", summary="Stop chasing an account's invoices", responses=QUEUED_RESPONSE)
async def pause_account(
    actor: CollectingActor, account: ExistingAccount, body: AccountPauseIn, command_id: CommandId, context: Context, response: Response
) -> AccountActAnswer:
    """All that are open and not paused, or those that are named, each by a command of its own: one that is refused stops no other, and says
    why. The pause of one that is named takes the place of the one that stands."""
    if body.until is not None and body.until <= context.today:
        raise invalid_request_problem("/until", PAUSE_DAY_PASSED)
    answer = await submit_to_unpaused_invoices(
        context,
        account.id,
        body.invoices,
        command_id,
        lambda act_id: PauseCollection(act_id=act_id, actor=actor.user, reason=body.reason, until=body.until),
    )
    return _tell_status(answer, response)


@router.post("/resume", operation_id="resume_account", summary="Go on where the pauses began", responses=QUEUED_RESPONSE)
async def resume_account(
    actor: CollectingActor, account: ExistingAccount, body: AccountResumeIn, command_id: CommandId, context: Context, response: Response
) -> AccountActAnswer:
    """All of the account's invoices that are paused, or those that are named."""
    answer = await submit_to_paused_invoices(
        context, account.id, body.invoices, command_id, lambda act_id: ResumeCollection(act_id=act_id, actor=actor.user)
    )
    return _tell_status(answer, response)


@router.post(
    "/escalations",
    operation_id="escalate_account",
    summary="Ask people of another role to look at an account's invoices",
    responses=QUEUED_RESPONSE,
)
async def escalate_account(
    actor: CollectingActor, account: ExistingAccount, body: AccountEscalationIn, command_id: CommandId, context: Context, response: Response
) -> AccountActAnswer:
    """Each invoice's history shows who was notified, when, and the answer. Collection goes on meanwhile."""
    chosen = await choose_open_invoices(context, account.id, body.invoices)  # an escalation of none leaves no note
    note = await run_in_threadpool(save_note, context, command_id, account.id, None, actor.user, body.comment)
    answer = await submit_to_invoices(
        context,
        chosen,
        command_id,
        lambda act_id: EscalateInvoice(act_id=act_id, actor=actor.user, role=body.role, note_id=note),
    )
    return _tell_status(answer, response)


def _tell_status(answer: AccountActAnswer, response: Response) -> AccountActAnswer:
    if answer.recorded == "will be applied":
        response.status_code = 202
    return answer
