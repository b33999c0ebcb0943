"""How each connected system stands: how far it was read, what the last comparison found, and since when it has been away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import BalanceCheck
from adapters.connections.comparison import Difference
from adapters.connections.difference_store import list_open_differences
from adapters.connections.rests.system_rests import SystemRest, SystemRests
from adapters.correspondence.reading_gaps import name_credits
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage


class ConnectionState(NamedTuple):
    """All times are real time. `caught_up_at`: when nothing more was there last. `away_since`: the first of its failures in a row, with the
    last one's words; `is_refused`: it was there, and did not let itself be read. `compared_items`: how many open items the system had.
    `rest`: until when it asks to be left alone. `balances`: what the last comparison found of a sample of its balances, where they need
    one."""

    system: SystemKey
    invoices_read: int
    invoices_changed: int
    has_more: bool
    caught_up_at: datetime | None
    compared_at: datetime | None
    compared_items: int
    differences: tuple[Difference, ...]
    away_since: datetime | None
    away_reason: str
    next_try_at: datetime | None
    rest: SystemRest | None
    balances: BalanceCheck | None
    is_refused: bool = False
    credits_refused_since: datetime | None = None
    credits_refused: str = ""


def load_connection_state(database: Database, system: SystemKey) -> ConnectionState:
    """Return it also of a system that was never read."""
    with database.reading() as session:
        row = session.get(BillingCursorRow, tuple(system))
    set_aside = SetAsideStore(database).list_waiting(SetAsideStage.BILLING_SYSTEM)
    waiting, of_credits = set_aside.get(name_system(system)), set_aside.get(name_credits(system))
    return ConnectionState(
        system=system,
        invoices_read=row.invoices_read if row else 0,
        invoices_changed=row.invoices_changed if row else 0,
        has_more=bool(row and row.has_more),
        caught_up_at=row.caught_up_at if row else None,
        compared_at=row.compared_at if row else None,
        compared_items=row.compared_items if row else 0,
        differences=list_open_differences(database, system),
        away_since=waiting.first_failed_at if waiting else None,
        away_reason=waiting.detail if waiting else "",
        next_try_at=waiting.next_try_at if waiting else None,
        rest=SystemRests(database).find_rest(system),
        balances=_read_check(row.balance_check) if row and row.balance_check else None,
        is_refused=waiting is not None and waiting.reason is SetAsideReason.BILLING_REFUSED,
        credits_refused_since=of_credits.first_failed_at if of_credits else None,
        credits_refused=of_credits.detail if of_credits else "",
    )


def list_connection_states(database: Database) -> list[ConnectionState]:
    """Return those of every system that was ever read, by name."""
    with database.reading() as session:
        names = (col(BillingCursorRow.system), col(BillingCursorRow.company))
        rows = session.execute(select(*names).order_by(*names)).all()
        systems = [SystemKey(*row) for row in rows]
    return [load_connection_state(database, system) for system in systems]


def _read_check(kept: Mapping[str, Any]) -> BalanceCheck:
    return BalanceCheck(kept["checked"], tuple(kept["differing"]), kept["is_trusted"])


def name_system(system: SystemKey) -> str:
    """As what it is set aside."""
    return f"{system.system}:{system.company}"
