"""The routes of connections to billing systems: how each stands; added, changed and switched off by administrators."""

import secrets
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from adapters.connections.connection_description import WebhookProof
from adapters.connections.connection_file import InvalidConnectionError, read_connection
from adapters.connections.connection_overview import load_connection_overviews
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.connection_store import ConnectionStore
from adapters.connections.notes.refused_notes import retry_refused_notes
from adapters.connections.oversight.decided_absences import take_decided_gone
from adapters.database.row_states import ConnectionRunKind
from api.commands.connection_runs import begin_run, require_connection
from api.context import ApiContext
from api.presenters.connections import present_connection, present_connection_details, present_test
from api.routes.connections.webhooks import WEBHOOKS
from api.schemas.connections.connections import (
    AbsencesDecided,
    AbsencesIn,
    ConnectionChanged,
    ConnectionDetailsOut,
    ConnectionIn,
    ConnectionOut,
    ConnectionTested,
    NotesRetried,
    RunBegun,
    SecretIn,
    WebhookSecretChanged,
    WebhookSecretIn,
)
from api.web.authentication import BillingAskingActor, ConnectionManagingActor, Context, ReadingActor, build_change_author
from api.web.idempotency import IdempotentRoute, build_shown_once
from api.web.problems import PROBLEM_RESPONSES, Problem, build_field_error, invalid_request_problem
from domain import identifiers as ids

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
MAX_EVENTS = 100
MADE_SECRET_BYTES = 32


@router.get("", operation_id="list_connections", summary="The billing systems that are connected, and how each stands")
def get_connections(context: Context, _: ReadingActor) -> list[ConnectionOut]:
    return [present_connection(each) for each in load_connection_overviews(context.database, context.connected.list_all())]


@router.get("/{connection_id}", operation_id="read_connection", summary="A connection, with its last test and comparison")
def get_connection(connection_id: str, context: Context, _: ReadingActor) -> ConnectionDetailsOut:
    system = require_connection(context, connection_id)
    (overview,) = load_connection_overviews(context.database, [system])
    events = ConnectionStore(context.database).list_events(MAX_EVENTS, system.key.system)
    return present_connection_details(overview, events, context.now())


@router.post("", operation_id="add_connection", summary="Connect a billing system", status_code=201)
def add_connection(body: ConnectionIn, request: Request, context: Context, actor: ConnectionManagingActor) -> ConnectionTested:
    """It is tried first, and kept only where the system lets Duecourse in (409), unless that is asked for. What else is missing, the steps
    say."""
    try:
        connection = read_connection({**body.options, "name": body.name, "kind": body.kind}, context.connected.settings.data_dir)
    except InvalidConnectionError as error:
        faults = [build_field_error(_point_at(name), fault) for name, fault in error.faults.items()]
        raise Problem(422, "invalid", "The request cannot be read", str(error), errors=faults) from error
    given = {name: value.get_secret_value() for name, value in body.secrets.items()}
    author = build_change_author(request, actor.user)
    steps = context.connection_admin.add(connection, given, author, is_tried=not body.untested)
    system = require_connection(context, connection.name)
    if steps:
        ConnectionRuns(context.database).keep_test(system.key, steps, actor.user)
    return present_test(system.id, steps)


def _point_at(field: str) -> str:
    return f"/{field}" if field in ("name", "kind") else f"/options/{field.replace('.', '/')}"


@router.post("/{connection_id}/secret", operation_id="change_connection_secret", summary="Another secret, tried before it is kept")
def change_secret(
    connection_id: str, body: SecretIn, request: Request, context: Context, actor: ConnectionManagingActor, after: BackgroundTasks
) -> ConnectionTested:
    """The one before is used until the new one has proven good; where it does not, it stays (409)."""
    system, author = require_connection(context, connection_id), build_change_author(request, actor.user)
    value, is_tried = body.value.get_secret_value(), not body.untested
    steps = context.connection_admin.change_secret(system.key.system, body.secret, value, author, is_tried=is_tried)
    if steps:
        ConnectionRuns(context.database).keep_test(system.key, steps, actor.user)
    after.add_task(context.cases.trigger_schedule, ids.CONNECTED_SYSTEMS_ID)
    return present_test(system.id, steps)


@router.post(
    "/{connection_id}/webhook-secret",
    operation_id="change_webhook_secret",
    summary="Another secret for the calls of the system",
    response_model=WebhookSecretChanged,
)
def change_webhook_secret(
    connection_id: str, body: WebhookSecretIn, request: Request, context: Context, actor: ConnectionManagingActor
) -> Response:
    """The one before stays good for some days. Where the system signs its calls, the secret is the one that it made; where it signs none,
    one is made here, and the answer has the address to be entered there."""
    system, author = require_connection(context, connection_id), build_change_author(request, actor.user)
    given = body.value.get_secret_value().strip() if body.value else ""
    if system.webhook_proof is WebhookProof.NONE or (system.webhook_proof is WebhookProof.SIGNED and not given):
        raise invalid_request_problem("/value", _describe_missing_secret(system.webhook_proof))
    made = secrets.token_urlsafe(MADE_SECRET_BYTES) if not given else None
    context.connection_admin.change_webhook_secret(system.key.system, given or made or "", author, timedelta(days=body.overlap_days))
    address = request.url.replace(path=f"{WEBHOOKS}/{system.key.system}" + (f"/{made}" if made else ""), query="")
    return build_shown_once("address", str(address))


def _describe_missing_secret(proof: WebhookProof) -> str:
    if proof is WebhookProof.NONE:
        return "this system calls nobody: its changes are read every minute"
    return "enter the secret that the system made for its calls"


@router.post("/{connection_id}/switch-off", operation_id="switch_off_connection", summary="Read it no more, and book nothing there")
def switch_off(connection_id: str, request: Request, context: Context, actor: ConnectionManagingActor) -> ConnectionChanged:
    """What is decided for its invoices becomes a task for a person. A second time changes nothing."""
    return _switch(connection_id, request, context, actor.user, off=True)


@router.post("/{connection_id}/switch-on", operation_id="switch_on_connection", summary="Read it again from where it was left")
def switch_on(
    connection_id: str, request: Request, context: Context, actor: ConnectionManagingActor, after: BackgroundTasks
) -> ConnectionChanged:
    """A second time changes nothing."""
    after.add_task(context.cases.trigger_schedule, ids.CONNECTED_SYSTEMS_ID)
    return _switch(connection_id, request, context, actor.user, off=False)


def _switch(connection_id: str, request: Request, context: ApiContext, user: str, *, off: bool) -> ConnectionChanged:
    system = require_connection(context, connection_id)
    context.connection_admin.switch(system.key.system, off=off, by=build_change_author(request, user))
    (overview,) = load_connection_overviews(context.database, [require_connection(context, system.id)])
    return ConnectionChanged(id=system.id, standing=overview.standing)


@router.post("/{connection_id}/test", operation_id="test_connection", summary="What works, what is missing, and what to ask for")
def test_connection(connection_id: str, context: Context, actor: BillingAskingActor) -> ConnectionTested:
    system = require_connection(context, connection_id)
    return present_test(system.id, ConnectionRuns(context.database).test(system, actor.user))


@router.post("/{connection_id}/reading", operation_id="sync_connection", summary="Read what changed, now")
async def sync_connection(connection_id: str, request: Request, context: Context, actor: BillingAskingActor) -> RunBegun:
    """It runs beside the answer. While one runs, another is refused (409)."""
    system = await run_in_threadpool(require_connection, context, connection_id)
    begun_at = await begin_run(request.app, context, system, ConnectionRunKind.READING, actor.user)
    return RunBegun(id=system.id, begun_at=begun_at)


@router.post("/{connection_id}/comparison", operation_id="compare_connection", summary="Compare all that is open, now")
async def compare_connection(connection_id: str, request: Request, context: Context, actor: BillingAskingActor) -> RunBegun:
    """It runs beside the answer, and changes nothing but the list of differences. While one runs, another is refused (409)."""
    system = await run_in_threadpool(require_connection, context, connection_id)
    begun_at = await begin_run(request.app, context, system, ConnectionRunKind.COMPARISON, actor.user)
    return RunBegun(id=system.id, begun_at=begun_at)


@router.post("/{connection_id}/absences", operation_id="take_gone_there", summary="Say that what the comparison misses is gone there")
async def take_gone_there(
    connection_id: str, body: AbsencesIn, request: Request, context: Context, actor: ConnectionManagingActor
) -> AbsencesDecided:
    """Each is read again first, and only what is still not shown is cancelled here. Where another number is missing by now, nothing is done
    (409)."""
    system = await run_in_threadpool(require_connection, context, connection_id)
    by, now = build_change_author(request, actor.user), datetime.now(UTC)
    decided = await run_in_threadpool(take_decided_gone, context.database, system, body.count, by, now)
    await context.cases.trigger_billing_sync()
    return AbsencesDecided(id=system.id, **{name: [each.id for each in found] for name, found in decided._asdict().items()})


@router.post("/{connection_id}/notes", operation_id="retry_notes", summary="Leave the notes that were refused once more")
def retry_notes(connection_id: str, context: Context, _: BillingAskingActor, after: BackgroundTasks) -> NotesRetried:
    """As when somebody has put right there what they were refused for."""
    system = require_connection(context, connection_id)
    after.add_task(context.cases.trigger_schedule, ids.CONNECTED_SYSTEMS_ID)
    return NotesRetried(id=system.id, number=retry_refused_notes(context.database, system.key))
