"""Who has which accounts, who covers for whom, and the rules: written anew, looked at in a preview, and applied."""

import secrets
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.identity.users_and_tokens import IdentityStore
from adapters.portfolio.assignments import AssignmentContext, AssignmentResult, PortfolioAssignments
from adapters.portfolio.cover_store import CoverStore
from adapters.portfolio.rule_store import InvalidRuleError, PortfolioRuleStore
from adapters.read_model.collectors import list_collector_changes, list_collector_portfolios
from api.console.acts.api_call import send_to_api
from api.console.acts.forms import ActForm
from api.console.acts.people import list_colleagues
from api.console.acts.sent_form import SentForm, read_sent_form
from api.console.rendering import PageReader, render, require_page_right
from api.console.team.rule_rows import RuleRow, UnreadableRule, add_spare_rows, read_rows, write_rows
from api.context import ApiContext
from api.web.authentication import Context
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import Problem
from api.web.request_target import EncodedPathRoute
from domain.digits import parse_digits
from domain.portfolio.assignment_rules import PortfolioRule
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
TEAM_PAGE = "/team"
MAX_CHANGES, MAX_PREVIEWED = 20, 50
COLLECTING = (Role.COLLECTOR.value, Role.COLLECTIONS_MANAGER.value)
APPLYING = ActForm(path="/v1/portfolios/rules/apply", permission=Permission.RUN_PORTFOLIOS)


class RulesFault(NamedTuple):
    """`row` from 1, 0 where no row is at fault; `rows` as they were written."""

    row: int
    what: str
    rows: list[RuleRow]


Leader = Annotated[Actor, Depends(require_page_right(Permission.RUN_PORTFOLIOS))]


@router.get(TEAM_PAGE)
def show_team(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _render_team(request, context, actor)


@router.post(TEAM_PAGE + "/rules")
async def write_team_rules(request: Request, context: Context, actor: Leader) -> Response:
    """Keep the rules as a new version; nothing moves until they are applied. Raises RulesChangedError."""
    sent = await read_sent_form(request)
    fault = await run_in_threadpool(_write_rules, context, actor, sent)
    if fault is not None:
        return await run_in_threadpool(_render_team, request, context, actor, fault)
    return RedirectResponse(f"{TEAM_PAGE}?said=kept#rules", status_code=303)


def _write_rules(context: ApiContext, actor: Actor, sent: SentForm) -> RulesFault | None:
    """Return what is wrong with them, and nothing is kept; None where they are kept. Raises RulesChangedError."""
    rows = _read_sent_rows(sent)
    if not sent.is_ours:
        return RulesFault(0, "", rows)
    try:
        placed = read_rows(rows)
    except UnreadableRule as fault:
        return RulesFault(fault.row, str(fault), rows)
    try:
        version = parse_digits(sent.first("version"))
        rules = [each.rule for each in placed]
        PortfolioRuleStore(context.database).add_version(rules, actor.user, context.now(), version)
    except InvalidRuleError as fault:
        return RulesFault(placed[fault.place].row, str(fault), rows)
    return None


def _read_sent_rows(sent: SentForm) -> list[RuleRow]:
    """What a form leaves out of a row is empty."""
    columns = [sent.values.get(name, ()) for name in RuleRow._fields]
    return [RuleRow(*row) for row in zip_longest(*columns, fillvalue="")]


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
        rule_rows=_list_shown_rows(known.rules, fault, leads),
        colleagues=list_colleagues(IdentityStore(context.database)) if leads else [],
        collecting=COLLECTING,
        fault=fault,
        leads=leads,
        preview=_preview_rules(context, actor) if leads and known.rules else None,
        most_previewed=MAX_PREVIEWED,
        key=f"rules-{secrets.token_urlsafe(18)}",
        said=request.query_params.get("said", ""),
    )
    page.status_code = 422 if fault else 200
    return page


def _list_shown_rows(rules: Sequence[PortfolioRule], fault: RulesFault | None, leads: bool) -> list[RuleRow]:
    """Rows with a fault as they were written; who may change rules gets empty ones, too."""
    if fault:
        return fault.rows or add_spare_rows([])
    return add_spare_rows(write_rows(rules)) if leads else write_rows(rules)


def _preview_rules(context: ApiContext, actor: Actor) -> AssignmentResult:
    """What applying the rules would move now; nothing is changed."""
    doing = AssignmentContext("preview", actor.user, context.business_now, context.now())
    return PortfolioAssignments(context.database).apply_rules(doing, True)
