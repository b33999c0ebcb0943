"""What the header's field finds: straight to the one thing that is meant, or a page of those that could be."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.read_model.lists.quick_search import SearchHits, search_books
from api.console.rendering import PageReader, render
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
SEARCH_PAGE = "/search"
MAX_HITS = 20
NOTHING_FOUND = SearchHits([], [])


@router.get(SEARCH_PAGE)
def search(request: Request, context: Context, actor: PageReader, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """`q`: an account's name or number or an invoice's number, or a part of one."""
    text = q.strip()
    hits = search_books(context.database, text, context.today, MAX_HITS) if text else NOTHING_FOUND
    if hits.total == 1:
        return RedirectResponse(_build_address(hits), status_code=303)
    return render(request, context, "search.html", actor, hits=hits, sought=text)


def _build_address(hits: SearchHits) -> str:
    """Of the one thing that was found."""
    kind, found = ("accounts", hits.accounts[0].id) if hits.accounts else ("invoices", hits.invoices[0].id)
    return f"/{kind}/{quote(found, safe='')}"
