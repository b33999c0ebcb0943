"""Connections as the API shows them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from adapters.billing.external_records import BalanceCheck, ConnectionStep
from adapters.connections.connection_overview import ConnectionOverview
from adapters.connections.connection_registry import ConnectedSystem
from adapters.connections.connection_runs import ConnectionRun
from adapters.connections.connection_store import ConnectionEvent
from adapters.database.row_states import ConnectionRunKind
from api.schemas.connections.connections import (
    BalanceCheckOut,
    ConnectionDetailsOut,
    ConnectionEventOut,
    ConnectionOut,
    ConnectionStepOut,
    ConnectionTested,
    DifferenceOut,
    RunOut,
    WebhookCountsOut,
)


def present_connection(overview: ConnectionOverview) -> ConnectionOut:
    system, state = overview.system, overview.state
    return ConnectionOut(
        id=system.id,
        name=system.key.system,
        company=system.key.company,
        kind=system.kind,
        options=describe_options(system),
        is_of_file=system.kept is None,
        standing=overview.standing,
        why=overview.why,
        read_at=state.caught_up_at,
        next_read_at=overview.next_read_at,
        away_since=state.away_since,
        resting_until=state.rest.until if state.rest else None,
        rest_reason=state.rest.reason if state.rest else "",
        credits_refused_since=state.credits_refused_since,
        letters_wait=overview.letters_wait,
        invoices_read=state.invoices_read,
        compared_at=state.compared_at,
        differences=len(state.differences),
        webhook=system.webhook_proof,
        webhook_counts=WebhookCountsOut(**overview.webhooks._asdict()),
        refused_notes=overview.notes.number,
        refused_notes_why=overview.notes.why,
    )


def describe_options(system: ConnectedSystem) -> dict[str, Any]:
    """What describes a connection, beside its name and kind."""
    if system.connection is None:
        return {}
    return system.connection.model_dump(mode="json", exclude={"name", "kind"}, exclude_none=True)


def present_connection_details(overview: ConnectionOverview, events: Iterable[ConnectionEvent], now: datetime) -> ConnectionDetailsOut:
    """`now`: real time, UTC."""
    test, reading = overview.runs.get(ConnectionRunKind.TEST), overview.runs.get(ConnectionRunKind.READING)
    return ConnectionDetailsOut(
        **present_connection(overview).model_dump(),
        runs={kind.value: _present_run(run, now) for kind, run in overview.runs.items()},
        steps=[_present_step(step) for step in (test.steps if test else ())],
        left_out={each["external_id"]: each["reason"] for each in (reading.result.get("left_out", ()) if reading else ())},
        differences_now=[DifferenceOut(**each._asdict()) for each in overview.state.differences],
        balances=_present_check(overview.state.balances),
        events=[ConnectionEventOut(**event._asdict()) for event in events],
    )


def _present_check(check: BalanceCheck | None) -> BalanceCheckOut | None:
    return BalanceCheckOut(checked=check.checked, differing=list(check.differing), is_trusted=check.is_trusted) if check else None


def present_test(connection_id: str, steps: Iterable[ConnectionStep]) -> ConnectionTested:
    shown = [_present_step(step) for step in steps]
    return ConnectionTested(id=connection_id, works=all(step.works for step in shown), steps=shown)


def _present_step(step: ConnectionStep) -> ConnectionStepOut:
    return ConnectionStepOut(**step._asdict())


def _present_run(run: ConnectionRun, now: datetime) -> RunOut:
    return RunOut(asked_by=run.asked_by, begun_at=run.begun_at, ended_at=run.ended_at, is_running=run.is_running(now), failure=run.failure)
