"""Requests to credit or cancel an invoice by hand, played to be recorded."""

from domain import identifiers as ids
from domain.billing.reduction_kind import ReductionKind
from domain.credit_request.commands import RequestCredit
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import CollectionEnvironment
from workflows.credit_request import CreditRequest


async def credited_by_hand(environment: CollectionEnvironment) -> list[str]:
    """Revised when a payment came, approved, and booked."""
    invoice, request = await _ask(environment, ReductionKind.CREDIT_NOTE, 2_500)
    await environment.pay(invoice, 4_000)
    cases, approval = AccountCommands(environment), ids.approval_case_id(request, 1)
    await cases.wait_for_entries(approval, "approval.revised")
    await cases.decide(approval, "anna")
    await cases.wait_for_entries(request, "credit_request.ended")
    await environment.pay(invoice, 3_500)
    await environment.outcome(invoice)
    return [request]


async def cancelled_by_hand(environment: CollectionEnvironment) -> list[str]:
    invoice, request = await _ask(environment, ReductionKind.CANCELLATION, 10_000)
    cases = AccountCommands(environment)
    await cases.decide(ids.approval_case_id(request, 1), "anna")
    await cases.wait_for_entries(request, "credit_request.ended")
    await environment.play.sync()
    await environment.outcome(invoice)
    return [request]


async def paid_while_asked(environment: CollectionEnvironment) -> list[str]:
    invoice, request = await _ask(environment, ReductionKind.CREDIT_NOTE, 2_500)
    await environment.pay(invoice, 10_000)
    await AccountCommands(environment).wait_for_entries(request, "credit_request.ended")
    await environment.outcome(invoice)
    return [request]


async def _ask(environment: CollectionEnvironment, reduction: ReductionKind, amount: int) -> tuple[str, str]:
    """Bea asks; the invoice, and the id of the case, once its approval is under way."""
    invoice, _ = await environment.open_reminded_invoice()
    cases, request = AccountCommands(environment), ids.credit_request_case_id(invoice)
    account, _ = environment.account_and_currency(invoice)
    facts = environment.play.parts.billing.get_invoice_facts(invoice)
    await environment.play.client.start_workflow(
        CreditRequest.run,
        cases.case_input_loader.load_credit_request_input(account, invoice),
        id=request,
        task_queue=ids.TASK_QUEUE,
        start_signal="credit_wanted",
        start_signal_args=[
            RequestCredit(act_id="credit", actor="bea", reduction=reduction, amount=amount, facts=facts, note_id="note:credit")
        ],
    )
    await cases.wait_for_approval(request)
    return invoice, request


CREDITS = (credited_by_hand, cancelled_by_hand, paid_while_asked)
