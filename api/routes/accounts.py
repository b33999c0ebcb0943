"""Accounts: what they owe per currency, whom to talk to, and all that happened."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from adapters.read_model.accounts import AccountDetail, list_accounts, read_account
from adapters.read_model.journal import account_history
from api.context import ApiParts
from api.presenters import records as presenting
from api.presenters.language import Words
from api.schemas.requests import ServiceIn
from api.schemas.responses import AccountOut, AccountSummary, EntryOut
from api.web.authentication import ChangingService, Parts, Reader
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, not_found
from domain.clock import start_of_day

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], responses=RESPONSES)


def existing(parts: ApiParts, account_id: str) -> AccountDetail:
    """Raises Problem 404."""
    account = read_account(parts.database, account_id, parts.today)
    if account is None:
        raise not_found("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    return account


@router.get("", operation_id="list_accounts", summary="Accounts by name")
def accounts(
    parts: Parts,
    _: Reader,
    q: Annotated[str | None, Query(max_length=100)] = None,
    collector: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AccountSummary]:
    rows, following = list_accounts(parts.database, parts.today, limit, cursor, q, collector)
    return Page(items=[presenting.account_summary(row) for row in rows], next=following)


@router.get("/{account_id}", operation_id="read_account", summary="One account: balances, contacts, invoices")
def account(account_id: str, parts: Parts, _: Reader) -> AccountOut:
    return presenting.account(existing(parts, account_id), parts.today)


@router.put("/{account_id}/service", operation_id="change_service", summary="Whether an account is served in advance of its money")
def service(account_id: str, said: ServiceIn, parts: Parts, _: ChangingService) -> AccountOut:
    """Who pays in advance is never suspended for arrears. The same again changes nothing."""
    parts.ledger.set_prepaid(account_id, said.prepaid, at=parts.business_now)
    return presenting.account(existing(parts, account_id), parts.today)


@router.get("/{account_id}/history", operation_id="read_account_history", summary="The journal of all its cases, the latest first")
def history(
    account_id: str,
    parts: Parts,
    _: Reader,
    words: Words,
    at: Annotated[date | None, Query(description="as known at the end of this business date")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[EntryOut]:
    existing(parts, account_id)
    until = start_of_day(at + timedelta(days=1)) if at else None
    lines, following = account_history(parts.database, account_id, until, limit, cursor)
    return Page(items=[presenting.entry(line, words) for line in lines], next=following)
