"""Reduces an invoice by hand: asked of those whom the approval matrix names, or booked at once where it names nobody."""

from typing import NamedTuple

from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import find_case
from adapters.read_model.invoices import InvoiceRow
from adapters.temporal.case_commands import CommandQueued, CommandRejected
from adapters.temporal.case_start import CaseStart
from api.commands.case_commands import send_or_start_case
from api.commands.notes_and_tasks import save_invoice_note
from api.context import ApiContext
from domain import identifiers as ids
from domain.billing.reduction_kind import ReductionKind
from domain.credit_request.command_rules import find_reduction_obstacle
from domain.credit_request.commands import RequestCredit
from domain.credit_request.summary import CreditRequestSummary
from domain.identifiers import CaseKind
from domain.policy.approval_matrix import ApprovalRequest
from domain.policy.approval_type import ApprovalType


def needs_approval(context: ApiContext, invoice: InvoiceRow, amount: int, credited_before: int = 0) -> bool:
    """Whether the matrix names anybody for a credit note of so much, in minor units of the invoice's currency. `credited_before`: what the
    one who asks has had credited of the invoice already, without anybody's agreement."""
    segment, _ = context.policies.get_account_traits(invoice.account_id)
    question = ApprovalRequest(
        matter=ApprovalType.CREDIT_NOTE, amount=amount, currency=invoice.currency, segment=segment, credited_before=credited_before
    )
    return bool(context.policies.get_matrix().load_matrix().list_required_tiers(question))


def _build_start(context: ApiContext, invoice: InvoiceRow) -> CaseStart:
    """Build the start of the invoice's request, for when none is under way."""
    return CaseStart(
        workflow=ids.WorkflowName.CREDIT_REQUEST,
        case_id=ids.credit_request_case_id(invoice.id),
        workflow_input=context.case_inputs.load_credit_request_input(invoice.account_id, invoice.id),
        account_id=invoice.account_id,
        collector=invoice.collector,
    )


class AskedReduction(NamedTuple):
    """`amount` in minor units of the invoice's currency: what is to be credited, or the whole total that is to be cancelled."""

    kind: ReductionKind
    amount: int
    reason: str


async def request_reduction(context: ApiContext, invoice: InvoiceRow, actor: str, asked: AskedReduction, act_id: str) -> str | None:
    """Ask, once for a command that is repeated; the id of the approval, None when no worker has asked for it yet. The reason is kept as a
    note.

    Raises CommandRejected, CasesUnreachable, and Problem 409 for a case that has just ended.
    """
    command, case_start = await run_in_threadpool(_prepare_request, context, invoice, actor, asked, act_id)
    outcome = await send_or_start_case(context, case_start, command)
    return None if isinstance(outcome, CommandQueued) else await run_in_threadpool(_find_approval, context, case_start.case_id)


def _prepare_request(
    context: ApiContext, invoice: InvoiceRow, actor: str, asked: AskedReduction, act_id: str
) -> tuple[RequestCredit, CaseStart]:
    """No case is begun, and no reason kept, for what cannot be had. Raises CommandRejected."""
    facts = context.billing.get_invoice_facts(invoice.id)
    if obstacle := find_reduction_obstacle(invoice.id, asked.kind, asked.amount, facts):
        raise CommandRejected(obstacle)
    note_id = save_invoice_note(context, act_id, invoice, actor, asked.reason)
    command = RequestCredit(act_id=act_id, actor=actor, reduction=asked.kind, amount=asked.amount, facts=facts, note_id=note_id)
    return command, _build_start(context, invoice)


def _find_approval(context: ApiContext, case_id: str) -> str | None:
    """The approval that the case asked for last."""
    row = find_case(context.database, CaseKind.CREDIT_REQUEST, case_id)
    number = row.summary_of(CreditRequestSummary).approvals if row else 0
    return ids.approval_case_id(case_id, number) if number else None
