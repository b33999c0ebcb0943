"""Money in the embedded ledger. The change and its event are one transaction; the case hears of it within moments."""

import contextlib

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from adapters.ledger.billing_system import PaymentResult
from adapters.read_model.invoices import InvoiceRow, currencies_of, read_invoice
from adapters.temporal.case_commands import ActRefused, CaseNotRunning, CasesUnreachable
from api.commands.notes_and_tasks import keep_note
from api.context import ApiParts
from api.routes.invoice_commands import Existing
from api.schemas.amounts import Amount
from api.schemas.requests import CancellationIn, CreditNoteIn, PaymentIn
from api.schemas.responses import LedgerAnswer, ReversalAnswer, ShareOut
from api.web.authentication import Parts, RecordingPayments, ReducingInvoices
from api.web.idempotency import OnceRoute
from api.web.problems import RESPONSES, invalid
from api.web.request_ids import derived_id
from domain.invoice.commands import AddNote

router = APIRouter(prefix="/v1", tags=["money"], route_class=OnceRoute, responses=RESPONSES)


@router.post("/invoices/{invoice_id}/payments", operation_id="record_payment", summary="Money came in", status_code=201)
async def payments(request: Request, actor: RecordingPayments, invoice: Existing, said: PaymentIn, parts: Parts) -> LedgerAnswer:
    """What the invoice does not need stays on the account as unapplied credit."""
    id = derived_id(request, "payment", actor.user)

    def book() -> PaymentResult:
        return parts.ledger.record_payment(
            id, invoice.account_id, said.currency, said.minor, said.received_on or parts.today, said.reference, invoice.id,
            recorded_by=actor.user, at=parts.business_now,
        )  # fmt: skip

    result = await run_in_threadpool(book)
    return await _booked(parts, id, invoice, result)


@router.post("/payments/{payment_id}/reversal", operation_id="reverse_payment", summary="A payment bounced")
async def reversal(payment_id: str, _: RecordingPayments, parts: Parts) -> ReversalAnswer:
    """What it had paid is owed again; a closed case is taken up where it ended."""
    shares = await run_in_threadpool(lambda: parts.ledger.reverse_payment(payment_id, parts.today, at=parts.business_now))
    await parts.cases.deliver_soon()
    currencies = await run_in_threadpool(currencies_of, parts.database, [share.invoice_id for share in shares])
    owed = [ShareOut(invoice_id=share.invoice_id, amount=Amount.of(abs(share.amount), currencies[share.invoice_id])) for share in shares]
    return ReversalAnswer(id=payment_id, owed_again=owed)


@router.post(
    "/invoices/{invoice_id}/credit-notes", operation_id="issue_credit_note", summary="Part or all is no longer owed", status_code=201
)
async def credit_notes(request: Request, actor: ReducingInvoices, invoice: Existing, said: CreditNoteIn, parts: Parts) -> LedgerAnswer:
    if said.currency != invoice.currency:
        raise invalid("/currency", f"the invoice is in {invoice.currency}; write the credit note in {invoice.currency} too")
    id = derived_id(request, "credit_note", actor.user)

    def book() -> PaymentResult:
        return parts.ledger.issue_credit_note(
            id, invoice.id, said.minor, said.issued_on or parts.today, said.reason, recorded_by=actor.user, at=parts.business_now
        )

    result = await run_in_threadpool(book)
    return await _booked(parts, id, invoice, result)


@router.post("/invoices/{invoice_id}/cancellation", operation_id="cancel_invoice", summary="It should never have been sent")
async def cancellation(request: Request, actor: ReducingInvoices, invoice: Existing, said: CancellationIn, parts: Parts) -> LedgerAnswer:
    """What was paid on it becomes unapplied credit. The reason is kept as a note."""
    if said.reason:
        await _explain(parts, invoice, derived_id(request, "act", actor.user), actor.user, said.reason)
    await run_in_threadpool(lambda: parts.ledger.cancel_invoice(invoice.id, recorded_by=actor.user, at=parts.business_now))
    return await _booked(parts, invoice.id, invoice, None)


async def _explain(parts: ApiParts, invoice: InvoiceRow, act_id: str, author: str, text: str) -> None:
    """The note is kept in any case; the journal points at it when the case still runs."""
    note = await run_in_threadpool(keep_note, parts, act_id, invoice, author, text)
    with contextlib.suppress(ActRefused, CaseNotRunning, CasesUnreachable):
        await parts.cases.act(invoice.id, AddNote(act_id=act_id, actor=author, note_id=note))


async def _booked(parts: ApiParts, id: str, invoice: InvoiceRow, result: PaymentResult | None) -> LedgerAnswer:
    await parts.cases.deliver_soon()
    after = await run_in_threadpool(read_invoice, parts.database, invoice.id) or invoice
    return LedgerAnswer(
        id=id,
        invoice_id=after.id,
        status=after.status,
        open_balance=Amount.of(after.open_balance, after.currency),
        unapplied=Amount.of(result.unapplied, after.currency) if result else None,
    )
