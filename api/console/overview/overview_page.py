"""The overview: each of its figures opens its rows in a list."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.overview.money_figures import CollectorFigures
from adapters.read_model.overview.overview_figures import OverviewReader
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
from api.console.overview import row_links
from api.console.overview.bars import draw_stacked_bar, scale_bar
from api.console.rendering import PageReader, render
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
OVERVIEW_PAGE = "/overview"


@router.get(OVERVIEW_PAGE)
def show_overview(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    reader: OverviewReader = request.app.state.overview
    figures = reader.read(context.today, context.now(), context.clock)
    return render(
        request,
        context,
        "overview.html",
        actor,
        figures=figures,
        currencies=[each.currency for each in figures.currencies],
        stages_most=max((row.invoices for row in figures.stages), default=1),
        collectors_most=_find_most(figures.collectors),
        age_limits=AGE_LIMITS,
        dispute_age_limits=DISPUTE_AGE_LIMITS,
        links=row_links,
        stacked=draw_stacked_bar,
        scaled=scale_bar,
        is_empty=figures.are_of_nothing,
    )


def _find_most(collectors: Iterable[CollectorFigures]) -> dict[str, int]:
    """The most that the customers of one collector owe in each currency."""
    most: dict[str, int] = {}
    for row in collectors:
        for currency, figure in row.open.items():
            most[currency] = max(most.get(currency, 0), figure.balance)
    return most
