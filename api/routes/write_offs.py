"""Accounts that were handed over, and what the write-off team decides about them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.invoices import load_invoice_currencies
from api.commands.case_commands import require_case, submit_case_command
from api.presenters.write_offs import present_write_off
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.amounts import build_currency_refusal
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.write_offs import PartIn, WriteOffDecisionIn, WriteOffOut
from api.web.authentication import Context, ReadingActor, WriteOffDecidingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from domain import identifiers as ids
from domain.case_summary import list_summarised_invoices
from domain.identifiers import CaseKind
from domain.refusal import Refusal
from domain.roles import Role
from domain.write_off.commands import ProposeWriteOff

router = APIRouter(prefix="/v1", tags=["write-offs"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


def require_write_off(context: Context, account: ExistingAccount) -> CaseRow:
    """Return the account's last write-off. Raises Problem 404."""
    return require_case(
        context, CaseKind.WRITE_OFF, ids.write_off_case_id(account.id), "GET /v1/write-offs lists the accounts that were handed over"
    )


ExistingWriteOff = Annotated[CaseRow, Depends(require_write_off)]


@router.get("/write-offs", operation_id="list_write_offs", summary="Accounts that were handed over")
def get_write_offs(
    context: Context,
    _: ReadingActor,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WriteOffOut]:
    case_filter = CaseFilter(kind=CaseKind.WRITE_OFF, account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(context.database, case_filter, limit, cursor)
    currencies = load_invoice_currencies(context.database, [name for row in rows for name in list_summarised_invoices(row.summary)])
    return Page(items=[present_write_off(row, currencies) for row in rows], next=following)


@router.get("/accounts/{account_id}/write-off", operation_id="read_write_off", summary="What becomes of an account that was handed over")
def get_write_off(_: ReadingActor, write_off: ExistingWriteOff, context: Context) -> WriteOffOut:
    return present_write_off(write_off, load_invoice_currencies(context.database, list(list_summarised_invoices(write_off.summary))))


@router.post(
    "/accounts/{account_id}/write-off/decision",
    operation_id="decide_write_off",
    summary="Write off, give away, or collect again",
    responses=QUEUED_RESPONSE,
)
async def decide_write_off(
    actor: WriteOffDecidingActor,
    write_off: ExistingWriteOff,
    body: WriteOffDecisionIn,
    command_id: CommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    """Whatever gives money up, or the account away, waits for the approval matrix before it is booked."""
    amounts = await run_in_threadpool(_parse_amounts, context, body.amounts)
    command = ProposeWriteOff(act_id=command_id, actor=actor.user, decision=body.decision, amounts=amounts, reason=body.reason)
    return await submit_case_command(context, write_off, command, response)


def _parse_amounts(context: Context, body: list[PartIn]) -> dict[str, int]:
    """Return the amounts in minor units by invoice. Raises Problem for an unknown or repeated invoice, and for another currency."""
    currencies, amounts = load_invoice_currencies(context.database, [part.invoice for part in body]), dict[str, int]()
    for index, part in enumerate(body):
        if part.invoice not in currencies:
            raise invalid_request_problem(
                f"/amounts/{index}/invoice",
                Refusal(
                    "write_off.no_invoice",
                    "there is no invoice {invoice}; the account's write-off lists its invoices",
                    invoice=part.invoice,
                ),
            )
        if part.invoice in amounts:
            raise invalid_request_problem(
                f"/amounts/{index}/invoice",
                Refusal("write_off.named_twice", "the invoice {invoice} is named twice; name it once", invoice=part.invoice),
            )
        if part.currency != (currency := currencies[part.invoice]):
            raise invalid_request_problem(f"/amounts/{index}/currency", build_currency_refusal(currency))
        amounts[part.invoice] = part.minor
    return amounts
