"""The brake: who stopped which letters, and lets them go again; and the accounts that are held for release until somebody lets them go."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore, UnknownStopError
from adapters.read_model.letter_brakes import list_brake_records, list_held_accounts
from api.context import ApiContext
from api.schemas.correspondence import BrakeRecordOut, HeldAccountOut, HoldbackIn, LetterStopIn, LetterStopOut, ReleaseIn, ReleaseOut
from api.web.authentication import CollectingActor, Context, LetterBrakingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import PROBLEM_RESPONSES, Problem, invalid_request_problem
from api.web.request_ids import derive_id
from domain.correspondence.letter_stop import StopScope
from domain.refusal import Refusal
from domain.roles import Actor, is_same_person

stops_router = APIRouter(prefix="/v1/letter-stops", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
holdbacks_router = APIRouter(prefix="/v1/accounts", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
releases_router = APIRouter(prefix="/v1", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)

MAX_HOLDBACK_DAYS = 31
"""For longer, collection is paused, or a manager stops the letters."""


@stops_router.get("", operation_id="list_letter_stops", summary="Which letters are stopped, by whom and why")
def get_letter_stops(
    context: Context,
    _: ReadingActor,
    ended: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[LetterStopOut]:
    """The latest first. None is ever removed."""
    stops = LetterStopStore(context.database).list_stops(None if ended else context.today)
    return [LetterStopOut.from_stop(stop, context.today) for stop in stops]


@stops_router.post("", operation_id="stop_letters", summary="Stop all letters, those of a policy or those of an account", status_code=201)
def stop_letters(request: Request, context: Context, actor: LetterBrakingActor, body: LetterStopIn) -> LetterStopOut:
    """From now on none of them goes, whoever asks for one; what is being transmitted is not called back. Nothing is lost: once the stop is
    over, an account's next letter tells its position of that day. Letters of a policy are those of every account that has an invoice under
    collection by it."""
    if body.last_day is not None and body.last_day < context.today:
        raise invalid_request_problem(
            "/last_day", Refusal("stop.day_over", "that day is over; name {today} or a later one", today=context.today)
        )
    stop = LetterStopStore(context.database).stop(
        body.scope, body.target, body.reason, body.last_day, _build_brake_context(request, context, actor, "letter_stop")
    )
    return LetterStopOut.from_stop(stop, context.today)


@stops_router.delete("/{stop_id}", operation_id="end_letter_stop", summary="End a stop; its letters go again")
def end_letter_stop(stop_id: str, request: Request, context: Context, actor: LetterBrakingActor) -> LetterStopOut:
    """A repeated request changes nothing."""
    stop = LetterStopStore(context.database).end(stop_id, _build_brake_context(request, context, actor, "letter_stop"))
    return LetterStopOut.from_stop(stop, context.today)


@holdbacks_router.post(
    "/{account_id}/letter-holdbacks", operation_id="take_back_letter", summary="Take the account's next letter back", status_code=201
)
def take_back_letter(account_id: str, request: Request, context: Context, actor: CollectingActor, body: HoldbackIn) -> LetterStopOut:
    """No letter goes to the account up to a day; the first one after it tells its position of that day. Who names the letter is refused
    once it has gone."""
    if not context.today <= body.last_day <= context.today + timedelta(days=MAX_HOLDBACK_DAYS):
        raise invalid_request_problem(
            "/last_day",
            Refusal(
                "holdback.days",
                "name a day from {first_day} to {last_day}; to hold letters back for longer, pause the collection",
                first_day=context.today,
                last_day=context.today + timedelta(days=MAX_HOLDBACK_DAYS),
            ),
        )
    doing = _build_brake_context(request, context, actor, "letter_holdback")
    stop = LetterStopStore(context.database).stop(StopScope.ACCOUNT, account_id, body.reason, body.last_day, doing, body.letter)
    return LetterStopOut.from_stop(stop, context.today)


@holdbacks_router.delete(
    "/{account_id}/letter-holdbacks/{holdback_id}", operation_id="put_back_letter", summary="Let a letter go that was taken back"
)
def put_back_letter(account_id: str, holdback_id: str, request: Request, context: Context, actor: CollectingActor) -> LetterStopOut:
    """By whoever took it back, or who may let letters go in any case. A repeated request changes nothing."""
    stops = LetterStopStore(context.database)
    stop = stops.find_stop(holdback_id)
    if stop is None or (stop.scope, stop.target) != (StopScope.ACCOUNT, account_id):
        raise UnknownStopError(f"no letter to {account_id!r} was taken back as {holdback_id!r}; GET /v1/letter-stops lists the stops")
    if not is_same_person(stop.made_by, actor.user) and (why := permission_denial_reason(actor.role, Permission.BRAKE_LETTERS)):
        raise Problem(403, "not-allowed", "Your role may not do this", f"{stop.made_by} held these letters back, and {why}")
    ended = stops.end(holdback_id, _build_brake_context(request, context, actor, "letter_holdback"))
    return LetterStopOut.from_stop(ended, context.today)


@releases_router.get("/held-accounts", operation_id="list_held_accounts", summary="The accounts that are held for release")
def get_held_accounts(context: Context, _: ReadingActor, limit: Limit = 50, cursor: Cursor = None) -> Page[HeldAccountOut]:
    rows, following = list_held_accounts(context.database, limit, cursor)
    return Page(items=[HeldAccountOut(**row.model_dump()) for row in rows], next=following)


@releases_router.get("/releases", operation_id="list_releases", summary="Who held, released, stopped and let go which letters")
def get_releases(
    context: Context,
    _: ReadingActor,
    account: Annotated[str | None, Query(description="only this account")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[BrakeRecordOut]:
    """The latest first, a record for each account. None is ever changed."""
    rows, following = list_brake_records(context.database, limit, cursor, account)
    return Page(items=[BrakeRecordOut(**row.model_dump()) for row in rows], next=following)


@releases_router.post("/releases", operation_id="release_accounts", summary="Let the letters to accounts go that are held for release")
def release_accounts(request: Request, context: Context, actor: LetterBrakingActor, body: ReleaseIn) -> ReleaseOut:
    """All of them, some by what they have in common, or account by account. Of accounts that are named, all are released or none. Once none
    is held any more, accounts that are new are not held."""
    doing = _build_brake_context(request, context, actor, "release")
    return ReleaseOut.from_result(context.releases.release(body.build_selection(), body.reason, doing))


def _build_brake_context(request: Request, context: ApiContext, actor: Actor, kind: str) -> BrakeContext:
    return BrakeContext(derive_id(request, kind, actor.user), actor.user, context.business_now, context.now())
