"""Portfolios: who collects which account, by hand or by rule, and who covers for whom."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Header, Query, Request, Response

from adapters.portfolio.assignments import Doing, Portfolios
from adapters.portfolio.cover_store import CoverBook
from adapters.portfolio.rule_store import COLLECTING, RuleBook, RulesFault
from adapters.read_model.collectors import PortfolioRow, list_changes, read_portfolios
from adapters.read_model.cursors import paged, place_of
from api.context import ApiParts
from api.schemas.portfolios import (
    SHOWN,
    ApplyRulesIn,
    ChangeOut,
    CoverIn,
    CoverOut,
    PastChangeOut,
    PlacingOut,
    PortfolioOut,
    ReassignmentIn,
    ReassignmentOut,
    RulesIn,
    RulesOut,
)
from api.web.authentication import Parts, Reader, RunningPortfolios
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, Problem, invalid
from api.web.request_ids import derived_id
from domain.portfolio.assignment_rules import Cover
from domain.roles import Actor, same_person

router = APIRouter(prefix="/v1/portfolios", tags=["portfolios"], route_class=OnceRoute, responses=RESPONSES)


@router.get("", operation_id="list_portfolios", summary="Each collector's accounts, what they owe, and who covers")
def portfolios(parts: Parts, _: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[PortfolioOut]:
    """By name; accounts that nobody has come last."""
    place = place_of(cursor, int, str)
    rows = [row for row in read_portfolios(parts.database, parts.today) if place is None or _place(row) > place]
    shown, following = paged(rows, limit, _place)
    return Page(items=[PortfolioOut.of(row) for row in shown], next=following)


def _place(row: PortfolioRow) -> tuple[int, str]:
    return int(row.collector is None), row.collector or ""


@router.get("/rules", operation_id="read_portfolio_rules", summary="The rules by which accounts find their collector")
def rules(parts: Parts, _: Reader, response: Response) -> RulesOut:
    known = RuleBook(parts.database).current()
    response.headers["ETag"] = _etag(known.version)
    return RulesOut.of(known)


@router.put("/rules", operation_id="write_portfolio_rules", summary="Write the rules anew; nothing moves until they are applied")
def write_rules(
    parts: Parts,
    actor: RunningPortfolios,
    said: RulesIn,
    response: Response,
    if_match: Annotated[str | None, Header(description="the ETag of the rules that you have read; 409 when they have changed")] = None,
) -> RulesOut:
    try:
        kept = RuleBook(parts.database).keep(said.rules, actor.user, parts.now(), _version(if_match))
    except RulesFault as fault:
        raise invalid(f"/rules/{fault.place}", str(fault)) from fault
    response.headers["ETag"] = _etag(kept.version)
    return RulesOut.of(kept)


@router.post(
    "/rules/apply", operation_id="apply_portfolio_rules", summary="Give accounts the collector whom the rules name; first a preview"
)
def apply_rules(request: Request, parts: Parts, actor: RunningPortfolios, said: ApplyRulesIn, after: BackgroundTasks) -> PlacingOut:
    """To accounts that have no collector, and to those that a rule placed before. Whom a person or a file chose stays."""
    doing = _doing(request, parts, actor)
    after.add_task(parts.cases.deliver_soon)
    return PlacingOut.of(Portfolios(parts.database).apply_rules(doing, said.dry_run, said.version), said.dry_run)


@router.post("/reassignments", operation_id="reassign_accounts", summary="Give accounts and their open tasks to another collector")
def reassignments(
    request: Request, parts: Parts, actor: RunningPortfolios, said: ReassignmentIn, after: BackgroundTasks
) -> ReassignmentOut:  # fmt: skip
    """From now on neither a rule nor a file moves them. Who, when and why is kept for ever."""
    book, doing = Portfolios(parts.database), _doing(request, parts, actor, said.why)
    after.add_task(parts.cases.deliver_soon)
    if said.accounts is not None:
        changes = book.reassign(said.accounts, said.to, doing)
    else:
        changes = book.hand_over(said.from_collector or "", said.to, doing)
    return ReassignmentOut(
        to=said.to, moved=len(changes), tasks=sum(change.tasks for change in changes),
        changes=[ChangeOut.of(change) for change in changes[:SHOWN]],
    )  # fmt: skip


@router.get("/changes", operation_id="list_portfolio_changes", summary="Who had which account, the latest change first")
def changes(
    parts: Parts,
    _: Reader,
    account: Annotated[str | None, Query(description="only this account")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PastChangeOut]:
    rows, following = list_changes(parts.database, limit, cursor, account)
    return Page(items=[PastChangeOut(**row.model_dump()) for row in rows], next=following)


@router.get("/cover", operation_id="list_covers", summary="Who covers for whom, today and later")
def covers(parts: Parts, _: Reader) -> list[CoverOut]:
    return [CoverOut.of(cover) for cover in CoverBook(parts.database).present(parts.today)]


@router.post("/cover", operation_id="set_cover", summary="Let a collector look after a colleague's accounts for some days", status_code=201)
def set_cover(request: Request, parts: Parts, actor: RunningPortfolios, said: CoverIn) -> CoverOut:
    """Both see the accounts; the worklist of the one who covers says for whom."""
    if same_person(said.collector, said.covered_by):
        raise invalid("/covered_by", "nobody covers for themselves; name someone else")
    if said.last_day < max(said.first_day, parts.today):
        raise invalid("/last_day", "a cover ends today or later, and not before it begins")
    if not COLLECTING & parts.identity.roles_of(said.covered_by):
        raise invalid("/covered_by", f"{said.covered_by!r} is no active user who collects; name one who is collector")
    cover = Cover(cover_id=derived_id(request, "cover", actor.user), **said.model_dump())
    return CoverOut.of(CoverBook(parts.database).keep(cover, actor.user))


@router.delete("/cover/{cover_id}", operation_id="end_cover", summary="End a cover; from now on it covers nobody")
def end_cover(cover_id: str, parts: Parts, actor: RunningPortfolios) -> CoverOut:
    """A second time changes nothing."""
    return CoverOut.of(CoverBook(parts.database).end(cover_id, actor.user, parts.business_now))


def _doing(request: Request, parts: ApiParts, actor: Actor, why: str = "") -> Doing:
    return Doing(derived_id(request, "portfolio", actor.user), actor.user, parts.business_now, parts.now(), why)


def _etag(version: int) -> str:
    return f'"{version}"'


def _version(etag: str | None) -> int | None:
    """Raises Problem for an ETag that is none of ours."""
    if etag is None or etag.strip() == "*":
        return None
    number = etag.strip().removeprefix("W/").strip('"')
    if not number.isdigit():
        raise Problem(422, "invalid", "The If-Match header cannot be read", "send the ETag that GET /v1/portfolios/rules gave you")
    return int(number)
