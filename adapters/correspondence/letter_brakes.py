"""What holds letters back, as the letter outbox asks for it: one small query for a batch, and nothing more where nothing does."""

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, exists, literal, not_, or_, select, union
from sqlmodel import Session, col

from adapters.correspondence.missing_there import HAS_MISSING, find_letters_of_missing
from adapters.correspondence.reading_gaps import HAS_SYSTEMS, ReadingGaps, load_reading_gaps
from adapters.database.row_states import BrakeEvent
from adapters.database.tables import Case, HeldAccount, LetterStopRow, Message
from domain.correspondence.letter_stop import StopScope
from domain.identifiers import CaseKind

_STOPS = LetterStopRow.__table__  # type: ignore[attr-defined]


def _is_active(today: Any) -> ColumnElement[bool]:
    """On the business date of now, as `LetterStop.is_active_on` says of a stop: a test holds them equal."""
    return and_(_STOPS.c.ended_by.is_(None), or_(_STOPS.c.last_day.is_(None), _STOPS.c.last_day >= today))


_CONNECTED = "connected"
_HELD = HeldAccount.__table__  # type: ignore[attr-defined]
_SELECT_BRAKES = union(
    select(_STOPS.c.scope).where(_is_active(bindparam("today", type_=_STOPS.c.last_day.type))),
    select(literal(BrakeEvent.HELD.value)).where(exists(select(_HELD.c.account_id))),
    select(literal(_CONNECTED)).where(HAS_SYSTEMS),
)


class LetterBrakes(NamedTuple):
    """What holds letters back on a business date: the scopes of its stops, whether accounts are held for release, and which connected
    systems were not read for too long. `has_missing`: some invoices are missing there, for which alone no letter asks."""

    scopes: frozenset[StopScope]
    has_held_accounts: bool
    today: date
    gaps: ReadingGaps = ReadingGaps()
    has_missing: bool = False

    @property
    def hold_all(self) -> bool:
        return StopScope.ALL in self.scopes

    def build_conditions(self, account: Any) -> list[ColumnElement[bool]]:
        """Build the conditions on rows whose account may get letters, none where every account may. `account` is their column. Where no
        account may, see `hold_all`."""
        conditions = []
        if StopScope.ACCOUNT in self.scopes:
            conditions.append(not_(_is_stopped(account, self.today)))
        if StopScope.POLICY in self.scopes:
            conditions.append(not_(_has_stopped_policy(account, self.today)))
        if self.has_held_accounts:
            conditions.append(not_(exists().where(_HELD.c.account_id == account)))
        return conditions + self.gaps.build_conditions(account)

    def find_held_letters(self, session: Session, messages: Collection[int]) -> set[int]:
        """Find those of some letters, by number, that must not go now."""
        if self.hold_all:
            return set(messages)
        missing = find_letters_of_missing(session, messages) if self.has_missing else set()
        conditions = self.build_conditions(col(Message.account_id))
        if not conditions:
            return missing
        held = select(col(Message.id)).where(col(Message.id).in_(messages), not_(and_(*conditions)))
        return missing | {number for number in session.scalars(held) if number is not None}


def load_brakes(session: Session, today: date) -> LetterBrakes:
    """Load what holds letters back on a business date."""
    found = set(session.connection().scalars(_SELECT_BRAKES, {"today": today}))
    gaps = load_reading_gaps(session) if _CONNECTED in found else ReadingGaps()
    has_missing = _CONNECTED in found and bool(session.scalar(select(HAS_MISSING)))
    scopes = frozenset(scope for scope in StopScope if scope in found)
    return LetterBrakes(scopes, BrakeEvent.HELD.value in found, today, gaps, has_missing)


def _is_stopped(account: Any, today: date) -> ColumnElement[bool]:
    return exists().where(_STOPS.c.scope == StopScope.ACCOUNT, _STOPS.c.target == account, _is_active(today))


def _has_stopped_policy(account: Any, today: date) -> ColumnElement[bool]:
    """An account that has an invoice under collection by a stopped policy."""
    return exists(
        select(literal(1))
        .select_from(Case)
        .join(_STOPS, (_STOPS.c.scope == StopScope.POLICY) & (_STOPS.c.target == col(Case.policy)) & _is_active(today))
        .where(col(Case.account_id) == account, col(Case.kind) == CaseKind.INVOICE, col(Case.outcome).is_(None))
    )
