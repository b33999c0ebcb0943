"""The calls of billing systems: taken in whatever they are about, and answered at once. They are described by those systems, not here."""

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain import identifiers as ids

WEBHOOKS = "/v1/webhooks"
router = APIRouter(prefix=WEBHOOKS, include_in_schema=False, route_class=EncodedPathRoute)


@router.post("/{name}")
@router.post("/{name}/{secret}")
async def receive_webhook(name: str, request: Request, context: Context, after: BackgroundTasks, secret: str | None = None) -> JSONResponse:
    """Take in a call of a billing system, whatever it is about. It needs no token: it is proven by its signature, or the secret of its
    address. What it hints at is read afterwards."""
    body = await request.body()
    if await run_in_threadpool(context.webhooks.receive, name, dict(request.headers), body, secret):
        after.add_task(context.cases.trigger_schedule, ids.CONNECTED_SYSTEMS_ID)
    return JSONResponse({})
