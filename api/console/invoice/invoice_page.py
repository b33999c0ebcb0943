"""The page of an invoice."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from adapters.read_model.case_pages.case_details import list_invoice_files
from adapters.read_model.correspondence import list_letters, list_tasks
from adapters.read_model.invoices import InvoiceRow, find_external_facts, find_invoice
from adapters.read_model.journal import list_case_history
from adapters.read_model.letter_brakes import find_account_brake
from adapters.read_model.proof_lines import prove_entries
from api.commands.live_invoice import load_live_invoice
from api.console.invoice import picture
from api.console.invoice.course import draw_course
from api.console.invoice.depths import DEPTHS, Depth, build_journal_view
from api.console.rendering import PageReader, load_reader, render
from api.console.timeline import build_timeline
from api.presenters.invoices import explain_invoice
from api.presenters.next_step_reason import AWAITS_RELEASE, BILLING_UNREAD, LETTER_IN_DOUBT, LETTER_WITHOUT_ADDRESS, LETTERS_STOPPED
from api.web.authentication import Context
from api.web.documents import answer_with_document
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain import identifiers as ids
from domain.timeline.holds import HoldKind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_LIST_LENGTH = 50


@router.get("/invoices/{invoice_id}/document")
def show_document(invoice_id: str, context: Context, actor: PageReader) -> Response:
    """The invoice as its billing system prints it; or the page that says why there is none."""
    _require_invoice(context, invoice_id)
    document = context.documents.fetch(invoice_id)
    return answer_with_document(document.filename, document.content)


@router.get("/invoices/{invoice_id}")
async def show_invoice(request: Request, invoice_id: str, context: Context, actor: PageReader, depth: Depth = "story") -> HTMLResponse:
    """`depth`: how much of its journal is told."""
    row = await run_in_threadpool(_require_invoice, context, invoice_id)
    brake = await run_in_threadpool(find_account_brake, context.database, row.account_id, context.today)
    row, source, policy = await load_live_invoice(context, row)

    def page() -> HTMLResponse:
        _, words = load_reader(context, actor)
        reason = explain_invoice(row, policy, words, brake)
        steps = build_timeline(row, policy, context.today, words)
        chain = list_case_history(context.database, ids.invoice_case_id(invoice_id))
        return render(
            request,
            context,
            "invoice.html",
            actor,
            invoice=row,
            source=source,
            billing=find_external_facts(context.database, invoice_id),
            has_document=context.documents.can_fetch(invoice_id),
            policy=policy,
            brake=brake,
            steps=steps,
            course=draw_course(row, steps, chain, context.today, words),
            geometry=picture,
            is_braked=reason.reason in (LETTERS_STOPPED, AWAITS_RELEASE, BILLING_UNREAD, LETTER_IN_DOUBT, LETTER_WITHOUT_ADDRESS),
            is_paused=row.case is not None and any(hold.kind is HoldKind.PAUSE for hold in row.case.holds),
            why=words.render_next_step_reason(*reason, row.currency),
            letters=list_letters(context.database, limit=MAX_LIST_LENGTH, invoice=invoice_id)[0],
            files=list_invoice_files(context.database, invoice_id),
            tasks=list_tasks(context.database, limit=MAX_LIST_LENGTH, state=None, invoice_id=invoice_id)[0],
            journal=build_journal_view(chain, depth, words, prove_entries(context.database, [chain]) if depth == "proof" else {}),
            depth=depth,
            depths=DEPTHS,
        )

    return await run_in_threadpool(page)


def _require_invoice(context: Context, invoice_id: str) -> InvoiceRow:
    row = find_invoice(context.database, invoice_id)
    if row is None:
        raise not_found_problem("invoice", invoice_id, "the portfolio's filter finds it by a part of its number")
    return row
