"""Invoices: the list, one of them live, and its history."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.journal.account_state import AccountStateQuery
from adapters.read_model.correspondence import list_letters, list_tasks
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, find_external_facts, find_invoice, list_invoices
from adapters.read_model.journal import list_case_story
from adapters.read_model.letter_brakes import find_account_brake
from adapters.read_model.proof_lines import list_proof_lines
from api.commands.live_invoice import load_live_invoice
from api.presenters.correspondence import present_letter, present_task
from api.presenters.invoices import present_external_facts, present_invoice, present_invoice_summary
from api.presenters.journal import present_entry
from api.presenters.language import ReaderPhrases
from api.presenters.next_step_reason import explain_waiting_letter
from api.schemas.invoices import HistoryOut, InvoiceOut, InvoiceSummary
from api.schemas.journal import ExplanationOut
from api.schemas.request_body import Day
from api.web.authentication import Context, ReadingActor
from api.web.documents import answer_with_document
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem, not_found_problem
from domain import identifiers as ids
from domain.projection.explanation import explain_day

router = APIRouter(prefix="/v1/invoices", tags=["invoices"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)

MAX_DAYS_PAST_DUE = 36_500


def parse_invoice_filter(
    account: str | None = None,
    collector: str | None = None,
    stage: Annotated[str | None, Query(description="`waiting`, `new`, the last step, `suspended`, or a status")] = None,
    status: Annotated[str | None, Query(pattern="^(open|paid|credited|cancelled)$")] = None,
    min_days_past_due: Annotated[int | None, Query(ge=0, le=MAX_DAYS_PAST_DUE)] = None,
    on_hold: bool | None = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    q: Annotated[str | None, Query(max_length=100, description="a part of the number, the id or the account's name")] = None,
) -> InvoiceFilter:
    return InvoiceFilter(
        account=account,
        collector=collector,
        stage=stage,
        status=status,
        min_days_past_due=min_days_past_due,
        on_hold=on_hold,
        currency=currency,
        q=q,
    )


def require_invoice(context: Context, invoice_id: str) -> InvoiceRow:
    """Raises Problem 404."""
    row = find_invoice(context.database, invoice_id)
    if row is None:
        raise not_found_problem("invoice", invoice_id, "GET /v1/invoices?q= finds it by a part of its number")
    return row


@router.get("", operation_id="list_invoices", summary="Invoices, the oldest due date first")
def get_invoices(
    context: Context,
    _: ReadingActor,
    words: ReaderPhrases,
    filter: Annotated[InvoiceFilter, Depends(parse_invoice_filter)],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InvoiceSummary]:
    rows, following = list_invoices(context.database, filter, context.today, limit, cursor)
    return Page(items=[present_invoice_summary(row, context.today, words) for row in rows], next=following)


@router.get("/{invoice_id}", operation_id="read_invoice", summary="One invoice, live from its workflow")
async def get_invoice(invoice_id: str, context: Context, _: ReadingActor, words: ReaderPhrases) -> InvoiceOut:
    """When no worker answers in time, the database's read model is shown instead, and `source` says so."""
    row = await run_in_threadpool(require_invoice, context, invoice_id)
    brake = await run_in_threadpool(find_account_brake, context.database, row.account_id, context.today)
    facts = await run_in_threadpool(find_external_facts, context.database, invoice_id)
    has_document = await run_in_threadpool(context.documents.can_fetch, invoice_id)
    row, source, policy = await load_live_invoice(context, row)
    shown = present_invoice(row, source, policy, context.today, words, brake)
    return shown.model_copy(update={"billing": present_external_facts(facts, has_document=has_document)})


@router.get(
    "/{invoice_id}/document",
    operation_id="read_invoice_document",
    summary="The invoice as its billing system prints it",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "application/octet-stream": {}}}},
)
def get_invoice_document(invoice_id: str, context: Context, _: ReadingActor) -> Response:
    """It is fetched there each time, and kept nowhere. 404 where there is none, 503 while the billing system does not answer."""
    require_invoice(context, invoice_id)
    document = context.documents.fetch(invoice_id)
    return answer_with_document(document.filename, document.content)


@router.get("/{invoice_id}/history", operation_id="read_invoice_history", summary="The journal's chain, the letters and the tasks")
def get_invoice_history(invoice_id: str, context: Context, _: ReadingActor, words: ReaderPhrases) -> HistoryOut:
    require_invoice(context, invoice_id)
    letters, _more = list_letters(context.database, limit=200, invoice=invoice_id)
    tasks, _more = list_tasks(context.database, limit=200, state=None, invoice_id=invoice_id)
    return HistoryOut(
        entries=[present_entry(line, words) for line in list_case_story(context.database, ids.invoice_case_id(invoice_id))],
        letters=[present_letter(row) for row in letters],
        tasks=[present_task(row) for row in tasks],
    )


@router.get("/{invoice_id}/why", operation_id="explain_invoice", summary="Why something was sent on a day, why nothing was, why it waited")
def get_invoice_explanation(
    invoice_id: str,
    context: Context,
    _: ReadingActor,
    words: ReaderPhrases,
    on: Annotated[Day | None, Query(description="a business date (UTC); today when left out")] = None,
) -> ExplanationOut:
    """Explain the day from the journal and from the policy that the invoice followed then."""
    row, day = require_invoice(context, invoice_id), on or context.today
    if day > context.today:
        raise Problem(422, "invalid", "That day has not come yet", f"today is {context.today.isoformat()}; give that day or one before it")
    entries, policies = AccountStateQuery(context.database).load_entries(row.account_id)
    explanation = explain_day(entries, invoice_id, day, policies)
    brake = find_account_brake(context.database, row.account_id, day)
    sentence, facts = explain_waiting_letter(brake, explanation.sentence, explanation.facts)
    return ExplanationOut(
        invoice_id=invoice_id,
        on=day,
        about=explanation.about,
        reason=sentence,
        sentence=words.render_explanation(sentence, facts, row.currency),
        policy=explanation.policy.name if explanation.policy else None,
        policy_version=explanation.policy.version if explanation.policy else None,
        entries=[present_entry(line, words) for line in list_proof_lines(context.database, explanation.entries)],
    )
