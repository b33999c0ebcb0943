"""Credit reviews: an account is referred, and a credit analyst says whether it can pay and wants to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import find_note_text
from adapters.temporal.case_start import CaseStart
from api.commands.case_commands import require_case, save_comment, submit_case_command, submit_or_start_case
from api.commands.notes_and_tasks import save_note
from api.presenters.credit_reviews import present_credit_review
from api.routes.account_lookup import CommandId, ExistingAccount
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.credit_reviews import CreditReviewOut, ReferralIn, VerdictIn
from api.web.authentication import AccountReferringActor, Context, CreditJudgingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from domain import identifiers as ids
from domain.credit_review.commands import CloseCreditReview, GiveCreditVerdict, ReferAccount
from domain.credit_review.summary import CreditReviewSummary
from domain.identifiers import CaseKind
from domain.refusal import Refusal
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["credit reviews"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


def require_credit_review(context: Context, review_id: str) -> CaseRow:
    """Raises Problem 404."""
    return require_case(context, CaseKind.CREDIT_REVIEW, review_id, "GET /v1/credit-reviews lists them")


ExistingReview = Annotated[CaseRow, Depends(require_credit_review)]


@router.get("/credit-reviews", operation_id="list_credit_reviews", summary="Credit reviews, the nearest day first")
def get_credit_reviews(
    context: Context,
    _: ReadingActor,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CreditReviewOut]:
    case_filter = CaseFilter(kind=CaseKind.CREDIT_REVIEW, account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(context.database, case_filter, limit, cursor)
    return Page(items=[present_credit_review(row) for row in rows], next=following)


@router.get("/credit-reviews/{review_id}", operation_id="read_credit_review", summary="One credit review and its verdict")
def get_credit_review(_: ReadingActor, review: ExistingReview, context: Context) -> CreditReviewOut:
    return present_credit_review(review, find_note_text(context.database, review.summary_of(CreditReviewSummary).conditions))


@router.post(
    "/accounts/{account_id}/credit-reviews",
    operation_id="refer_account",
    summary="Refer an account to a credit analyst",
    responses=QUEUED_RESPONSE,
)
async def refer_account(
    actor: AccountReferringActor, account: ExistingAccount, body: ReferralIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """An account has one review at a time: a further referral joins the one that is open."""
    note = await run_in_threadpool(save_note, context, command_id, account.id, None, actor.user, body.comment) if body.comment else None
    opening = await run_in_threadpool(context.case_inputs.load_credit_review_input, account.id)
    beginning = CaseStart(ids.WorkflowName.CREDIT_REVIEW, ids.credit_review_case_id(account.id), opening, account.id, account.collector)
    command = ReferAccount(act_id=command_id, actor=actor.user, reason=body.reason, note_id=note)
    return await submit_or_start_case(context, beginning, command, response)


@router.post(
    "/credit-reviews/{review_id}/verdict", operation_id="give_verdict", summary="The credit analyst's verdict", responses=QUEUED_RESPONSE
)
async def give_verdict(
    actor: CreditJudgingActor, review: ExistingReview, body: VerdictIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """The verdict sets the account's collection course; a later verdict replaces it."""
    if body.segment and body.segment not in await run_in_threadpool(_list_segments, context):
        raise invalid_request_problem(
            "/segment",
            Refusal(
                "review.segment",
                "no policy in force names the segment {segment}; leave it out, or write a policy for it",
                segment=repr(body.segment),
            ),
        )
    conditions = await save_comment(context, command_id, review, actor.user, body.conditions)
    command = GiveCreditVerdict(
        act_id=command_id,
        actor=actor.user,
        ability=body.ability,
        willingness=body.willingness,
        insolvent=body.insolvent,
        limit=body.limit.minor if body.limit else None,
        currency=body.limit.currency if body.limit else None,
        conditions_note=conditions,
        segment=body.segment,
        next_review_on=body.next_review_on,
    )
    return await submit_case_command(context, review, command, response)


def _list_segments(context: Context) -> set[str]:
    return {segment for policy in context.policies.list_in_force() for segment in policy.load_policy().segments}


@router.post("/credit-reviews/{review_id}/closing", operation_id="close_credit_review", summary="End the review", responses=QUEUED_RESPONSE)
async def close_credit_review(
    actor: CreditJudgingActor, review: ExistingReview, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """Close the review; invoices that were on hold for insolvency are collected again."""
    return await submit_case_command(context, review, CloseCreditReview(act_id=command_id, actor=actor.user), response)
