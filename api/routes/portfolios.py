"""Portfolios: who collects which account, by hand or by rule, and who covers for whom."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response

from adapters.portfolio.assignments import AssignmentContext, PortfolioAssignments
from adapters.portfolio.cover_store import CoverStore
from adapters.portfolio.rule_store import COLLECTING_ROLES, InvalidRuleError, PortfolioRuleStore
from adapters.read_model.collectors import CollectorPortfolio, list_collector_changes, list_collector_portfolios
from adapters.read_model.cursors import decode_cursor, paginate_rows
from api.context import ApiContext
from api.schemas.portfolios import (
    MAX_CHANGES_SHOWN,
    AccountAssignmentOut,
    ApplyRulesIn,
    ChangeOut,
    CoverIn,
    CoverOut,
    PastChangeOut,
    PortfolioOut,
    ReassignmentIn,
    ReassignmentOut,
    RulesIn,
    RulesOut,
)
from api.web.authentication import Context, PortfolioRunningActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, Problem, invalid_request_problem
from api.web.request_ids import derive_id
from domain.digits import parse_digits
from domain.portfolio.assignment_rules import Cover
from domain.refusal import Refusal
from domain.roles import Actor, is_same_person

router = APIRouter(prefix="/v1/portfolios", tags=["portfolios"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("", operation_id="list_portfolios", summary="Each collector's accounts, what they owe, and who covers")
def get_portfolios(context: Context, _: ReadingActor, limit: Limit = 50, cursor: Cursor = None) -> Page[PortfolioOut]:
    """List the portfolios by name; accounts without a collector come last."""
    place = decode_cursor(cursor, int, str)
    rows = [row for row in list_collector_portfolios(context.database, context.today) if place is None or _cursor_position(row) > place]
    shown, following = paginate_rows(rows, limit, _cursor_position)
    return Page(items=[PortfolioOut.from_row(row) for row in shown], next=following)


def _cursor_position(row: CollectorPortfolio) -> tuple[int, str]:
    return int(row.collector is None), row.collector or ""


@router.get("/rules", operation_id="read_portfolio_rules", summary="The rules by which accounts find their collector")
def get_portfolio_rules(context: Context, _: ReadingActor, response: Response) -> RulesOut:
    known = PortfolioRuleStore(context.database).get_current()
    response.headers["ETag"] = _format_etag(known.version)
    return RulesOut.from_rule_set(known)


@router.put("/rules", operation_id="write_portfolio_rules", summary="Write the rules anew; nothing moves until they are applied")
def write_portfolio_rules(
    context: Context,
    actor: PortfolioRunningActor,
    body: RulesIn,
    response: Response,
    if_match: Annotated[str | None, Header(description="the ETag of the rules that you have read; 409 when they have changed")] = None,
) -> RulesOut:
    try:
        kept = PortfolioRuleStore(context.database).add_version(body.rules, actor.user, context.now(), _parse_etag(if_match))
    except InvalidRuleError as fault:
        raise invalid_request_problem(f"/rules/{fault.place}", fault.why) from fault
    response.headers["ETag"] = _format_etag(kept.version)
    return RulesOut.from_rule_set(kept)


@router.post(
    "/rules/apply", operation_id="apply_portfolio_rules", summary="Give accounts the collector whom the rules name; first a preview"
)
def apply_portfolio_rules(
    request: Request, context: Context, actor: PortfolioRunningActor, body: ApplyRulesIn, after: BackgroundTasks
) -> AccountAssignmentOut:
    """Apply the rules to accounts without a collector and to those that a rule assigned. Collectors chosen by a person or a file stay."""
    doing = _build_change_context(request, context, actor)
    after.add_task(context.cases.trigger_billing_sync)
    return AccountAssignmentOut.from_assignment(
        PortfolioAssignments(context.database).apply_rules(doing, body.dry_run, body.version), body.dry_run
    )


@router.post("/reassignments", operation_id="reassign_accounts", summary="Give accounts and their open tasks to another collector")
def reassign_accounts(
    request: Request, context: Context, actor: PortfolioRunningActor, body: ReassignmentIn, after: BackgroundTasks
) -> ReassignmentOut:
    """From now on neither a rule nor a file reassigns them. User, time and reason are kept for ever."""
    assignments, doing = PortfolioAssignments(context.database), _build_change_context(request, context, actor, body.why)
    after.add_task(context.cases.trigger_billing_sync)
    if body.accounts is not None:
        changes = assignments.reassign_accounts(body.accounts, body.to, doing)
    else:
        changes = assignments.hand_over_accounts(body.from_collector or "", body.to, doing)
    return ReassignmentOut(
        to=body.to,
        moved=len(changes),
        tasks=sum(change.tasks for change in changes),
        changes=[ChangeOut.from_change(change) for change in changes[:MAX_CHANGES_SHOWN]],
    )


@router.get("/changes", operation_id="list_portfolio_changes", summary="Who had which account, the latest change first")
def get_portfolio_changes(
    context: Context,
    _: ReadingActor,
    account: Annotated[str | None, Query(description="only this account")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PastChangeOut]:
    rows, following = list_collector_changes(context.database, limit, cursor, account)
    return Page(items=[PastChangeOut(**row.model_dump()) for row in rows], next=following)


@router.get("/cover", operation_id="list_covers", summary="Who covers for whom, today and later")
def get_covers(context: Context, _: ReadingActor) -> list[CoverOut]:
    return [CoverOut.from_cover(cover) for cover in CoverStore(context.database).list_current(context.today)]


@router.post("/cover", operation_id="set_cover", summary="Let a collector look after a colleague's accounts for some days", status_code=201)
def set_cover(request: Request, context: Context, actor: PortfolioRunningActor, body: CoverIn) -> CoverOut:
    """Both see the accounts; the worklist of the one who covers says for whom."""
    if is_same_person(body.collector, body.covered_by):
        raise invalid_request_problem("/covered_by", Refusal("cover.self", "nobody covers for themselves; name someone else"))
    if body.last_day < max(body.first_day, context.today):
        raise invalid_request_problem("/last_day", Refusal("cover.last_day", "a cover ends today or later, and not before it begins"))
    if not COLLECTING_ROLES & context.identity.get_roles(body.covered_by):
        raise invalid_request_problem(
            "/covered_by",
            Refusal("cover.nobody", "{person} is no active user who collects; name one who is collector", person=repr(body.covered_by)),
        )
    cover = Cover(cover_id=derive_id(request, "cover", actor.user), **body.model_dump())
    return CoverOut.from_cover(CoverStore(context.database).add(cover, actor.user))


@router.delete("/cover/{cover_id}", operation_id="end_cover", summary="End a cover; from now on it covers nobody")
def end_cover(cover_id: str, context: Context, actor: PortfolioRunningActor) -> CoverOut:
    """A repeated request changes nothing."""
    return CoverOut.from_cover(CoverStore(context.database).end(cover_id, actor.user, context.business_now))


def _build_change_context(request: Request, context: ApiContext, actor: Actor, why: str = "") -> AssignmentContext:
    return AssignmentContext(derive_id(request, "portfolio", actor.user), actor.user, context.business_now, context.now(), why)


def _format_etag(version: int) -> str:
    return f'"{version}"'


def _parse_etag(etag: str | None) -> int | None:
    """Raises Problem for an ETag that is none of ours."""
    if etag is None or etag.strip() == "*":
        return None
    number = parse_digits(etag.strip().removeprefix("W/").strip('"'))
    if number is None:
        raise Problem(422, "invalid", "The If-Match header cannot be read", "send the ETag that GET /v1/portfolios/rules gave you")
    return number
