"""The payments behind what was collected in a month, and who set the month's targets."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.portfolio.target_store import CollectionTargetStore
from adapters.read_model.overview.collected_figures import list_collected
from api.console.overview.row_links import COLLECTED_PAGE
from api.console.rendering import PageReader, render
from api.routes.targets.collection_targets import read_month
from api.schemas.targets.collection_targets import Month
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_ROWS, MAX_CHANGES = 100, 500


@router.get(COLLECTED_PAGE)
def show_collected(
    request: Request,
    context: Context,
    actor: PageReader,
    month: Annotated[Month, Query()],
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")],
    collector: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str, Query(max_length=4_000)] = "",
) -> HTMLResponse:
    first_day = read_month(month)
    rows, following = list_collected(context.database, first_day, currency, collector or None, MAX_ROWS, cursor or None)
    changes = CollectionTargetStore(context.database).list_changes_of(first_day, currency, collector, MAX_CHANGES)
    return render(
        request,
        context,
        "collected.html",
        actor,
        month=month,
        currency=currency,
        collector=collector,
        rows=rows,
        changes=changes,
        next_page=request.url.include_query_params(cursor=following).query if following else None,
        later_page=bool(cursor),
    )
