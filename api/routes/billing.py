"""Money in the billing system. The case hears of a change within moments, by billing's event."""

import contextlib

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.billing.results import CreditApplication, PaymentResult
from adapters.cases.unapproved_credits import load_unapproved_credit
from adapters.database.credits_by_hand import CREDIT_NOTE_ID
from adapters.read_model.invoices import InvoiceRow, find_invoice, load_invoice_currencies
from adapters.temporal.case_commands import CaseNotRunning, CasesUnreachable, CommandRejected
from api.commands.case_commands import require_case, save_comment, submit_case_command
from api.commands.invoice_reductions import AskedReduction, needs_approval, request_reduction
from api.commands.notes_and_tasks import save_invoice_note
from api.commands.unapplied_credit import (
    apply_credit,
    is_machine,
    load_unapplied_credit,
    require_independent_booker,
    take_back_application,
)
from api.context import ApiContext
from api.presenters.unapplied_credit import present_credit_shares, present_shares_by_invoice, present_unapplied_credit
from api.routes.invoice_commands import ExistingInvoice
from api.schemas.amounts import Amount
from api.schemas.billing import (
    REDUCTION_RESPONSES,
    AccountCreditOut,
    ApplicationReversalAnswer,
    ApplicationReversalIn,
    CancellationIn,
    CreditNoteIn,
    LedgerAnswer,
    PaymentIn,
    ReductionWithdrawalIn,
    ReversalAnswer,
    ShareOut,
    UnappliedApplicationAnswer,
    UnappliedApplicationIn,
)
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.web.authentication import Context, InvoiceReducingActor, PaymentRecordingActor, ReadingActor
from api.web.idempotency import IDEMPOTENCY_HEADER, IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.billing.credit_application import CreditShare
from domain.billing.reduction_kind import ReductionKind
from domain.credit_request.commands import WithdrawCreditRequest
from domain.identifiers import CaseKind, credit_request_case_id
from domain.invoice.commands import AddNote
from domain.refusal import Refusal
from domain.roles import Actor

router = APIRouter(prefix="/v1", tags=["money"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.post("/invoices/{invoice_id}/payments", operation_id="record_payment", summary="Money came in", status_code=201)
async def record_payment(
    request: Request, actor: PaymentRecordingActor, invoice: ExistingInvoice, body: PaymentIn, context: Context
) -> LedgerAnswer:
    """Money beyond the open balance stays on the account as unapplied credit. A person books it with its reference, and not for an
    account that they collect. One that looks like another which is booked (the same account, reference, amount, currency and day) is
    refused, 409 with its id in `first_payment`, unless it has an Idempotency-Key of its own or is said to be `another`."""
    await run_in_threadpool(_require_independent_booker, context, actor, invoice, body)
    payment_id = derive_id(request, "payment", actor.user)

    def record() -> PaymentResult:
        return context.billing.record_payment(
            payment_id,
            invoice.account_id,
            body.currency,
            body.minor,
            body.received_on or context.today,
            body.reference,
            invoice.id,
            refuse_repeated=not body.another and (body.another is False or IDEMPOTENCY_HEADER not in request.headers),
            recorded_by=actor.user,
            at=context.business_now,
        )

    result = await run_in_threadpool(record)
    return await _build_ledger_answer(context, payment_id, invoice, result)


@router.post("/payments/{payment_id}/reversal", operation_id="reverse_payment", summary="A payment bounced")
async def reverse_payment(payment_id: str, _: PaymentRecordingActor, context: Context) -> ReversalAnswer:
    """The invoices that it paid are owed again; a closed case goes on where it ended."""
    shares = await run_in_threadpool(lambda: context.billing.reverse_payment(payment_id, context.today, at=context.business_now))
    await context.cases.trigger_billing_sync()
    currencies = await run_in_threadpool(load_invoice_currencies, context.database, [share.invoice_id for share in shares])
    owed = [
        ShareOut(invoice_id=share.invoice_id, amount=Amount.from_minor(abs(share.amount), currencies[share.invoice_id])) for share in shares
    ]
    return ReversalAnswer(id=payment_id, owed_again=owed)


@router.get(
    "/accounts/{account_id}/unapplied",
    operation_id="read_unapplied_credit",
    summary="An account's unapplied credit, what of it the rule proposes, and what was applied",
)
def read_unapplied_credit(account_id: str, _: ReadingActor, context: Context) -> AccountCreditOut:
    return present_unapplied_credit(account_id, load_unapplied_credit(context, account_id))


@router.post(
    "/accounts/{account_id}/unapplied/applications",
    operation_id="apply_unapplied_credit",
    summary="Let an account's unapplied credit pay its open invoices",
)
async def apply_unapplied_credit(
    request: Request, account_id: str, actor: PaymentRecordingActor, body: UnappliedApplicationIn, context: Context
) -> UnappliedApplicationAnswer:
    """These shares, or all of the currency: the oldest money to the oldest due invoice first; repeated, nothing, until there is credit. Not
    by whoever collects the account. A share of more than is left of the credit, or than the invoice owes, is refused, and all with it."""
    key = derive_id(request, "application", actor.user)
    shares = [CreditShare(credit_id=each.credit_id, invoice_id=each.invoice_id, amount=each.minor) for each in body.shares or ()] or None

    def apply() -> tuple[CreditApplication, int]:
        application = apply_credit(context, actor, account_id, body.currency, shares, key)
        return application, context.billing.get_unapplied_credit(account_id).get(body.currency, 0)

    application, left = await run_in_threadpool(apply)
    if application.shares:
        await context.cases.trigger_billing_sync()
    return UnappliedApplicationAnswer(
        id=application.key if application.shares else None,
        account_id=account_id,
        shares=present_credit_shares(application.shares, body.currency),
        applied=present_shares_by_invoice(application.shares, body.currency),
        unapplied=Amount.from_minor(left, body.currency),
    )


@router.post(
    "/accounts/{account_id}/unapplied/applications/{application_id}/reversal",
    operation_id="take_back_application",
    summary="Take an application of unapplied credit back",
)
async def reverse_application(
    request: Request, account_id: str, application_id: str, actor: PaymentRecordingActor, body: ApplicationReversalIn, context: Context
) -> ApplicationReversalAnswer:
    """Its invoices are owed again, as far as they still have what it gave; a closed case goes on where it ended. Not by whoever collects
    the account."""
    key = derive_id(request, "application", actor.user)

    def take_back() -> tuple[CreditApplication, int]:
        undone = take_back_application(context, actor, account_id, application_id, body.reason, key)
        return undone, context.billing.get_unapplied_credit(account_id).get(undone.currency, 0)

    undone, left = await run_in_threadpool(take_back)
    await context.cases.trigger_billing_sync()
    return ApplicationReversalAnswer(
        id=undone.key,
        application_id=application_id,
        owed_again=present_shares_by_invoice(undone.shares, undone.currency),
        unapplied=Amount.from_minor(left, undone.currency),
    )


@router.post(
    "/invoices/{invoice_id}/credit-notes",
    operation_id="issue_credit_note",
    summary="Part or all is no longer owed",
    status_code=201,
    responses=REDUCTION_RESPONSES,
)
async def issue_credit_note(
    request: Request, actor: InvoiceReducingActor, invoice: ExistingInvoice, body: CreditNoteIn, context: Context, response: Response
) -> LedgerAnswer:
    """Those whom the approval matrix names for a `credit_note` are asked first, and nothing is booked until they agree: 202. Where it names
    nobody for the amount, and for what you have credited of the invoice without anybody's agreement before, it is booked at once."""
    if body.currency != invoice.currency:
        raise invalid_request_problem(
            "/currency",
            Refusal(
                "reduction.currency", "the invoice is in {currency}; write the credit note in {currency} too", currency=invoice.currency
            ),
        )
    credit_note_id = derive_id(request, CREDIT_NOTE_ID, actor.user)
    before = await run_in_threadpool(load_unapproved_credit, context.database, invoice.id, actor.user, credit_note_id)
    if await run_in_threadpool(needs_approval, context, invoice, body.minor, before.total):
        asked = AskedReduction(ReductionKind.CREDIT_NOTE, body.minor, body.reason)
        return await _queue_reduction(context, invoice, actor, asked, derive_id(request, "act", actor.user), response)

    def issue() -> PaymentResult:
        return context.billing.issue_credit_note(
            credit_note_id,
            invoice.id,
            body.minor,
            body.issued_on or context.today,
            body.reason,
            within_open_balance=True,
            credited_before=before.by_hand,
            recorded_by=actor.user,
            at=context.business_now,
        )

    result = await run_in_threadpool(issue)
    return await _build_ledger_answer(context, credit_note_id, invoice, result)


@router.post(
    "/invoices/{invoice_id}/cancellation",
    operation_id="cancel_invoice",
    summary="It should never have been sent",
    responses=REDUCTION_RESPONSES,
)
async def cancel_invoice(
    request: Request, actor: InvoiceReducingActor, invoice: ExistingInvoice, body: CancellationIn, context: Context, response: Response
) -> LedgerAnswer:
    """Payments on it become unapplied credit. The reason is kept as a note. It is asked of the same people as a credit note of its total:
    202, and nothing is booked until they agree."""
    act_id = derive_id(request, "act", actor.user)
    facts = await run_in_threadpool(context.billing.get_invoice_facts, invoice.id)
    if await run_in_threadpool(needs_approval, context, invoice, facts.total):
        asked = AskedReduction(ReductionKind.CANCELLATION, facts.total, body.reason)
        return await _queue_reduction(context, invoice, actor, asked, act_id, response)
    await _add_cancellation_note(context, invoice, act_id, actor.user, body.reason)
    await run_in_threadpool(lambda: context.billing.cancel_invoice(invoice.id, recorded_by=actor.user, at=context.business_now))
    return await _build_ledger_answer(context, invoice.id, invoice, None)


@router.post(
    "/invoices/{invoice_id}/credit-request/withdrawal",
    operation_id="withdraw_credit_request",
    summary="Drop what was asked for before it is decided",
    responses=QUEUED_RESPONSE,
)
async def withdraw_credit_request(
    request: Request,
    actor: InvoiceReducingActor,
    invoice: ExistingInvoice,
    body: ReductionWithdrawalIn,
    context: Context,
    response: Response,
) -> CommandAnswer:
    """A credit note or a cancellation that waits is withdrawn by whoever asked for it, or by a manager; and its approval with it."""
    act_id, hint = derive_id(request, "act", actor.user), "the invoice says under `reduction` what waits"
    case = await run_in_threadpool(require_case, context, CaseKind.CREDIT_REQUEST, credit_request_case_id(invoice.id), hint)
    note = await save_comment(context, act_id, case, actor.user, body.reason)
    command = WithdrawCreditRequest(act_id=act_id, actor=actor.user, role=actor.role, note_id=note)
    return await submit_case_command(context, case, command, response)


async def _queue_reduction(
    context: ApiContext, invoice: InvoiceRow, actor: Actor, asked: AskedReduction, act_id: str, response: Response
) -> LedgerAnswer:
    """Ask those who must agree: 202, and nothing is booked yet."""
    approval_id = await request_reduction(context, invoice, actor.user, asked, act_id)
    response.status_code = 202
    return LedgerAnswer(
        id=credit_request_case_id(invoice.id),
        recorded="queued for approval",
        approval_id=approval_id,
        invoice_id=invoice.id,
        status=invoice.status,
        open_balance=Amount.from_minor(invoice.open_balance, invoice.currency),
    )


def _require_independent_booker(context: ApiContext, actor: Actor, invoice: InvoiceRow, body: PaymentIn) -> None:
    """Refuse a payment that somebody books by hand for an account that they collect, or without its reference. A machine's is no payment by
    hand. Raises Problem 403 or 422."""
    if is_machine(context, actor):
        return
    require_independent_booker(context, actor, invoice.account_id, invoice.collector)
    if not body.reference:
        raise invalid_request_problem(
            "/reference",
            Refusal("payment.no_reference", "write by what the payment is found on the statement: one that is booked by hand needs it"),
        )


async def _add_cancellation_note(context: ApiContext, invoice: InvoiceRow, act_id: str, author: str, text: str) -> None:
    """The note is kept in any case; the journal points at it when the case still runs."""
    note = await run_in_threadpool(save_invoice_note, context, act_id, invoice, author, text)
    with contextlib.suppress(CommandRejected, CaseNotRunning, CasesUnreachable):
        await context.cases.submit_invoice_command(invoice.id, AddNote(act_id=act_id, actor=author, note_id=note))


async def _build_ledger_answer(context: ApiContext, booking_id: str, invoice: InvoiceRow, result: PaymentResult | None) -> LedgerAnswer:
    await context.cases.trigger_billing_sync()
    after = await run_in_threadpool(find_invoice, context.database, invoice.id) or invoice
    return LedgerAnswer(
        id=booking_id,
        invoice_id=after.id,
        status=after.status,
        open_balance=Amount.from_minor(after.open_balance, after.currency),
        unapplied=Amount.from_minor(result.unapplied, after.currency) if result else None,
    )
