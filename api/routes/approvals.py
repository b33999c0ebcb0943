"""Approvals: what waits for whose word, the decision, and who may sign in whose place."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.identity.delegation_store import DelegationStore
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import find_note_text
from api.commands.case_commands import (
    build_closed_problem,
    build_command_answer,
    find_done_act,
    require_case,
    save_comment,
    submit_case_command,
)
from api.context import ApiContext
from api.presenters.approvals import present_approval
from api.schemas.approvals import ApprovalDecisionIn, ApprovalOut
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.delegations import DelegationIn, DelegationOut
from api.web.authentication import ApprovalDecidingActor, Context, DelegatingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.approval.command_rules import find_misplaced_reason
from domain.approval.commands import DecideApproval, DecisionChannel
from domain.approval.delegation import Delegation
from domain.approval.summary import ApprovalSummary, choose_authority_over
from domain.identifiers import CaseKind
from domain.policy.approval_matrix import AUTHORITY_LEVELS
from domain.refusal import Refusal
from domain.roles import Actor, Role, is_same_person

router = APIRouter(prefix="/v1", tags=["approvals"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


def require_approval(context: Context, approval_id: str) -> CaseRow:
    """Raises Problem 404."""
    return require_case(context, CaseKind.APPROVAL, approval_id, "GET /v1/approvals lists them")


@router.get("/approvals", operation_id="list_approvals", summary="Approvals, the nearest deadline first")
def get_approvals(
    context: Context,
    actor: ReadingActor,
    role: Annotated[Role | None, Query(description="only those that this role may decide now")] = None,
    mine: Annotated[bool, Query(description="only those that you may decide now, in your role or by delegation")] = False,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ApprovalOut]:
    if not mine:
        case_filter = CaseFilter(kind=CaseKind.APPROVAL, open=open, roles=[role] if role else None)
        rows, following = list_cases(context.database, case_filter, limit, cursor)
    else:
        delegations = DelegationStore(context.database).list_active(context.today)
        own = [given.role for given in delegations if is_same_person(given.to_user, actor.user)]
        roles = [each for each in (actor.role, *own) if role is None or each is role]
        rows, following = list_cases(
            context.database,
            CaseFilter(kind=CaseKind.APPROVAL, open=True, roles=roles),
            limit,
            cursor,
            lambda row: choose_authority_over(row.summary_of(ApprovalSummary), actor, delegations, roles) is not None,
        )
    return Page(items=[_present_with_reason(context, row) for row in rows], next=following)


@router.get("/approvals/{approval_id}", operation_id="read_approval", summary="An approval, with the facts on which it is to be decided")
def get_approval(context: Context, _: ReadingActor, approval: Annotated[CaseRow, Depends(require_approval)]) -> ApprovalOut:
    """Send its `facts_version` with the decision."""
    return _present_with_reason(context, approval)


def _present_with_reason(context: ApiContext, row: CaseRow) -> ApprovalOut:
    facts = row.summary_of(ApprovalSummary).facts
    return present_approval(row, context.today, find_note_text(context.database, facts.note_id if facts else None))


@router.post(
    "/approvals/{approval_id}/decision", operation_id="decide_approval", summary="Approve, reject or return", responses=QUEUED_RESPONSE
)
async def decide_approval(
    request: Request,
    actor: ApprovalDecidingActor,
    approval: Annotated[CaseRow, Depends(require_approval)],
    body: ApprovalDecisionIn,
    context: Context,
    response: Response,
) -> CommandAnswer:
    """Signer, role and delegation follow from the user who is signed in. A rejection or a return needs a comment, and may name a reason,
    by which it is counted.

    With a `facts_version` it is refused, with the difference, if the facts have changed since that version was read. Sent again with the
    version that was read anew, under the same Idempotency-Key too, it is judged anew.
    """
    if misplaced := find_misplaced_reason(body.decision, body.reason):
        raise invalid_request_problem("/reason", misplaced)
    read_version = () if body.facts_version is None else (str(body.facts_version),)
    command_id = derive_id(request, "act", actor.user, *read_version)
    if approval.outcome is not None:  # its comment would be a note about nothing
        if done := await find_done_act(context, approval.case_id, command_id):
            return build_command_answer(done, command_id, response)
        raise await run_in_threadpool(build_closed_problem, context, approval)
    delegation = await run_in_threadpool(_find_delegation, context, actor, approval)
    note = await save_comment(context, command_id, approval, actor.user, body.comment)
    command = DecideApproval(
        act_id=command_id,
        actor=actor.user,
        role=delegation.role if delegation else actor.role,
        verdict=body.decision,
        reason=body.reason,
        note_id=note,
        delegation=delegation,
        channel=DecisionChannel.API,
        facts_version=body.facts_version,
    )
    return await submit_case_command(context, approval, command, response)


def _find_delegation(context: ApiContext, actor: Actor, approval: CaseRow) -> Delegation | None:
    """Under which the actor signs when their own role is not asked; None when it is, or nobody delegated to them who has that role.

    Where everybody who delegated to them is in conflict, the first: the decision then says why it is refused.
    """
    summary = approval.summary_of(ApprovalSummary)
    if actor.role in summary.roles:
        return None
    active = DelegationStore(context.database).list_active(context.today)
    own = [each for each in active if is_same_person(each.to_user, actor.user)]
    usable = [each for each in own if each.role in summary.roles and each.role in context.identity.get_roles(each.from_user)]
    authority = choose_authority_over(summary, actor, [each for each in active if each not in own or each in usable])
    return authority.delegation if authority else next(iter(usable), None)


@router.post("/delegations", operation_id="make_delegation", summary="Let a colleague sign in your place, in your role, for some days")
def make_delegation(request: Request, actor: DelegatingActor, body: DelegationIn, context: Context) -> DelegationOut:
    """Every signature given so names both. Nobody signs what they, or the one in whose place they act, asked for."""
    if is_same_person(body.to_user, actor.user):
        raise invalid_request_problem("/to_user", Refusal("delegation.to_self", "you cannot delegate to yourself; name someone else"))
    if body.last_day < max(body.first_day, context.today):
        raise invalid_request_problem(
            "/last_day", Refusal("delegation.last_day", "a delegation ends today or later, and not before it begins")
        )
    if not set(AUTHORITY_LEVELS) & context.identity.get_roles(body.to_user):
        raise invalid_request_problem(
            "/to_user",
            Refusal(
                "delegation.nobody",
                "there is no active user {person} who may approve anything; name one who may",
                person=repr(body.to_user),
            ),
        )
    delegation = Delegation(
        delegation_id=derive_id(request, "delegation", actor.user),
        from_user=actor.user,
        to_user=body.to_user,
        role=actor.role,
        first_day=body.first_day,
        last_day=body.last_day,
    )
    DelegationStore(context.database).add(delegation, actor.user)
    return DelegationOut(**delegation.model_dump())
