"""Is it alive, can it work, and a few figures for Prometheus."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapters.connections.connection_overview import load_connection_overviews
from adapters.database.clock_store import SHORTEST_DAY_SECONDS, ClockChange
from adapters.database.row_states import ClockChannel
from adapters.policies.refusal import find_refusal
from adapters.read_model.unreached_roles import can_admins_be_told, find_unreached_roles
from adapters.set_aside.set_aside_store import count_waiting
from api.commands.clock import change_clock
from api.context import ApiContext
from api.presenters.metrics import METRICS_TYPE, render_connection_metrics, render_metrics
from api.schemas.command_answer import QUEUED_RESPONSE
from api.schemas.request_body import RequestBody, example_config
from api.web.authentication import ClockSettingActor, Context, ReadingActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, Problem
from api.web.request_target import EncodedPathRoute
from domain.clock import REAL_DAY_SECONDS

PROBE_RESPONSES: dict[int | str, dict[str, Any]] = {status: PROBLEM_RESPONSES[status] for status in (400, 413, 422, 503)}
router = APIRouter(tags=["health"], responses=PROBE_RESPONSES, route_class=EncodedPathRoute)
clock_router = APIRouter(prefix="/v1/clock", tags=["health"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
READY, DEGRADED = "ok", "degraded"


REFUSED_POLICIES_WARNING = (
    "the policies in their folder were refused at the last start, and the versions before them go on; GET /v1/policies says what is wrong"
)


UNREACHED_ROLES_WARNING = (
    "nobody can be told of what waits for these roles, for nobody with an address has them or is an administrator: {roles}; "
    "see GET /v1/worklist/roles"
)


SET_ASIDE_WARNING = "{count} failed and set aside, so that the rest goes on: {stages}; GET /v1/set-aside says why"


class Health(BaseModel):
    status: str = READY


class Readiness(Health):
    """`warnings`: it works, and somebody should look. `degraded`: it is ready, and something was set aside because it failed."""

    warnings: list[str]


class ClockIn(RequestBody):
    """What is left out stays as it is."""

    model_config = example_config(paused=True)

    paused: bool | None = None
    day_seconds: float | None = Field(
        default=None, ge=SHORTEST_DAY_SECONDS, lt=REAL_DAY_SECONDS, description="how long a business day lasts"
    )


class ClockOut(BaseModel):
    """The business clock. `now` is business time (UTC)."""

    now: datetime
    business_date: date
    played: bool = Field(description="it runs faster than real time; only such a clock can be paused or slowed")
    paused: bool
    day_seconds: float


@clock_router.get("", operation_id="read_clock", summary="The business clock")
def get_clock(context: Context, _: ReadingActor) -> ClockOut:
    return _present_clock(context)


@clock_router.post("", operation_id="set_clock", summary="Pause, slow or resume a played clock", responses=QUEUED_RESPONSE)
async def set_clock(context: Context, actor: ClockSettingActor, body: ClockIn, response: Response) -> ClockOut:
    """Business time goes on from where it stands; every open case hears of it, and its journal says who set it. 202 when the process that
    plays the clock has not taken it over yet. The real clock is left alone: 409."""
    change = ClockChange(paused=body.paused, day_seconds=body.day_seconds)
    if not await change_clock(context, change, actor.user, ClockChannel.API):
        response.status_code = 202
    return _present_clock(context)


def _present_clock(context: ApiContext) -> ClockOut:
    clock, now = context.clock, context.business_now
    return ClockOut(now=now, business_date=now.date(), played=clock.is_played, paused=clock.paused, day_seconds=clock.day_seconds)


@router.get("/healthz", operation_id="is_alive", summary="The process answers")
async def get_liveness() -> Health:
    return Health()


@router.get("/readyz", operation_id="is_ready", summary="Database and Temporal answer too")
async def get_readiness(context: Context) -> Readiness:
    absent = []
    if not await run_in_threadpool(_is_database_reachable, context):
        absent.append("the database")
    if not await context.cases.is_temporal_reachable():
        absent.append("Temporal")
    if absent:
        raise Problem(
            503, "not-ready", "A part does not answer", f"{' and '.join(absent)} does not answer; see that it runs, then try again"
        )
    return await run_in_threadpool(_describe_readiness, context)


def _describe_readiness(context: ApiContext) -> Readiness:
    warnings = _list_warnings(context)
    if set_aside := count_waiting(context.database):
        stages = ", ".join(f"{stage.value} {number}" for stage, number in set_aside.items())
        warnings.append(SET_ASIDE_WARNING.format(count=sum(set_aside.values()), stages=stages))
    return Readiness(status=DEGRADED if set_aside else READY, warnings=warnings)


@router.get(
    "/metrics", operation_id="read_metrics", summary="Figures for Prometheus", response_class=PlainTextResponse, responses=PROBLEM_RESPONSES
)
def get_metrics(context: Context, _: ReadingActor) -> PlainTextResponse:
    connections = load_connection_overviews(context.database, context.connected.list_all())
    own = render_metrics(context.database, context.today, context.now()) + render_connection_metrics(connections)
    return PlainTextResponse(own + context.read_sdk_metrics(), media_type=METRICS_TYPE)


def _list_warnings(context: ApiContext) -> list[str]:
    """What somebody should look at. Of a role that nobody has, administrators are told; who runs Duecourse, where they cannot be."""
    warnings = [REFUSED_POLICIES_WARNING] if find_refusal(context.database) else []
    if not can_admins_be_told(context.database) and (unreached := find_unreached_roles(context.database, context.today)):
        warnings.append(UNREACHED_ROLES_WARNING.format(roles=", ".join(found.role for found in unreached)))
    return warnings


def _is_database_reachable(context: ApiContext) -> bool:
    try:
        with context.database.reading() as session:
            session.execute(text("SELECT 1"))
        return True
    except SQLAlchemyError:
        return False
