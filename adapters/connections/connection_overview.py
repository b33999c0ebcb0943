"""All connections with how each stands: whether it works, when it is read next, what was done with it last, and what its webhook got. For
lists, the status and the metrics."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from adapters.connections.connection_registry import ConnectedSystem
from adapters.connections.connection_runs import ConnectionRun, ConnectionRuns
from adapters.connections.connection_states import ConnectionState, load_connection_state
from adapters.connections.notes.refused_notes import RefusedNotes, list_refused_notes
from adapters.connections.webhooks.webhook_store import WebhookCounts, WebhookStore
from adapters.correspondence.reading_gaps import load_reading_gaps
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionRunKind

READ_EVERY = timedelta(minutes=1)
"""How often a connected system is read, by its schedule."""


class ConnectionStanding(StrEnum):
    """SWITCHED_OFF: by a person. UNUSABLE: its description or its secret cannot be used. AWAY: it was not read last, and is tried again.
    REFUSED: it was there and does not let itself be read, which somebody has to mend; it is tried again all the same. NOT_READ: nothing was
    read yet. READING: it has more to say. WORKS: all that it had to say was read."""

    SWITCHED_OFF = "switched_off"
    UNUSABLE = "unusable"
    AWAY = "away"
    REFUSED = "refused"
    NOT_READ = "not_read"
    READING = "reading"
    WORKS = "works"


NOT_READ_LAST = frozenset({ConnectionStanding.AWAY, ConnectionStanding.REFUSED})


class ConnectionOverview(NamedTuple):
    """`why`: in the system's words, where it does not work. `letters_wait`: it was not read for so long that its customers get none.
    `next_read_at`: real time, UTC; None where it is not known. `runs`: those that people asked for. `notes`: those that the system
    refused."""

    system: ConnectedSystem
    standing: ConnectionStanding
    state: ConnectionState
    why: str
    next_read_at: datetime | None
    runs: Mapping[ConnectionRunKind, ConnectionRun]
    webhooks: WebhookCounts
    notes: RefusedNotes
    letters_wait: bool


def load_connection_overviews(database: Database, systems: list[ConnectedSystem]) -> list[ConnectionOverview]:
    if not systems:
        return []
    runs, counts, refused = ConnectionRuns(database).list_runs(), WebhookStore(database).list_counts(), list_refused_notes(database)
    with database.reading() as session:
        unread = {gap.system for gap in load_reading_gaps(session)}

    def build_overview(system: ConnectedSystem) -> ConnectionOverview:
        state = load_connection_state(database, system.key)
        standing = _find_standing(system, state)
        why = system.fault or (state.away_reason if standing in NOT_READ_LAST else state.credits_refused)
        return ConnectionOverview(
            system,
            standing,
            state,
            why,
            _find_next_reading(standing, state),
            runs.get(system.key, {}),
            counts.get(system.key, WebhookCounts()),
            refused.get(system.key, RefusedNotes(0, "")),
            letters_wait=system.key in unread,
        )

    return [build_overview(system) for system in systems]


def _find_standing(system: ConnectedSystem, state: ConnectionState) -> ConnectionStanding:
    if system.switched_off_at is not None:
        return ConnectionStanding.SWITCHED_OFF
    if system.fault:
        return ConnectionStanding.UNUSABLE
    if state.away_since is not None:
        return ConnectionStanding.REFUSED if state.is_refused else ConnectionStanding.AWAY
    if state.has_more:
        return ConnectionStanding.READING
    if state.caught_up_at is None:
        return ConnectionStanding.READING if state.invoices_read else ConnectionStanding.NOT_READ
    return ConnectionStanding.WORKS


def _find_next_reading(standing: ConnectionStanding, state: ConnectionState) -> datetime | None:
    known = {
        **dict.fromkeys(NOT_READ_LAST, state.next_try_at),
        ConnectionStanding.WORKS: state.caught_up_at + READ_EVERY if state.caught_up_at else None,
    }
    at = known.get(standing)
    return max(at, state.rest.until) if at is not None and state.rest is not None else at
