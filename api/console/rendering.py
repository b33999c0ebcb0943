"""Renders a page from a template's name and its facts. Everything is escaped; an undefined name is an error."""

from datetime import date, datetime
from functools import partial
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from adapters.correspondence.letter_stop_store import LetterStopStore
from adapters.i18n.languages import DEFAULT_LANGUAGE, choose_language
from adapters.i18n.wording import fill_placeholders
from adapters.policies.refusal import find_refusal
from adapters.read_model.letter_brakes import count_held_accounts
from adapters.shipped_files import PROJECT
from api.console.acts.forms import load_act_forms
from api.console.acts.wording import ACT_WORDING, ActWording
from api.context import ApiContext
from api.presenters.account_suspensions import describe_suspension, describe_suspension_end
from api.presenters.invoices import describe_dispute
from api.presenters.phrases import Phrases, load_phrases
from api.web.authentication import SESSION_COOKIE, require_actor
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import Problem
from domain.clock import REAL_DAY_SECONDS, Clock
from domain.roles import Actor

CONSOLE_FOLDER = PROJECT / "api" / "console"
SLOW_REFRESH_SECONDS, FAST_REFRESH_SECONDS = 30, 4
"""Seconds after which an open page is read again: in real life, and when the clock is played faster."""

CLOCK_SPEEDS = {"10": "10 s a day", "60": "1 min a day", "600": "10 min a day"}
"""At what the console lets a clock be played."""

DONE_PARAMETER, QUEUED_PARAMETER = "acted", "queued"
"""By which a page learns what a form that led here has just done, and that a worker has yet to do it."""

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


def _fill_sentence(sentence: str, **facts: str) -> str:
    return fill_placeholders(sentence, facts)


page_templates.filters |= {
    "day": _format_day,
    "days": _format_days,
    "segment": partial(quote, safe=""),
    "money": CONSOLE_PHRASES.shared.format_money,
    "stage": CONSOLE_PHRASES.stage_label,
    "step": CONSOLE_PHRASES.step_label,
}
page_templates.globals |= {
    "fill": _fill_sentence,
    "word": CONSOLE_PHRASES.translate,
    "case_kind": partial(CONSOLE_PHRASES.translate, "case_kinds"),
    "case_stage": CONSOLE_PHRASES.case_stage_label,
    "count_of": _format_count,
    "dispute_says": partial(describe_dispute, words=CONSOLE_PHRASES),
    "suspension_says": partial(describe_suspension, words=CONSOLE_PHRASES),
    "suspension_ends": partial(describe_suspension_end, words=CONSOLE_PHRASES),
}


def build_form_token(request: Request) -> str:
    """What every form of this session carries: a page elsewhere can make a browser send a form with its cookie, and cannot know this."""
    credential = request.headers.get("authorization") or request.cookies.get(SESSION_COOKIE, "")
    return blake2b(credential.encode(), digest_size=16, person=b"duecourse form").hexdigest()


def load_reader(context: ApiContext, actor: Actor) -> tuple[ActWording, Phrases]:
    """Return the words in the reader's own language."""
    language = choose_language(context.identity.find_language(actor.user))
    return ACT_WORDING.load(language), load_phrases(language)


def build_act_url(actor: Actor, name: str, back: str, **given: str) -> str | None:
    """Return the address of an act's form, with the ids that it needs and what a page knows; None where the reader's role may not."""
    if not load_act_forms()[name].is_for(actor.role):
        return None
    return f"/act/{name}?{urlencode({**given, 'back': back})}"


def _describe_done(request: Request, context: ApiContext, actor: Actor) -> str:
    """What was just done, when a form led here."""
    words, _ = load_reader(context, actor)
    done = words.done.get(request.query_params.get(DONE_PARAMETER, ""), "")
    return f"{done} {words.notices['queued']}" if done and QUEUED_PARAMETER in request.query_params else done


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
        here=_find_own_address(request),
        form_token=build_form_token(request),
        act_url=partial(build_act_url, actor) if actor else None,
        act_words=load_reader(context, actor)[0] if actor else None,
        done=_describe_done(request, context, actor) if actor else "",
        stops=LetterStopStore(context.database).list_stops(context.today) if actor else [],
        held_accounts=count_held_accounts(context.database) if actor else 0,
        **facts,
    )
    return HTMLResponse(page)


def _find_own_address(request: Request) -> str:
    """The page's own address, without what was just done."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in (DONE_PARAMETER, QUEUED_PARAMETER)]
    path = quote(request.url.path, safe="/%")
    return f"{path}?{urlencode(kept)}" if kept else path


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
