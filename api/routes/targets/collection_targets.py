"""Targets: what is to be collected in a month, who set it when, and the payments that count towards it."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.portfolio.target_store import EVERYBODY, CollectionTarget, CollectionTargetStore
from adapters.read_model.overview.collected_figures import list_collected
from api.context import ApiContext
from api.schemas.amounts import Amount
from api.schemas.targets.collection_targets import CollectedPartOut, CollectionTargetIn, CollectionTargetOut, Month, TargetWithdrawalIn
from api.web.authentication import Context, PortfolioRunningActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.refusal import Refusal

router = APIRouter(prefix="/v1/collection-targets", tags=["portfolios"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("", operation_id="list_collection_targets", summary="The targets that count, by month")
def get_collection_targets(
    context: Context,
    _: ReadingActor,
    first: Annotated[Month | None, Query(description="the first month; this one when left out")] = None,
    last: Annotated[Month | None, Query(description="the last month; this one when left out")] = None,
) -> list[CollectionTargetOut]:
    from_month, to_month = (read_month(each) if each else context.today.replace(day=1) for each in (first, last))
    return [CollectionTargetOut.from_target(each) for each in CollectionTargetStore(context.database).list_targets(from_month, to_month)]


@router.post("", operation_id="set_collection_target", summary="Set what is to be collected in a month")
def set_collection_target(
    request: Request, context: Context, actor: PortfolioRunningActor, body: CollectionTargetIn
) -> CollectionTargetOut:
    """In one currency, of all customers or of one collector's. Whoever set which target when stays on record."""
    _require_collector(context, body.collector)
    return _keep_target(
        context, read_month(body.month), body.currency, body.collector, body.minor, actor.user, derive_id(request, "act", actor.user)
    )


@router.post("/withdrawal", operation_id="withdraw_collection_target", summary="Take a target back")
def withdraw_collection_target(
    request: Request, context: Context, actor: PortfolioRunningActor, body: TargetWithdrawalIn
) -> CollectionTargetOut:
    month, whose = read_month(body.month), body.collector or EVERYBODY
    known = CollectionTargetStore(context.database).list_targets(month, month)
    if not any((each.currency, each.collector) == (body.currency, whose) for each in known):
        raise invalid_request_problem("/month", Refusal("target.none", "no such target is set; there is nothing to take back"))
    return _keep_target(context, month, body.currency, body.collector, None, actor.user, derive_id(request, "act", actor.user))


@router.get("/changes", operation_id="list_collection_target_changes", summary="Who set which target, the latest first")
def get_collection_target_changes(context: Context, _: ReadingActor, limit: Limit = 50) -> list[CollectionTargetOut]:
    return [CollectionTargetOut.from_target(each) for each in CollectionTargetStore(context.database).list_changes(limit)]


@router.get("/collected", operation_id="list_collected_payments", summary="What was collected in a month, payment by payment")
def get_collected_payments(
    context: Context,
    _: ReadingActor,
    month: Annotated[Month, Query()],
    currency: Annotated[str, Query(pattern="^[A-Z]{3}$")],
    collector: Annotated[str | None, Query(min_length=1, max_length=100, description="of whose customers")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CollectedPartOut]:
    """Payments by the day on which they came in, as far as invoices got them that were past due on that day; what was taken back since is
    left out."""
    rows, following = list_collected(context.database, read_month(month), currency, collector, limit, cursor)
    return Page(
        items=[
            CollectedPartOut(
                **row.model_dump(include=set(CollectedPartOut.model_fields) - {"amount"}), amount=Amount.from_minor(row.amount, currency)
            )
            for row in rows
        ],
        next=following,
    )


def read_month(text: str) -> date:
    """The month's first day."""
    return date.fromisoformat(f"{text}-01")


def _require_collector(context: ApiContext, collector: str | None) -> None:
    """Raises Problem 422."""
    if collector is not None and not any(user.name == collector and user.active for user in context.identity.list_users()):
        raise invalid_request_problem("/collector", Refusal("target.nobody", "there is no active user {person}", person=collector))


def _keep_target(
    context: ApiContext, month: date, currency: str, collector: str | None, amount: int | None, by: str, act_id: str
) -> CollectionTargetOut:
    target = CollectionTarget(
        month=month, currency=currency, collector=collector or EVERYBODY, amount=amount, set_by=by, set_at=context.now()
    )
    return CollectionTargetOut.from_target(CollectionTargetStore(context.database).set_target(target, act_id))
