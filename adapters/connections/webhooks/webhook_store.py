"""Keeps what comes by webhooks, raw, until what it hints at was read, and some days longer; and counts the calls. What is about something
else than an invoice is kept so, too; what is forged is counted alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlmodel import Session, col

from adapters.billing.external_key import SystemKey, can_be_key
from adapters.billing.external_records import WebhookHint
from adapters.connections.cursor_rows import lock_cursor_row
from adapters.database.engine import Database
from adapters.database.tables import WebhookCallRow, WebhookCountRow

MAX_WAITING = 10_000
"""Hints of one system that wait to be read; of more, the next reading has what they hint at."""
MAX_FOREIGN = 10_000
"""Calls about something else that are kept of one system; more are counted alone."""
KEPT_FOR = timedelta(days=7)
"""How long a call is kept, raw, after it is done."""
LONGEST_WAIT = timedelta(days=30)
"""So long a call waits for its system to be there: then the readings and the comparison have long had what it hinted at."""
MAX_WHY_LENGTH, LONGEST_EVENT_ID = 300, 200


class WebhookCounts(NamedTuple):
    """Of a connection's webhook. Times are real time, UTC; None: never."""

    taken: int = 0
    foreign: int = 0
    repeated: int = 0
    overflowed: int = 0
    dropped: int = 0
    forged: int = 0
    last_taken_at: datetime | None = None
    last_forged_at: datetime | None = None
    last_forged_why: str = ""
    waiting: int = 0


class WaitingHint(NamedTuple):
    """An invoice that something was hinted at of, and the calls that did."""

    external_id: str
    call_ids: tuple[int, ...]
    attempts: int


class WebhookStore:
    """Safe to share between threads. Times are real time, UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, key: SystemKey, hints: Iterable[WebhookHint], body: bytes, now: datetime) -> int:
        """Keep all of them; how many invoices are to be read for them. One that is known is to be read again, be it done: some systems tell
        two changes by the same words."""
        about = {_name_event(hint.event_id): hint for hint in hints}
        ours = [
            WebhookHint(event_id, hint.external_id)
            for event_id, hint in about.items()
            if hint.external_id is not None and can_be_key(key, hint.external_id)
        ]
        foreign = [WebhookHint(event_id, None) for event_id in about.keys() - {hint.event_id for hint in ours}]
        with self._database.writing() as session:
            if any(hint.concerns_credit for hint in about.values()):
                lock_cursor_row(self._database, session, key).credits_hinted_at = now
            waiting = session.scalar(select(func.count()).where(*_waiting(key))) or 0
            taken = ours[: max(0, MAX_WAITING - waiting)]
            repeated = self._insert(session, key, taken, body, now, done_at=None)
            if foreign:
                kept = session.scalar(select(func.count()).where(*_is_of(key), col(WebhookCallRow.external_id).is_(None))) or 0
                self._insert(session, key, foreign[: max(0, MAX_FOREIGN - kept)], body, now, done_at=now)
            added = {"foreign": len(foreign), "taken": len(taken) - repeated, "repeated": repeated}
            self._count(session, key, {**added, "overflowed": len(ours) - len(taken)}, {"last_taken_at": now} if taken else {})
        return len(taken)

    def _insert(
        self, session: Session, key: SystemKey, hints: Collection[WebhookHint], body: bytes, now: datetime, *, done_at: datetime | None
    ) -> int:
        """Return how many were known."""
        ids = [hint.event_id for hint in hints]
        known = set(session.scalars(select(col(WebhookCallRow.event_id)).where(*_is_of(key), col(WebhookCallRow.event_id).in_(ids))))
        for hint in hints:
            again = {"received_at": now, "done_at": done_at, "attempts": 0, "external_id": hint.external_id, "body": body}
            row = {"system": key.system, "company": key.company, "event_id": hint.event_id, **again}
            new = self._database.build_insert(WebhookCallRow).values(**row)
            session.execute(new.on_conflict_do_update(index_elements=["system", "company", "event_id"], set_=again))
        return len(known)

    def count_forged(self, key: SystemKey, why: str, now: datetime, number: int = 1) -> None:
        """`why` and `now` are the last one's."""
        with self._database.writing() as session:
            self._count(session, key, {"forged": number}, {"last_forged_at": now, "last_forged_why": why[:MAX_WHY_LENGTH]})

    def _count(self, session: Session, key: SystemKey, added: Mapping[str, int], values: Mapping[str, Any]) -> None:
        new = self._database.build_insert(WebhookCountRow).values(
            taken=0,
            foreign=0,
            repeated=0,
            overflowed=0,
            dropped=0,
            forged=0,
            last_forged_why="",
            system=key.system,
            company=key.company,
        )
        session.execute(new.on_conflict_do_nothing())
        mine = (col(WebhookCountRow.system) == key.system, col(WebhookCountRow.company) == key.company)
        counted = {name: getattr(WebhookCountRow, name) + number for name, number in added.items() if number}
        if counted or values:
            session.execute(update(WebhookCountRow).where(*mine).values(**counted, **values))

    def list_waiting(self, key: SystemKey, limit: int) -> list[WaitingHint]:
        """The longest first, each invoice once."""
        statement = (
            select(col(WebhookCallRow.id), col(WebhookCallRow.external_id), col(WebhookCallRow.attempts))
            .where(*_waiting(key))
            .order_by(col(WebhookCallRow.id))
            .limit(limit)
        )
        calls: dict[str, list[tuple[int, int]]] = defaultdict(list)
        with self._database.reading() as session:
            for number, external_id, attempts in session.execute(statement):
                calls[external_id or ""].append((number, attempts))
        return [
            WaitingHint(external_id, tuple(number for number, _ in found), max(attempts for _, attempts in found))
            for external_id, found in calls.items()
        ]

    def mark_done(self, call_ids: Collection[int], read_from: datetime, now: datetime) -> None:
        """What was read has the effect of calls that came before the reading began; one that came meanwhile waits on."""
        with self._database.writing() as session:
            mine = (col(WebhookCallRow.id).in_(call_ids), col(WebhookCallRow.received_at) <= read_from)
            session.execute(update(WebhookCallRow).where(*mine).values(done_at=now))

    def count_attempt(self, call_ids: Collection[int]) -> None:
        with self._database.writing() as session:
            mine = col(WebhookCallRow.id).in_(call_ids)
            session.execute(update(WebhookCallRow).where(mine).values(attempts=WebhookCallRow.attempts + 1))

    def drop(self, key: SystemKey, call_ids: Collection[int], now: datetime) -> None:
        """They are over without having been read."""
        with self._database.writing() as session:
            session.execute(update(WebhookCallRow).where(col(WebhookCallRow.id).in_(call_ids)).values(done_at=now))
            self._count(session, key, {"dropped": len(call_ids)}, {})

    def forget_old(self, now: datetime) -> None:
        """Delete the calls that were done long ago, and those that have waited far too long."""
        is_old = or_(col(WebhookCallRow.done_at) < now - KEPT_FOR, col(WebhookCallRow.received_at) < now - LONGEST_WAIT)
        with self._database.writing() as session:
            session.execute(delete(WebhookCallRow).where(is_old))

    def list_counts(self) -> dict[SystemKey, WebhookCounts]:
        of_system = (col(WebhookCallRow.system), col(WebhookCallRow.company))
        waiting = select(*of_system, func.count()).where(col(WebhookCallRow.done_at).is_(None)).group_by(*of_system)
        with self._database.reading() as session:
            counts = {SystemKey(system, company): number for system, company, number in session.execute(waiting)}
            rows = session.scalars(select(WebhookCountRow)).all()
            return {
                (key := SystemKey(row.system, row.company)): WebhookCounts(
                    **row.model_dump(include=set(WebhookCounts._fields)), waiting=counts.get(key, 0)
                )
                for row in rows
            }


def _name_event(event_id: str) -> str:
    """Return its id as it can be kept: of a strange one, what tells it from others."""
    is_plain = len(event_id) <= LONGEST_EVENT_ID and event_id.isascii() and event_id.isprintable()
    return event_id if is_plain else sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()


def _is_of(key: SystemKey) -> tuple[Any, ...]:
    return col(WebhookCallRow.system) == key.system, col(WebhookCallRow.company) == key.company


def _waiting(key: SystemKey) -> tuple[Any, ...]:
    return *_is_of(key), col(WebhookCallRow.done_at).is_(None)
