"""The stops of letters. None is removed: one that was ended keeps its row, and both are in the record of brakes, which is append-only."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import BrakeEvent, MessageState
from adapters.database.tables import Account, Case, LetterBrakeRecord, LetterStopRow, Message, PolicyVersion
from domain.correspondence.letter_stop import LetterStop, StopScope
from domain.errors import UserError
from domain.identifiers import CaseKind


class UnknownStopTargetError(UserError):
    """No such policy, or no such account."""

    title = "There is nothing to stop by this name"
    status = 404
    problem_type = "not-found"


class UnknownStopError(UserError):
    """No stop has this id."""

    title = "There is no such stop"
    status = 404
    problem_type = "not-found"


class StopClashError(UserError):
    """The same letters are stopped already."""

    title = "These letters are stopped already"
    status = 409
    problem_type = "clash"


class LetterGoneError(UserError):
    """The letter that was to be taken back is with the mail server, or on its way there."""

    title = "This letter has gone"
    status = 409
    problem_type = "gone"


class BrakeContext(NamedTuple):
    """Who brakes or lets go, and when: `at` is business time, `now` real time, both UTC."""

    act_id: str
    by: str
    at: datetime
    now: datetime


class LetterStopStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def stop(
        self, scope: StopScope, target: str, reason: str, last_day: date | None, context: BrakeContext, taken_back: str = ""
    ) -> LetterStop:
        """Stop letters from the next one on. The same act again returns what it did. `taken_back`: the Message-ID of a letter that must not
        have gone by then.

        A letter that has no row yet may begin to go while the stop is written, and not see it: so it is looked for once more when the stop
        is there. Where it was faster, nothing is stopped. Raises UnknownStopTargetError, StopClashError, LetterGoneError.
        """
        stop = self._make_stop(scope, target, reason, last_day, context, taken_back)
        try:
            with self._database.writing() as session:
                _require_not_gone(session, taken_back)
        except LetterGoneError:
            self.end(stop.stop_id, context)
            raise
        return stop

    def _make_stop(
        self, scope: StopScope, target: str, reason: str, last_day: date | None, context: BrakeContext, taken_back: str
    ) -> LetterStop:
        with self._database.writing() as session:
            self._database.take_turns(session, LetterStopRow.__tablename__, scope, target)
            earlier = session.get(LetterStopRow, context.act_id)
            if earlier is not None:
                return _build_stop(earlier)
            _require_target(session, scope, target)
            _require_not_gone(session, taken_back)
            same = select(LetterStopRow).where(col(LetterStopRow.scope) == scope, col(LetterStopRow.target) == target)
            for other in map(_build_stop, session.scalars(same.where(col(LetterStopRow.ended_by).is_(None)))):
                if other.is_active_on(context.at.date()):
                    raise StopClashError(
                        f"{other.made_by} stopped them on {other.made_at:%Y-%m-%d} ({other.reason}); end that stop ({other.stop_id}) first"
                    )
            row = LetterStopRow(
                stop_id=context.act_id,
                scope=scope,
                target=target,
                reason=reason,
                last_day=last_day,
                made_by=context.by,
                made_at=context.at,
            )
            session.add(row)
            session.add(_build_record(row, BrakeEvent.STOPPED, context))
            return _build_stop(row)

    def find_stop(self, stop_id: str) -> LetterStop | None:
        with self._database.reading() as session:
            row = session.get(LetterStopRow, stop_id)
            return _build_stop(row) if row else None

    def end(self, stop_id: str, context: BrakeContext) -> LetterStop:
        """End a stop: its letters go again. To end it again changes nothing. Raises UnknownStopError."""
        with self._database.writing() as session:
            row = session.get(LetterStopRow, stop_id, with_for_update=True)
            if row is None:
                raise UnknownStopError(f"there is no stop {stop_id!r}; GET /v1/letter-stops lists them")
            if row.ended_by is None:
                row.ended_by, row.ended_at = context.by, context.at
                session.add(row)
                session.add(_build_record(row, BrakeEvent.RESUMED, context))
            return _build_stop(row)

    def list_stops(self, active_on: date | None = None) -> list[LetterStop]:
        """List stops, the latest first: all, or those that hold letters back on a business date."""
        statement = select(LetterStopRow).order_by(col(LetterStopRow.made_at).desc(), col(LetterStopRow.stop_id))
        with self._database.reading() as session:
            stops = [_build_stop(row) for row in session.scalars(statement)]
        return [stop for stop in stops if active_on is None or stop.is_active_on(active_on)]

    def find_stop_of_account(self, account_id: str, day: date) -> LetterStop | None:
        """Find the widest stop that holds an account's letters back on a business date, past ones too; None where none does. Its policies
        are those of its invoices today."""
        policies = select(col(Case.policy)).where(
            col(Case.account_id) == account_id, col(Case.kind) == CaseKind.INVOICE, col(Case.outcome).is_(None)
        )
        of_account = (col(LetterStopRow.scope) == StopScope.ACCOUNT) & (col(LetterStopRow.target) == account_id)
        of_policy = (col(LetterStopRow.scope) == StopScope.POLICY) & col(LetterStopRow.target).in_(policies)
        reaching = select(LetterStopRow).where(or_(col(LetterStopRow.scope) == StopScope.ALL, of_account, of_policy))
        with self._database.reading() as session:
            stops = [_build_stop(row) for row in session.scalars(reaching)]
        active = [stop for stop in stops if stop.is_active_on(day)]
        return min(active, key=lambda stop: (list(StopScope).index(stop.scope), stop.made_at), default=None)


def _require_target(session: Session, scope: StopScope, target: str) -> None:
    if scope is StopScope.ACCOUNT and session.get(Account, target) is None:
        raise UnknownStopTargetError(f"there is no account {target!r}; GET /v1/accounts lists them")
    if scope is StopScope.POLICY:
        known = session.scalars(select(col(PolicyVersion.name)).distinct().order_by(col(PolicyVersion.name))).all()
        if target not in known:
            raise UnknownStopTargetError(f"there is no policy {target!r}; there are {', '.join(known) or 'none yet'}")


def _require_not_gone(session: Session, message_id: str) -> None:
    """The letter outbox locks the row of a letter before it looks for stops: once a stop is there, it finds it, or the letter has gone."""
    mine = select(Message).where(col(Message.message_id) == message_id).with_for_update()
    letter = session.scalars(mine).first() if message_id else None
    if letter is not None and letter.state not in (MessageState.INTENDED, MessageState.VOID):
        raise LetterGoneError(f"it is too late to take it back; GET /v1/letters/{letter.id} shows what went and what became of it")


def _build_record(row: LetterStopRow, event: BrakeEvent, context: BrakeContext) -> LetterBrakeRecord:
    return LetterBrakeRecord(
        act_id=context.act_id,
        event=event,
        scope=row.scope,
        target=row.target,
        reason=row.reason,
        last_day=row.last_day,
        made_by=context.by,
        made_at=context.at,
        recorded_at=context.now,
    )


def _build_stop(row: LetterStopRow) -> LetterStop:
    return LetterStop.model_validate(row.model_dump())
