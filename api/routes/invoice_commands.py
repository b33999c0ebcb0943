"""What collectors do to an invoice's case. The actor is who signed in; the case's own validator may refuse."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.invoices import InvoiceRow
from adapters.temporal.case_commands import CaseNotRunning, WillBeApplied
from api.commands.notes_and_tasks import close_call_tasks, keep_note
from api.context import ApiParts
from api.routes.invoices import existing
from api.schemas.requests import CallIn, NoteIn, PauseIn, PromiseIn
from api.schemas.responses import ActAnswer
from api.web.authentication import Collecting, Parts
from api.web.idempotency import OnceRoute
from api.web.problems import RESPONSES, Problem, invalid
from api.web.request_ids import derived_id
from domain.case.command import Act
from domain.invoice.commands import AddNote, LogCall, MakePromise, Pause, Resume

router = APIRouter(prefix="/v1/invoices/{invoice_id}", tags=["acts"], route_class=OnceRoute, responses=RESPONSES)
WAITS: dict[int | str, dict[str, Any]] = {202: {"description": "No worker answered in time: recorded, will be applied once"}}
Existing = Annotated[InvoiceRow, Depends(existing)]


def act_id(request: Request, actor: Collecting) -> str:
    return derived_id(request, "act", actor.user)


ActId = Annotated[str, Depends(act_id)]


@router.post("/promises", operation_id="make_promise", summary="Record a promise to pay", responses=WAITS)
async def promises(actor: Collecting, invoice: Existing, said: PromiseIn, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    if said.currency != invoice.currency:
        raise invalid("/currency", f"the invoice is in {invoice.currency}; write the promise in {invoice.currency} too")
    act = MakePromise(act_id=id, actor=actor.user, amount=said.minor, by=said.by)
    return await do_on_invoice(parts, invoice, act, response)


@router.post("/calls", operation_id="log_call", summary="Log a phone call; closes the open call task", responses=WAITS)
async def calls(actor: Collecting, invoice: Existing, said: CallIn, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    note = await run_in_threadpool(keep_note, parts, id, invoice, actor.user, said.note) if said.note else None
    answer = await do_on_invoice(parts, invoice, LogCall(act_id=id, actor=actor.user, outcome=said.outcome, note_id=note), response)
    await run_in_threadpool(close_call_tasks, parts.database, invoice.id, said.outcome, actor.user)
    return answer


@router.post("/pause", operation_id="pause_invoice", summary="Stop chasing, until a date or until someone resumes", responses=WAITS)
async def pause(actor: Collecting, invoice: Existing, said: PauseIn, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    return await do_on_invoice(parts, invoice, Pause(act_id=id, actor=actor.user, reason=said.reason, until=said.until), response)


@router.post("/resume", operation_id="resume_invoice", summary="Go on where the pause began", responses=WAITS)
async def resume(actor: Collecting, invoice: Existing, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    return await do_on_invoice(parts, invoice, Resume(act_id=id, actor=actor.user), response)


@router.post("/notes", operation_id="add_note", summary="Write a note", responses=WAITS)
async def notes(actor: Collecting, invoice: Existing, said: NoteIn, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    """The text stays in the database; the case's history holds only its id."""
    note = await run_in_threadpool(keep_note, parts, id, invoice, actor.user, said.text)
    return await do_on_invoice(parts, invoice, AddNote(act_id=id, actor=actor.user, note_id=note), response)


async def do_on_invoice(parts: ApiParts, invoice: InvoiceRow, act: Act, response: Response) -> ActAnswer:
    try:
        outcome = await parts.cases.act(invoice.id, act)
    except CaseNotRunning as error:
        raise _not_running(invoice) from error
    if isinstance(outcome, WillBeApplied):
        response.status_code = 202
        return ActAnswer(act_id=act.act_id, recorded="will be applied")
    return ActAnswer(act_id=act.act_id, recorded="now", seq=outcome.seq, repeated=outcome.repeated)


def _not_running(invoice: InvoiceRow) -> Problem:
    if invoice.status != "open":
        return Problem(
            409, "closed", "The case is closed", f"the invoice is closed as {invoice.status}; nothing can be done to it any more"
        )
    return Problem(
        409,
        "not-started",
        "The case has not begun",
        "collection of this invoice has not begun yet; try again in a moment",
        headers={"Retry-After": "15"},
    )
