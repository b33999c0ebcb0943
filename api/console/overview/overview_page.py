"""The overview, and the rows behind those of its figures that no other list shows."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.overview.figure_rows import FigureRow, list_dispute_rows, list_waiting_cases, list_waiting_tasks
from adapters.read_model.overview.money_figures import CollectorFigures
from adapters.read_model.overview.overview_figures import OverviewReader
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
from api.console.overview import row_links
from api.console.overview.bars import draw_stacked_bar, scale_bar
from api.console.rendering import PageReader, render
from api.context import ApiContext
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain.identifiers import CaseKind
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
OVERVIEW_PAGE = "/overview"
MAX_ROWS = 200
Word = Annotated[str, Query(max_length=100)]


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


@router.get(row_links.WAITING_PAGE)
def show_waiting(
    request: Request,
    context: Context,
    actor: PageReader,
    kind: Word,
    of: Literal["tasks", "cases"] = "tasks",
    role: Word = "",
    person: Word = "",
) -> HTMLResponse:
    """What waits for people of a role, or for one person."""
    asked = context.database, role or None, person or None, kind, MAX_ROWS
    rows = list_waiting_tasks(*asked) if of == "tasks" else list_waiting_cases(*asked, lambda at: context.clock.to_business(at).date())
    return _render_rows(request, context, actor, rows, of, kind, role, person)


@router.get(row_links.DISPUTES_PAGE)
def show_disputes(
    request: Request, context: Context, actor: PageReader, department: Role, age: Annotated[int | None, Query(ge=0, le=3)] = None
) -> HTMLResponse:
    """The open disputes of a department, all or those of one age."""
    rows = list_dispute_rows(context.database, department, age, context.today, MAX_ROWS)
    return _render_rows(request, context, actor, rows, "disputes", CaseKind.DISPUTE.value, department.value)


def _render_rows(
    request: Request, context: ApiContext, actor: Actor, rows: Sequence[FigureRow], of: str, kind: str, role: str, person: str = ""
) -> HTMLResponse:
    return render(
        request,
        context,
        "overview_rows.html",
        actor,
        rows=rows,
        is_cut=len(rows) == MAX_ROWS,
        of=of,
        kind=kind,
        role_name=role,
        person=person,
    )


def _find_most(collectors: Iterable[CollectorFigures]) -> dict[str, int]:
    """The most that the customers of one collector owe in each currency."""
    most: dict[str, int] = {}
    for row in collectors:
        for currency, figure in row.open.items():
            most[currency] = max(most.get(currency, 0), figure.balance)
    return most
