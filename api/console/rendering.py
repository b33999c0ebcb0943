"""Renders a page from a template's name and its facts. Everything is escaped; an undefined name is an error."""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from adapters.billing.external_key import show_account
from adapters.correspondence.letter_stop_store import LetterStopStore
from adapters.i18n.languages import DEFAULT_LANGUAGE, choose_language
from adapters.i18n.wording import fill_placeholders
from adapters.identity.users_and_tokens import Preferences
from adapters.mentions.mention_store import MentionStore
from adapters.policies.refusal import find_refusal
from adapters.read_model.letter_brakes import count_held_accounts
from adapters.shipped_files import PROJECT
from api.console.acts.act_links import build_act_url, find_act_key, list_act_links
from api.console.acts.sent_form import MAX_FILES, build_form_token
from api.console.acts.wording import ACT_WORDING, ActWording, Reader
from api.console.assets import find_stylesheet, list_scripts
from api.console.browser_names import name_browser
from api.console.mentioned_people import UNKNOWN_PARAMETER, names_people, read_unknown_people
from api.console.navigation import build_navigation, may_open
from api.console.open_cases import build_case_url
from api.console.page_words import begin_sentence, install_words
from api.console.verbatim import quote_foreign
from api.context import ApiContext
from api.presenters.language import choose_accepted_language
from api.presenters.phrases import Phrases, load_phrases
from api.presenters.refusals import tell_reason
from api.web.authentication import require_actor, require_right
from api.web.middleware import MAX_EVIDENCE_BYTES
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import NO_SUCH_ROUTE, Problem
from domain.clock import REAL_DAY_SECONDS, Clock
from domain.digits import parse_digits
from domain.identifiers import find_case_kind
from domain.roles import Actor, Role

CONSOLE_FOLDER = PROJECT / "api" / "console"
SLOW_REFRESH_SECONDS, FAST_REFRESH_SECONDS = 30, 4
"""Seconds after which an open page is read again: in real life, and when the clock is played faster."""

CLOCK_SPEEDS = ("10", "60", "600")
"""At how many seconds a day the console lets a clock be played."""

DONE_PARAMETER, COUNT_PARAMETER, QUEUED_PARAMETER = "acted", "counted", "queued"
"""By which a page learns what a form that led here has just done, on how many invoices, and that a worker has yet to do it."""

MOMENTARY_PARAMETERS = frozenset({DONE_PARAMETER, COUNT_PARAMETER, QUEUED_PARAMETER, UNKNOWN_PARAMETER, "decided", "decision"})
"""What an address says of what was just done, and the page's own address does not; the script takes it off, too."""

_ROLE = re.compile(rf"\b(?:{'|'.join(role.value for role in Role)})\b")

page_templates = Environment(
    loader=FileSystemLoader(CONSOLE_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=quote_foreign,
)


page_templates.filters["segment"] = partial(quote, safe="")
page_templates.filters |= {"as_known": partial(show_account, number=""), "browser": name_browser}
page_templates.globals |= {"key_of_act": find_act_key}
page_templates.globals |= {"case_url": build_case_url, "find_case_kind": find_case_kind}
page_templates.globals |= {"names_people": names_people, "most_files": MAX_FILES, "most_megabytes": MAX_EVIDENCE_BYTES // 2**20}
install_words(page_templates)


def describe_clock_speed(clock: Clock, words: Phrases) -> str | None:
    """Describe the speed of a simulated clock; None for a real one."""
    if clock.day_seconds >= REAL_DAY_SECONDS:
        return None
    if clock.paused:
        return words.frame["stands_still"]
    if clock.day_seconds < 120:
        return fill_placeholders(words.frame["day_takes_seconds"], {"seconds": f"{clock.day_seconds:g}"})
    return fill_placeholders(words.frame["day_takes_minutes"], {"minutes": f"{clock.day_seconds / 60:.0f}"})


def _label_clock_speeds(words: Phrases) -> dict[str, str]:
    """The buttons by which a clock is played slower or faster, by what each sends."""
    return {
        speed: fill_placeholders(words.frame["seconds_a_day"], {"seconds": speed})
        if int(speed) < 60
        else fill_placeholders(words.frame["minutes_a_day"], {"minutes": str(int(speed) // 60)})
        for speed in CLOCK_SPEEDS
    }


def load_reader(context: ApiContext, actor: Actor) -> Reader:
    """Return the words in the reader's own language."""
    return _load_words(_find_reader_language(context, actor))


def choose_page_language(request: Request, context: ApiContext, actor: Actor | None) -> str:
    """The language of whoever is signed in; of anybody else, the one that their browser asks for."""
    if actor is None:
        return choose_accepted_language(request.headers.get("accept-language", ""))
    return _find_reader_language(context, actor)


def _find_reader_language(context: ApiContext, actor: Actor) -> str:
    return choose_language(context.identity.find_language(actor.user))


def _load_words(language: str) -> Reader:
    return Reader(ACT_WORDING.load(language), load_phrases(language))


def describe_done(words: ActWording, name: str, count: str, queued: bool) -> str:
    """What was done by an act, `count` of them invoices, where it says so; empty where there is no such act."""
    many = parse_digits(count)
    done = fill_placeholders(words.done.get(name, ""), {"count": str(many)} if many is not None else {})
    return f"{done} {words.notices['queued']}" if done and queued else done


def _describe_done(request: Request, words: ActWording) -> str:
    """What was just done, when a form led here."""
    given = request.query_params
    return describe_done(words, given.get(DONE_PARAMETER, ""), given.get(COUNT_PARAMETER, ""), QUEUED_PARAMETER in given)


def render(request: Request, context: ApiContext, name: str, actor: Actor | None, **facts: Any) -> HTMLResponse:
    """A template finds the page's language as `language`, its phrases as `words` and those of the forms as `act_words`."""
    preferences = context.identity.find_preferences(actor.user) if actor else Preferences()
    language = choose_language(preferences.language) if actor else choose_page_language(request, context, None)
    act_words, words = _load_words(language)
    fast, mentions = describe_clock_speed(context.clock, words), MentionStore(context.database)
    frame = {
        "language": language,
        "words": words,
        "act_words": act_words,
        "actor": actor,
        "role": words.translate("roles", actor.role.value) if actor else None,
        "preferences": preferences,
        "today": context.today,
        "clock_speed": fast,
        "clock": context.clock,
        "clock_speeds": _label_clock_speeds(words),
        "sets_clock": fast is not None and actor is not None and permission_denial_reason(actor.role, Permission.SET_CLOCK) is None,
        "absent": [words.live[name] for name in request.app.state.pulse.absent] if actor else [],
        "refresh": FAST_REFRESH_SECONDS if fast else SLOW_REFRESH_SECONDS,
        "sees_users": actor is not None and permission_denial_reason(actor.role, Permission.AUDIT) is None,
        "has_inbox": context.inbox is not None,
        "navigation": build_navigation(actor.role, words, request.url.path, has_inbox=context.inbox is not None) if actor else None,
        "may_open": partial(may_open, actor.role) if actor else None,
        "refused_policies": find_refusal(context.database) if actor else None,
        "stylesheet": find_stylesheet(),
        "scripts": list_scripts(),
        "path": request.url.path,
        "here": _find_own_address(request),
        "form_token": build_form_token(request),
        "act_url": partial(build_act_url, actor) if actor else None,
        "act_links": partial(list_act_links, actor, act_words, words) if actor else None,
        "done": _describe_done(request, act_words) if actor else "",
        "stops": LetterStopStore(context.database).list_stops(context.today) if actor else [],
        "people": cache(mentions.load_people),
        "mentioned": mentions.count_unread(actor.user) if actor else 0,
        "unknown_people": read_unknown_people(request.query_params.getlist(UNKNOWN_PARAMETER)),
        "held_accounts": count_held_accounts(context.database) if actor else 0,
    }
    return HTMLResponse(page_templates.get_template(name).render(frame | facts))


def _find_own_address(request: Request) -> str:
    """The page's own address, without what was just done."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in MOMENTARY_PARAMETERS]
    path = quote(request.url.path, safe="/%")
    return f"{path}?{urlencode(kept)}" if kept else path


def require_page_reader(request: Request) -> Actor:
    """Return who is signed in. Raises Problem 401 or 403, which `problem_page` answers."""
    actor = require_actor(request)
    if why := permission_denial_reason(actor.role, Permission.READ):
        raise Problem(403, "not-allowed", "Your role may not do this", why)
    return actor


PageReader = Annotated[Actor, Depends(require_page_reader)]


def require_page_right(permission: Permission) -> Callable[[Actor], Actor]:
    """Make what a page depends on that only those who may do something are shown: who reads it. Raises Problem 403."""

    def require_reader(actor: PageReader) -> Actor:
        require_right(actor, permission)
        return actor

    return require_reader


def render_problem_page(request: Request, problem: Problem) -> Response:
    """Whoever is not signed in is shown the way; any other problem is a page that says what to do."""
    if problem.status == 401:
        return RedirectResponse("/sign-in", status_code=303)
    try:
        page = _render_problem(request, problem, require_actor(request))
    except (Problem, SQLAlchemyError):
        page = _render_problem(request, problem, None)
    page.status_code = problem.status
    return page


def _name_roles(text: str, words: Phrases) -> str:
    """The API's sentence with each role as people call it."""
    return _ROLE.sub(lambda found: words.translate("roles", found[0]), text)


def _render_problem(request: Request, problem: Problem, actor: Actor | None) -> HTMLResponse:
    """What the API says of a problem is English, and of a page that is not there for programs: who reads another language is told in that
    what kind of problem it is, and why, or what to do."""
    context: ApiContext = request.app.state.parts
    language = choose_page_language(request, context, actor)
    title, advice = problem.title, f"{begin_sentence(_name_roles(problem.detail, load_phrases(language)))}."
    if language != DEFAULT_LANGUAGE or problem.kind == NO_SUCH_ROUTE:
        words = load_phrases(language)
        kind = problem.kind if problem.kind in words.problems else "other"
        told = tell_reason(problem.reason, words) if problem.reason else ""
        title, advice = words.problems[kind], f"{begin_sentence(told)}." if told else words.problem_advice[kind]
    return render(request, context, "problem.html", actor, problem=problem, title=title, advice=advice)
