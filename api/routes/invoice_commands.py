"""The routes by which collectors send commands to an invoice's case. The actor is the user who is signed in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.missing_addresses import find_missing_address
from adapters.temporal.case_commands import CaseNotRunning, CommandQueued, CommandRejected
from api.commands.account_calls import tell_called_invoices
from api.commands.case_commands import build_command_answer, find_done_act
from api.commands.notes_and_tasks import save_account_note, save_invoice_note, withdraw_mentions
from api.context import ApiContext
from api.routes.invoices import require_invoice
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.invoices import CallIn, LetterSkipIn, NoteIn, PauseIn, PromiseIn
from api.web.authentication import CollectingActor, Context
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, Problem, invalid_request_problem
from api.web.request_ids import derive_id
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case.command import Command, CommandReceipt
from domain.invoice.command_rules import PAUSE_DAY_PASSED
from domain.invoice.commands import AddNote, LogCall, MakePromise, PauseCollection, ResendLetter, ResumeCollection, SkipLetter
from domain.refusal import Refusal
from domain.roles import Actor

router = APIRouter(prefix="/v1/invoices/{invoice_id}", tags=["acts"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
ExistingInvoice = Annotated[InvoiceRow, Depends(require_invoice)]


def derive_invoice_command_id(request: Request, actor: CollectingActor) -> str:
    return derive_id(request, "act", actor.user)


InvoiceCommandId = Annotated[str, Depends(derive_invoice_command_id)]


@router.post("/promises", operation_id="make_promise", summary="Record a promise to pay", responses=QUEUED_RESPONSE)
async def make_promise(
    actor: CollectingActor, invoice: ExistingInvoice, body: PromiseIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    if body.currency != invoice.currency:
        raise invalid_request_problem("/currency", f"the invoice is in {invoice.currency}; write the promise in {invoice.currency} too")
    command = MakePromise(act_id=command_id, actor=actor.user, amount=body.minor, by=body.by)
    return await submit_invoice_command(context, invoice, command, response)


@router.post("/calls", operation_id="log_call", summary="Log a phone call; closes the account's open call", responses=QUEUED_RESPONSE)
async def log_call(
    actor: CollectingActor, invoice: ExistingInvoice, body: CallIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """A call is made to the customer, not to an invoice: whichever other invoice of the account asks for one is told of it, too."""
    note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, body.note) if body.note else None
    command = LogCall(
        act_id=command_id,
        actor=actor.user,
        outcome=body.outcome,
        note_id=note,
        call=command_id,
        without_address=await _lacks_address(context, invoice),
    )
    answer = await submit_invoice_command(context, invoice, command, response)
    await tell_called_invoices(context, invoice.account_id, command, known={invoice.id})
    return answer


@router.post(
    "/pause", operation_id="pause_invoice", summary="Stop chasing, until a date or until someone resumes", responses=QUEUED_RESPONSE
)
async def pause_invoice(
    actor: CollectingActor, invoice: ExistingInvoice, body: PauseIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """Raises Problem 422 for a day that is not after today."""
    if body.until is not None and body.until <= context.today:
        raise invalid_request_problem("/until", PAUSE_DAY_PASSED)
    return await submit_invoice_command(
        context, invoice, PauseCollection(act_id=command_id, actor=actor.user, reason=body.reason, until=body.until), response
    )


@router.post("/resume", operation_id="resume_invoice", summary="Go on where the pause began", responses=QUEUED_RESPONSE)
async def resume_invoice(
    actor: CollectingActor, invoice: ExistingInvoice, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    return await submit_invoice_command(context, invoice, ResumeCollection(act_id=command_id, actor=actor.user), response)


@router.post(
    "/letter-skips",
    operation_id="skip_letter",
    summary="Go on without the last letter: it was refused, is in doubt, or waits for an address",
    responses=QUEUED_RESPONSE,
)
async def skip_letter(
    actor: CollectingActor, invoice: ExistingInvoice, body: LetterSkipIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """Its step counts as taken today, and the letter goes no more."""
    lacks_address = await _lacks_address(context, invoice)
    command = SkipLetter(act_id=command_id, actor=actor.user, reason=body.reason, without_address=lacks_address)
    return await submit_invoice_command(context, invoice, command, response)


@router.post(
    "/letter-resends",
    operation_id="resend_letter",
    summary="Have the last letter sent again, of which there is no trace",
    responses=QUEUED_RESPONSE,
)
async def resend_letter(
    actor: CollectingActor, invoice: ExistingInvoice, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """Its step is due again. A letter that is known, and in doubt, is decided by its number: `decide_letter`."""
    return await submit_invoice_command(context, invoice, ResendLetter(act_id=command_id, actor=actor.user), response)


async def _lacks_address(context: ApiContext, invoice: InvoiceRow) -> bool:
    return await run_in_threadpool(find_missing_address, context.database, invoice.account_id) is not None


@router.post("/notes", operation_id="add_note", summary="Write a note", responses=QUEUED_RESPONSE)
async def add_note(
    actor: CollectingActor, invoice: ExistingInvoice, body: NoteIn, command_id: InvoiceCommandId, context: Context, response: Response
) -> CommandAnswer:
    """The text stays in the database; the case's history holds only its id. A note on a settled invoice, whose case takes nothing any more,
    is kept with the account."""
    return await add_invoice_note(context, invoice, actor, body.text, command_id, response)


async def add_invoice_note(
    context: ApiContext, invoice: InvoiceRow, actor: Actor, text: str, command_id: str, response: Response
) -> CommandAnswer:
    """Add a note to an invoice's case or, where that is over, to the account's own record."""
    if invoice.status == InvoiceStatus.OPEN:
        note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, text)
        return await submit_invoice_command(context, invoice, AddNote(act_id=command_id, actor=actor.user, note_id=note), response)
    await run_in_threadpool(save_account_note, context, command_id, invoice.account_id, invoice.id, actor.user, text)
    return CommandAnswer(act_id=command_id, recorded="now")


async def submit_invoice_command(context: ApiContext, invoice: InvoiceRow, command: Command, response: Response) -> CommandAnswer:
    outcome: CommandReceipt | CommandQueued | None
    try:
        outcome = await context.cases.submit_invoice_command(invoice.id, command)
    except CaseNotRunning as error:
        outcome = await find_done_act(context, ids.invoice_case_id(invoice.id), command.act_id)
        if outcome is None:
            await run_in_threadpool(withdraw_mentions, context, command.act_id)
            raise _build_not_running_problem(invoice) from error
    except CommandRejected:
        await run_in_threadpool(withdraw_mentions, context, command.act_id)
        raise
    return build_command_answer(outcome, command.act_id, response)


def _build_not_running_problem(invoice: InvoiceRow) -> Problem:
    if invoice.status != InvoiceStatus.OPEN:
        return Problem(
            409,
            "closed",
            "The case is closed",
            Refusal("invoice.closed", "the invoice is closed as {status}; nothing can be done to it any more", status=invoice.status),
        )
    return Problem(
        409,
        "not-started",
        "The case has not begun",
        Refusal("invoice.not_begun", "collection of this invoice has not begun yet; try again in a moment"),
        headers={"Retry-After": "15"},
    )
