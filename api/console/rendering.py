"""Renders a page from a template's name and its facts. Everything is escaped; an undefined name is an error."""

from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from adapters.correspondence.letter_stop_store import LetterStopStore
from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.policies.refusal import find_refusal
from adapters.read_model.letter_brakes import count_held_accounts
from adapters.shipped_files import PROJECT
from api.context import ApiContext
from api.presenters.account_suspensions import describe_suspension, describe_suspension_end
from api.presenters.invoices import describe_dispute
from api.presenters.phrases import load_phrases
from api.web.authentication import require_actor
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import Problem
from domain.clock import REAL_DAY_SECONDS, Clock
from domain.roles import Actor

CONSOLE_FOLDER = PROJECT / "api" / "console"
SLOW_REFRESH_SECONDS, FAST_REFRESH_SECONDS = 30, 4
"""Seconds after which an open page is read again: in real life, and when the clock is played faster."""

CLOCK_SPEEDS = {"10": "10 s a day", "60": "1 min a day", "600": "10 min a day"}
"""At what the console lets a clock be played."""

CONSOLE_PHRASES = load_phrases(DEFAULT_LANGUAGE)

page_templates = Environment(
    loader=FileSystemLoader(CONSOLE_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def describe_clock_speed(clock: Clock) -> str | None:
    """Describe the speed of a simulated clock; None for a real one."""
    if clock.day_seconds >= REAL_DAY_SECONDS:
        return None
    if clock.paused:
        return "it stands still"
    if clock.day_seconds < 120:
        return f"one day takes {clock.day_seconds:g} s"
    return f"one day takes {clock.day_seconds / 60:.0f} min"


def _format_day(value: date | datetime | None) -> str:
    if value is None:
        return "–"
    return CONSOLE_PHRASES.shared.format_day(value.date() if isinstance(value, datetime) else value)


def _format_days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _format_count(number: int, singular: str, plural: str) -> str:
    return f"{number:,} {singular if number == 1 else plural}"


page_templates.filters |= {
    "day": _format_day,
    "days": _format_days,
    "segment": partial(quote, safe=""),
    "money": CONSOLE_PHRASES.shared.format_money,
    "stage": CONSOLE_PHRASES.stage_label,
    "step": CONSOLE_PHRASES.step_label,
}
page_templates.globals |= {
    "word": CONSOLE_PHRASES.translate,
    "count_of": _format_count,
    "dispute_says": partial(describe_dispute, words=CONSOLE_PHRASES),
    "suspension_says": partial(describe_suspension, words=CONSOLE_PHRASES),
    "suspension_ends": partial(describe_suspension_end, words=CONSOLE_PHRASES),
}


def render(request: Request, context: ApiContext, name: str, actor: Actor | None, **facts: Any) -> HTMLResponse:
    fast = describe_clock_speed(context.clock)
    page = page_templates.get_template(name).render(
        actor=actor,
        role=CONSOLE_PHRASES.translate("roles", actor.role.value) if actor else None,
        today=context.today,
        clock_speed=fast,
        clock=context.clock,
        clock_speeds=CLOCK_SPEEDS,
        sets_clock=fast is not None and actor is not None and permission_denial_reason(actor.role, Permission.SET_CLOCK) is None,
        refresh=FAST_REFRESH_SECONDS if fast else SLOW_REFRESH_SECONDS,
        has_inbox=context.inbox is not None,
        refused_policies=find_refusal(context.database) if actor else None,
        path=request.url.path,
        stops=LetterStopStore(context.database).list_stops(context.today) if actor else [],
        held_accounts=count_held_accounts(context.database) if actor else 0,
        **facts,
    )
    return HTMLResponse(page)


def require_page_reader(request: Request) -> Actor:
    """Return who is signed in. Raises Problem 401 or 403, which `problem_page` answers."""
    actor = require_actor(request)
    if why := permission_denial_reason(actor.role, Permission.READ):
        raise Problem(403, "not-allowed", "Your role may not do this", why)
    return actor


def render_problem_page(request: Request, problem: Problem) -> Response:
    """Whoever is not signed in is shown the way; any other problem is a page that says what to do."""
    if problem.status == 401:
        return RedirectResponse("/sign-in", status_code=303)
    try:
        page = render(request, request.app.state.parts, "problem.html", require_actor(request), problem=problem)
    except (Problem, SQLAlchemyError):
        page = render(request, request.app.state.parts, "problem.html", None, problem=problem)
    page.status_code = problem.status
    return page
