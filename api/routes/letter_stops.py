"""The brake: who stopped which letters, and lets them go again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore
from api.context import ApiContext
from api.schemas.correspondence import LetterStopIn, LetterStopOut
from api.web.authentication import Context, LetterBrakingActor, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from api.web.request_ids import derive_id
from domain.roles import Actor

router = APIRouter(prefix="/v1/letter-stops", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("", operation_id="list_letter_stops", summary="Which letters are stopped, by whom and why")
def get_letter_stops(
    context: Context,
    _: ReadingActor,
    ended: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[LetterStopOut]:
    """The latest first. None is ever removed."""
    stops = LetterStopStore(context.database).list_stops(None if ended else context.today)
    return [LetterStopOut.from_stop(stop, context.today) for stop in stops]


@router.post("", operation_id="stop_letters", summary="Stop all letters, those of a policy or those of an account", status_code=201)
def stop_letters(request: Request, context: Context, actor: LetterBrakingActor, body: LetterStopIn) -> LetterStopOut:
    """From now on none of them goes, whoever asks for one; what is being transmitted is not called back. Nothing is lost: once the stop is
    over, an account's next letter tells its position of that day. Letters of a policy are those of every account that has an invoice under
    collection by it."""
    if body.last_day is not None and body.last_day < context.today:
        raise invalid_request_problem("/last_day", f"that day is over; name {context.today} or a later one")
    stop = LetterStopStore(context.database).stop(
        body.scope, body.target, body.reason, body.last_day, _build_brake_context(request, context, actor)
    )
    return LetterStopOut.from_stop(stop, context.today)


@router.delete("/{stop_id}", operation_id="end_letter_stop", summary="End a stop; its letters go again")
def end_letter_stop(stop_id: str, request: Request, context: Context, actor: LetterBrakingActor) -> LetterStopOut:
    """A repeated request changes nothing."""
    stop = LetterStopStore(context.database).end(stop_id, _build_brake_context(request, context, actor))
    return LetterStopOut.from_stop(stop, context.today)


def _build_brake_context(request: Request, context: ApiContext, actor: Actor) -> BrakeContext:
    return BrakeContext(derive_id(request, "letter_stop", actor.user), actor.user, context.business_now, context.now())
