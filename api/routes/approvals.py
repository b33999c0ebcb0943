"""Approvals: what waits for whose word, the decision, and who may sign in whose place."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.identity.delegation_store import DelegationBook
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from api.commands.case_commands import do_on_case, existing_case, keep_comment
from api.context import ApiParts
from api.presenters.records import approval as present
from api.routes.invoice_commands import WAITS
from api.schemas.requests import ApprovalDecisionIn, DelegationIn
from api.schemas.responses import ActAnswer, ApprovalOut, DelegationOut
from api.web.authentication import DecidingApprovals, Delegating, Parts, Reader
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, invalid
from api.web.request_ids import derived_id
from domain.approval.commands import Channel, Decision
from domain.approval.delegation import Delegation
from domain.policy.approval_matrix import AUTHORITY
from domain.roles import Actor, Role, same_person

router = APIRouter(prefix="/v1", tags=["approvals"], route_class=OnceRoute, responses=RESPONSES)


def existing_approval(parts: Parts, approval_id: str) -> CaseRow:
    """Raises Problem 404."""
    return existing_case(parts, "approval", approval_id, "GET /v1/approvals lists them")


@router.get("/approvals", operation_id="list_approvals", summary="Approvals, the nearest deadline first")
def approvals(
    parts: Parts,
    actor: Reader,
    role: Annotated[Role | None, Query(description="only those that this role may decide now")] = None,
    mine: Annotated[bool, Query(description="only those that you may decide now, in your role or by delegation")] = False,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ApprovalOut]:
    roles = [role] if role else None
    if mine:
        own = [actor.role, *(given.role for given in DelegationBook(parts.database).standing_to(actor.user, parts.today))]
        roles, open = [each for each in own if role is None or each is role], True
    wanted = CaseFilter(kind="approval", open=open, roles=roles, not_by=actor.user if mine else None)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    return Page(items=[present(row) for row in rows], next=following)


@router.post("/approvals/{approval_id}/decision", operation_id="decide_approval", summary="Approve, reject or return", responses=WAITS)
async def decision(
    request: Request,
    actor: DecidingApprovals,
    asked: Annotated[CaseRow, Depends(existing_approval)],
    said: ApprovalDecisionIn,
    parts: Parts,
    response: Response,
) -> ActAnswer:
    """Who signs, in which role, and in whose place follows from who signed in. A rejection or a return needs a comment."""
    id = derived_id(request, "act", actor.user)
    delegation = await run_in_threadpool(_delegation, parts, actor, asked)
    note = await keep_comment(parts, id, asked, actor.user, said.comment)
    act = Decision(
        act_id=id, actor=actor.user, role=delegation.role if delegation else actor.role, verdict=said.decision, note_id=note,
        delegation=delegation, channel=Channel.API,
    )  # fmt: skip
    return await do_on_case(parts, asked, act, response)


def _delegation(parts: ApiParts, actor: Actor, asked: CaseRow) -> Delegation | None:
    """Under which the actor signs when their own role is not asked; None when it is, or nobody delegated to them who has that role."""
    roles = str(asked.summary.get("roles") or "").split()
    if actor.role.value in roles:
        return None
    standing = DelegationBook(parts.database).standing_to(actor.user, parts.today)
    return next((each for each in standing if each.role.value in roles and each.role in parts.identity.roles_of(each.from_user)), None)


@router.post("/delegations", operation_id="make_delegation", summary="Let a colleague sign in your place, in your role, for some days")
def delegations(request: Request, actor: Delegating, said: DelegationIn, parts: Parts) -> DelegationOut:
    """Every signature given so names both. Nobody signs what they, or the one in whose place they act, asked for."""
    if same_person(said.to_user, actor.user):
        raise invalid("/to_user", "you cannot delegate to yourself; name someone else")
    if said.last_day < max(said.first_day, parts.today):
        raise invalid("/last_day", "a delegation ends today or later, and not before it begins")
    if not set(AUTHORITY) & parts.identity.roles_of(said.to_user):
        raise invalid("/to_user", f"there is no active user {said.to_user!r} who may approve anything; name one who may")
    delegation = Delegation(
        delegation_id=derived_id(request, "delegation", actor.user), from_user=actor.user, to_user=said.to_user, role=actor.role,
        first_day=said.first_day, last_day=said.last_day,
    )  # fmt: skip
    DelegationBook(parts.database).keep(delegation, actor.user)
    return DelegationOut(**delegation.model_dump())
