"""The overview: each of its figures opens its rows in a list."""

import asyncio
from collections.abc import Iterable

import structlog
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from adapters.portfolio.target_store import CollectionTargetStore
from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.overview.collected_figures import list_months
from adapters.read_model.overview.money_figures import CollectorFigures
from adapters.read_model.overview.overview_figures import KEPT_FOR, OverviewReader
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
from api.console.overview import row_links
from api.console.overview.bars import draw_stacked_bar, scale_bar
from api.console.overview.target_lines import build_target_lines
from api.console.rendering import PageReader, render
from api.context import ApiContext
from api.schemas.targets.collection_targets import write_month
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.request_target import EncodedPathRoute

log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
OVERVIEW_PAGE = "/overview"
READ_AHEAD_EVERY_SECONDS = KEPT_FOR.total_seconds() / 4


async def keep_overview(reader: OverviewReader, context: ApiContext) -> None:
    """Again and again; whatever goes wrong in one reading is logged, and the page reads for itself."""
    while True:
        await asyncio.sleep(READ_AHEAD_EVERY_SECONDS)
        try:
            await run_in_threadpool(reader.read_ahead, context.today, context.now(), context.clock)
        except Exception as error:
            log.error("the overview could not be read ahead", error=repr(error), exc_info=error)


@router.get(OVERVIEW_PAGE)
@from_one_snapshot
def show_overview(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    reader: OverviewReader = request.app.state.overview
    figures = reader.read(context.today, context.now(), context.clock)
    months = list_months(context.today)
    targets = CollectionTargetStore(context.database).list_targets(months[-1], months[0])
    lines = build_target_lines(figures.collected, targets, months)
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
        target_lines=lines,
        months=[write_month(month) for month in months],
        has_targets=any(line.now.target is not None for line in lines),
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
