"""Accounts that were handed over, and what the write-off team decides about them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.invoices import currencies_of
from api.commands.case_commands import do_on_case, existing_case
from api.presenters.cases import write_off as present
from api.routes.account_lookup import ActId, ExistingAccount
from api.routes.invoice_commands import WAITS
from api.schemas.responses import ActAnswer
from api.schemas.suspensions import PartIn, WriteOffDecisionIn, WriteOffOut
from api.web.authentication import DecidingWriteOffs, Parts, Reader
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, invalid
from domain import identifiers as ids
from domain.roles import Role
from domain.write_off.commands import ProposeWriteOff

router = APIRouter(prefix="/v1", tags=["write-offs"], route_class=OnceRoute, responses=RESPONSES)


def existing_write_off(parts: Parts, account: ExistingAccount) -> CaseRow:
    """The account's last one. Raises Problem 404."""
    return existing_case(parts, "write_off", ids.write_off_case(account.id), "GET /v1/write-offs lists the accounts that were handed over")


ExistingWriteOff = Annotated[CaseRow, Depends(existing_write_off)]


@router.get("/write-offs", operation_id="list_write_offs", summary="Accounts that were handed over")
def write_offs(
    parts: Parts,
    _: Reader,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WriteOffOut]:
    wanted = CaseFilter(kind="write_off", account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    currencies = currencies_of(parts.database, [name for row in rows for name in _invoices(row)])
    return Page(items=[present(row, currencies) for row in rows], next=following)


@router.get("/accounts/{account_id}/write-off", operation_id="read_write_off", summary="What becomes of an account that was handed over")
def write_off(_: Reader, asked: ExistingWriteOff, parts: Parts) -> WriteOffOut:
    return present(asked, currencies_of(parts.database, _invoices(asked)))


@router.post(
    "/accounts/{account_id}/write-off/decision",
    operation_id="decide_write_off",
    summary="Write off, give away, or collect again",
    responses=WAITS,
)
async def decision(
    actor: DecidingWriteOffs, asked: ExistingWriteOff, said: WriteOffDecisionIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Whatever gives money up, or the account away, waits for the approval matrix before it is booked."""
    amounts = await run_in_threadpool(_amounts, parts, said.amounts)
    act = ProposeWriteOff(act_id=id, actor=actor.user, decision=said.decision, amounts=amounts)
    return await do_on_case(parts, asked, act, response)


def _invoices(row: CaseRow) -> list[str]:
    return str(row.summary["invoices"]).split()


def _amounts(parts: Parts, said: list[PartIn]) -> dict[str, int]:
    """In minor units by invoice. Raises Problem for an unknown invoice, one that is named twice, and another currency than its own."""
    currencies, amounts = currencies_of(parts.database, [part.invoice for part in said]), dict[str, int]()
    for index, part in enumerate(said):
        if part.invoice not in currencies:
            raise invalid(f"/amounts/{index}/invoice", f"there is no invoice {part.invoice}; the account's write-off lists its invoices")
        if part.invoice in amounts:
            raise invalid(f"/amounts/{index}/invoice", f"the invoice {part.invoice} is named twice; name it once")
        if part.currency != (currency := currencies[part.invoice]):
            raise invalid(f"/amounts/{index}/currency", f"the invoice is in {currency}; write the amount in {currency} too")
        amounts[part.invoice] = part.minor
    return amounts
