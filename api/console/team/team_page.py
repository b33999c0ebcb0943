"""Who has which accounts, who covers for whom, and the rules: written anew, looked at in a preview, and applied."""

import secrets
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.portfolio.assignments import AssignmentContext, AssignmentResult, PortfolioAssignments
from adapters.portfolio.cover_store import CoverStore
from adapters.portfolio.rule_store import InvalidRuleError, PortfolioRuleStore
from adapters.read_model.collectors import list_collector_changes, list_collector_portfolios
from api.console.acts.api_call import send_to_api
from api.console.acts.forms import ActForm
from api.console.acts.sent_form import read_sent_form
from api.console.rendering import PageReader, render, require_page_right
from api.console.team.rule_lines import UnreadableRule, read_rules, write_rules
from api.context import ApiContext
from api.web.authentication import Context
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import Problem
from api.web.request_target import EncodedPathRoute
from domain.digits import parse_digits
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
TEAM_PAGE = "/team"
MAX_CHANGES, MAX_PREVIEWED = 20, 50
APPLYING = ActForm(path="/v1/portfolios/rules/apply", permission=Permission.RUN_PORTFOLIOS)


class RulesFault(NamedTuple):
    """`line` from 1, 0 where no line is at fault; `text` as it was written."""

    line: int
    what: str
    text: str


Leader = Annotated[Actor, Depends(require_page_right(Permission.RUN_PORTFOLIOS))]


@router.get(TEAM_PAGE)
def show_team(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _render_team(request, context, actor)


@router.post(TEAM_PAGE + "/rules")
async def write_team_rules(request: Request, context: Context, actor: Leader) -> Response:
    """Keep the rules as a new version; nothing moves until they are applied. Raises RulesChangedError."""
    sent = await read_sent_form(request)
    text, version = sent.first("rules"), parse_digits(sent.first("version"))
    if not sent.is_ours:
        return await run_in_threadpool(_render_team, request, context, actor, RulesFault(0, "", text))
    try:
        rules = read_rules(text)
        await run_in_threadpool(PortfolioRuleStore(context.database).add_version, rules, actor.user, context.now(), version)
    except UnreadableRule as fault:
        return await run_in_threadpool(_render_team, request, context, actor, RulesFault(fault.number, str(fault), text))
    except InvalidRuleError as fault:
        return await run_in_threadpool(_render_team, request, context, actor, RulesFault(fault.place + 1, str(fault), text))
    return RedirectResponse(f"{TEAM_PAGE}?said=kept#rules", status_code=303)


@router.post(TEAM_PAGE + "/rules/apply")
async def apply_team_rules(request: Request, context: Context, actor: Leader) -> Response:
    """As the preview showed them: when the rules have changed since, nothing is done. Raises Problem 409."""
    sent = await read_sent_form(request)
    if not sent.is_ours:
        return RedirectResponse(f"{TEAM_PAGE}#rules", status_code=303)
    answer = await send_to_api(request, APPLYING, {}, {"dry_run": False, "version": parse_digits(sent.first("version")) or 0}, sent.key)
    if answer.is_refusal:
        raise Problem(answer.status, "changed", str(answer.document.get("title", "")), str(answer.document.get("detail", "")))
    return RedirectResponse(f"{TEAM_PAGE}?said=applied#rules", status_code=303)


def _render_team(request: Request, context: ApiContext, actor: Actor, fault: RulesFault | None = None) -> HTMLResponse:
    known = PortfolioRuleStore(context.database).get_current()
    leads = permission_denial_reason(actor.role, Permission.RUN_PORTFOLIOS) is None
    page = render(
        request,
        context,
        "team.html",
        actor,
        portfolios=list_collector_portfolios(context.database, context.today),
        covers=CoverStore(context.database).list_current(context.today),
        changes=list_collector_changes(context.database, MAX_CHANGES, None)[0],
        rules=known,
        rules_text=fault.text if fault else write_rules(known.rules),
        fault=fault,
        leads=leads,
        preview=_preview_rules(context, actor) if leads and known.rules else None,
        most_previewed=MAX_PREVIEWED,
        key=f"rules-{secrets.token_urlsafe(18)}",
        said=request.query_params.get("said", ""),
    )
    page.status_code = 422 if fault else 200
    return page


def _preview_rules(context: ApiContext, actor: Actor) -> AssignmentResult:
    """What applying the rules would move now; nothing is changed."""
    doing = AssignmentContext("preview", actor.user, context.business_now, context.now())
    return PortfolioAssignments(context.database).apply_rules(doing, True)
