"""The console's list of accounts, in the reader's language: found by a part of the name or number, with what each owes in each currency."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.accounts import list_accounts
from api.console.rendering import PageReader, render
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
ACCOUNTS_PAGE = "/accounts"
PAGE_LENGTH = 50


@router.get(ACCOUNTS_PAGE)
def show_accounts(
    request: Request,
    context: Context,
    actor: PageReader,
    q: Annotated[str, Query(max_length=100)] = "",
    collector: Annotated[str, Query(max_length=100)] = "",
    cursor: str = "",
) -> HTMLResponse:
    """Empty fields of the filter form come as empty strings."""
    rows, following = list_accounts(context.database, context.today, PAGE_LENGTH, cursor or None, q.strip() or None, collector or None)
    chosen = {name: value for name, value in (("q", q), ("collector", collector)) if value}
    return render(
        request,
        context,
        "accounts.html",
        actor,
        accounts=rows,
        chosen=chosen,
        next_page=f"{ACCOUNTS_PAGE}?{urlencode({**chosen, 'cursor': following})}" if following else None,
        first_page=f"{ACCOUNTS_PAGE}?{urlencode(chosen)}" if cursor else None,
    )
