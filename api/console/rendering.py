"""From a template's name and its facts to a page. Everything is escaped; what is undefined is an error."""

from datetime import date, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adapters.project import PROJECT
from api.context import ApiParts
from api.presenters.phrases import phrases
from api.web.authentication import signed_in
from api.web.permissions import May, refusal
from api.web.problems import Problem
from domain.clock import REAL_DAY_SECONDS, Clock
from domain.roles import Actor

FOLDER = PROJECT / "api" / "console"
SLOW_REFRESH, FAST_REFRESH = 30, 4
"""Seconds after which an open page is read again: in real life, and when the clock is played faster."""

WORDS = phrases("en")

pages = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def clock_speed(clock: Clock) -> str | None:
    """How a played clock runs; None in real life."""
    if clock.day_seconds >= REAL_DAY_SECONDS:
        return None
    if clock.day_seconds < 120:
        return f"one day takes {clock.day_seconds:g} s"
    return f"one day takes {clock.day_seconds / 60:.0f} min"


def _day(value: date | datetime | None) -> str:
    if value is None:
        return "–"
    return WORDS.day(value.date() if isinstance(value, datetime) else value)


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


pages.filters |= {"day": _day, "days": _days, "money": WORDS.money, "stage": WORDS.stage, "step": WORDS.step}
pages.globals |= {"word": WORDS.word, "count_of": _count}


def render(request: Request, parts: ApiParts, name: str, actor: Actor | None, **facts: Any) -> HTMLResponse:
    fast = clock_speed(parts.clock)
    page = pages.get_template(name).render(
        actor=actor,
        role=WORDS.word("roles", actor.role.value) if actor else None,
        today=parts.today,
        clock_speed=fast,
        refresh=FAST_REFRESH if fast else SLOW_REFRESH,
        has_inbox=parts.inbox is not None,
        path=request.url.path,
        **facts,
    )
    return HTMLResponse(page)


def reader(request: Request) -> Actor:
    """Who looks at a page. Raises Problem 401 or 403, which `problem_page` answers."""
    actor = signed_in(request)
    if why := refusal(actor.role, May.READ):
        raise Problem(403, "not-allowed", "Your role may not do this", why)
    return actor


def problem_page(request: Request, problem: Problem) -> Response:
    """Whoever is not signed in is shown the way; any other problem is a page that says what to do."""
    if problem.status == 401:
        return RedirectResponse("/sign-in", status_code=303)
    try:
        actor = signed_in(request)
    except Problem:
        actor = None
    page = render(request, request.app.state.parts, "problem.html", actor, problem=problem)
    page.status_code = problem.status
    return page
