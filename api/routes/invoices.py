"""Invoices: the list, one of them live, and its history."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.concurrency import run_in_threadpool

from adapters.journal.account_state import StandingReading
from adapters.read_model.correspondence import list_letters, list_tasks
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices, read_invoice
from adapters.read_model.journal import case_history
from adapters.read_model.proof_lines import proof_lines
from api.commands.live_invoice import read_live
from api.presenters import records as presenting
from api.presenters.language import Words
from api.schemas.explanations import WhyOut
from api.schemas.responses import HistoryOut, InvoiceOut, InvoiceSummary
from api.web.authentication import Parts, Reader
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, Problem, not_found
from domain import identifiers as ids
from domain.projection.explanation import explain

router = APIRouter(prefix="/v1/invoices", tags=["invoices"], route_class=OnceRoute, responses=RESPONSES)


def wanted(
    account: str | None = None,
    collector: str | None = None,
    stage: Annotated[str | None, Query(description="`waiting`, `new`, the name of the last step, or a status")] = None,
    status: Annotated[str | None, Query(pattern="^(open|paid|credited|cancelled)$")] = None,
    min_days_past_due: Annotated[int | None, Query(ge=0, le=36_500)] = None,
    on_hold: bool | None = None,
    currency: Annotated[str | None, Query(pattern="^[A-Z]{3}$")] = None,
    q: Annotated[str | None, Query(max_length=100, description="a part of the number, the id or the account's name")] = None,
) -> InvoiceFilter:
    return InvoiceFilter(
        account=account, collector=collector, stage=stage, status=status, min_days_past_due=min_days_past_due,
        on_hold=on_hold, currency=currency, q=q,
    )  # fmt: skip


def existing(parts: Parts, invoice_id: str) -> InvoiceRow:
    """Raises Problem 404."""
    row = read_invoice(parts.database, invoice_id)
    if row is None:
        raise not_found("invoice", invoice_id, "GET /v1/invoices?q= finds it by a part of its number")
    return row


@router.get("", operation_id="list_invoices", summary="Invoices, the oldest due date first")
def invoices(
    parts: Parts, _: Reader, filter: Annotated[InvoiceFilter, Depends(wanted)], limit: Limit = 50, cursor: Cursor = None
) -> Page[InvoiceSummary]:
    rows, following = list_invoices(parts.database, filter, parts.today, limit, cursor)
    return Page(items=[presenting.summary(row, parts.today) for row in rows], next=following)


@router.get("/{invoice_id}", operation_id="read_invoice", summary="One invoice, live from its workflow")
async def invoice(invoice_id: str, parts: Parts, _: Reader, words: Words) -> InvoiceOut:
    """When no worker answers in time, the database's read model is shown instead, and `source` says so."""
    row = await run_in_threadpool(existing, parts, invoice_id)
    row, source, policy = await read_live(parts, row)
    return presenting.invoice(row, source, policy, parts.today, words)


@router.get("/{invoice_id}/history", operation_id="read_invoice_history", summary="The journal's chain, the letters and the tasks")
def history(invoice_id: str, parts: Parts, _: Reader, words: Words) -> HistoryOut:
    existing(parts, invoice_id)
    letters, _more = list_letters(parts.database, limit=200, invoice=invoice_id)
    tasks, _more = list_tasks(parts.database, limit=200, state=None, invoice_id=invoice_id)
    return HistoryOut(
        entries=[presenting.entry(line, words) for line in case_history(parts.database, ids.invoice_case(invoice_id))],
        letters=[presenting.letter(row) for row in letters],
        tasks=[presenting.task(row) for row in tasks],
    )


@router.get("/{invoice_id}/why", operation_id="explain_invoice", summary="Why something was sent on a day, why nothing was, why it waited")
def why(
    invoice_id: str,
    parts: Parts,
    _: Reader,
    words: Words,
    on: Annotated[date | None, Query(description="a business date (UTC); today when left out")] = None,
) -> WhyOut:
    """From the journal, and the policy that the invoice followed then."""
    row, day = existing(parts, invoice_id), on or parts.today
    if day > parts.today:
        raise Problem(422, "invalid", "That day has not come yet", f"today is {parts.today.isoformat()}; give that day or one before it")
    told, policies = StandingReading(parts.database).entries(row.account_id)
    said = explain(told, invoice_id, day, policies)
    return WhyOut(
        invoice_id=invoice_id, on=day, about=said.about, reason=said.sentence,
        sentence=words.say_why_on(said.sentence, said.facts, row.currency),
        policy=said.policy.name if said.policy else None, policy_version=said.policy.version if said.policy else None,
        entries=[presenting.entry(line, words) for line in proof_lines(parts.database, said.entries)],
    )  # fmt: skip
