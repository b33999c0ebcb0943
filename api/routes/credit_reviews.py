"""Credit reviews: an account is referred, and a credit analyst says whether it can pay and wants to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from adapters.read_model.journal import note_text
from adapters.temporal.case_start import Beginning
from api.commands.case_commands import do_on_case, do_or_begin, existing_case, keep_comment
from api.commands.notes_and_tasks import keep_note_of
from api.presenters.cases import credit_review as present
from api.routes.account_lookup import ActId, ExistingAccount
from api.routes.invoice_commands import WAITS
from api.schemas.credit_reviews import CreditReviewOut, ReferralIn, VerdictIn
from api.schemas.responses import ActAnswer
from api.web.authentication import JudgingCredit, Parts, Reader, ReferringAccounts
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, invalid
from domain import identifiers as ids
from domain.credit_review.commands import CloseReview, GiveVerdict, ReferAccount
from domain.credit_review.workflow_input import CREDIT_REVIEW
from domain.roles import Role

router = APIRouter(prefix="/v1", tags=["credit reviews"], route_class=OnceRoute, responses=RESPONSES)


def existing_review(parts: Parts, review_id: str) -> CaseRow:
    """Raises Problem 404."""
    return existing_case(parts, "credit_review", review_id, "GET /v1/credit-reviews lists them")


ExistingReview = Annotated[CaseRow, Depends(existing_review)]


@router.get("/credit-reviews", operation_id="list_credit_reviews", summary="Credit reviews, the nearest day first")
def reviews(
    parts: Parts,
    _: Reader,
    account: str | None = None,
    open: Annotated[bool | None, Query(description="only those that are, or are not, over")] = None,
    role: Annotated[Role | None, Query(description="only those that wait for this role")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CreditReviewOut]:
    wanted = CaseFilter(kind="credit_review", account=account, open=open, roles=[role] if role else None)
    rows, following = list_cases(parts.database, wanted, limit, cursor)
    return Page(items=[present(row) for row in rows], next=following)


@router.get("/credit-reviews/{review_id}", operation_id="read_credit_review", summary="One credit review and its verdict")
def review(_: Reader, asked: ExistingReview, parts: Parts) -> CreditReviewOut:
    return present(asked, note_text(parts.database, asked.summary.get("conditions")))


@router.post(
    "/accounts/{account_id}/credit-reviews", operation_id="refer_account", summary="Refer an account to a credit analyst", responses=WAITS
)
async def refer(
    actor: ReferringAccounts, account: ExistingAccount, said: ReferralIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """An account has one review at a time: a further referral joins the one that is open."""
    note = await run_in_threadpool(keep_note_of, parts, id, account.id, None, actor.user, said.comment) if said.comment else None
    opening = await run_in_threadpool(parts.beginnings.credit_review, account.id)
    beginning = Beginning(CREDIT_REVIEW, ids.credit_review_case(account.id), opening, account.id, account.collector)
    act = ReferAccount(act_id=id, actor=actor.user, reason=said.reason, note_id=note)
    return await do_or_begin(parts, beginning, act, response)


@router.post("/credit-reviews/{review_id}/verdict", operation_id="give_verdict", summary="The credit analyst's verdict", responses=WAITS)
async def verdict(
    actor: JudgingCredit, asked: ExistingReview, said: VerdictIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """How the account is collected from now on follows from it. A later verdict takes its place."""
    if said.segment and said.segment not in await run_in_threadpool(_segments, parts):
        raise invalid("/segment", f"no policy in force names the segment {said.segment!r}; leave it out, or write a policy for it")
    conditions = await keep_comment(parts, id, asked, actor.user, said.conditions)
    act = GiveVerdict(
        act_id=id, actor=actor.user, ability=said.ability, willingness=said.willingness, insolvent=said.insolvent,
        limit=said.limit.minor if said.limit else None, currency=said.limit.currency if said.limit else None,
        conditions_note=conditions, segment=said.segment, next_review_on=said.next_review_on,
    )  # fmt: skip
    return await do_on_case(parts, asked, act, response)


def _segments(parts: Parts) -> set[str]:
    return {segment for policy in parts.policies.in_force() for segment in policy.read().segments}


@router.post("/credit-reviews/{review_id}/closing", operation_id="close_credit_review", summary="End the review", responses=WAITS)
async def closing(actor: JudgingCredit, asked: ExistingReview, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    """The account needs no watching any more; what its insolvency held goes on."""
    return await do_on_case(parts, asked, CloseReview(act_id=id, actor=actor.user), response)
