"""The brake: who stopped which letters, and lets them go again; and the accounts that are held for release until somebody lets them go."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore
from adapters.read_model.letter_brakes import list_brake_records, list_held_accounts
from api.context import ApiContext
from api.schemas.correspondence import BrakeRecordOut, HeldAccountOut, LetterStopIn, LetterStopOut, ReleaseIn, ReleaseOut
from api.web.authentication import Context, LetterBrakingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.roles import Actor

stops_router = APIRouter(prefix="/v1/letter-stops", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
releases_router = APIRouter(prefix="/v1", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


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
        raise invalid_request_problem("/last_day", f"that day is over; name {context.today} or a later one")
    stop = LetterStopStore(context.database).stop(
        body.scope, body.target, body.reason, body.last_day, _build_brake_context(request, context, actor, "letter_stop")
    )
    return LetterStopOut.from_stop(stop, context.today)


@stops_router.delete("/{stop_id}", operation_id="end_letter_stop", summary="End a stop; its letters go again")
def end_letter_stop(stop_id: str, request: Request, context: Context, actor: LetterBrakingActor) -> LetterStopOut:
    """A repeated request changes nothing."""
    stop = LetterStopStore(context.database).end(stop_id, _build_brake_context(request, context, actor, "letter_stop"))
    return LetterStopOut.from_stop(stop, context.today)


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
