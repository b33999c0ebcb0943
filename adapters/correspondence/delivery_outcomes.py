"""What became of letters: the mail server's answers, and the silence of processes that died over them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, bindparam, not_, or_, select, update
from sqlalchemy import case as either
from sqlmodel import Session, col

from adapters.correspondence.address_reachability import mark_address_undeliverable, mark_addresses_reachable
from adapters.correspondence.letter_loader import LetterLoader, LetterRecipient
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState, TaskState
from adapters.database.tables import ContactRequest, Message, Task
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.case.case_view import TaskKind
from domain.correspondence.letter_outcome import LetterResult
from domain.correspondence.written_letters import WRITTEN_LETTERS

BACKOFF = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
"""How long a deferred letter rests before the next attempt, in real time; the last one repeats."""

MAX_ATTEMPTS = 250
"""About five days of half-hours: a letter that the server has put off so often is a person's business (RFC 5321, 4.5.4.1)."""

PRESUMED_DEAD = timedelta(minutes=15)
"""A letter that another process has been transmitting for longer, in real time, may or may not have gone. Longer than any wait of a
living sender: a mail server may take ten minutes for its last word."""

PROCESS_DIED = "process_died"

_UNDECIDED_STATES = (ContactRequestState.CLAIMED, ContactRequestState.UNKNOWN)
_TASK_KINDS = {DeliveryOutcome.REFUSED: TaskKind.REFUSED_LETTER, DeliveryOutcome.UNKNOWN: TaskKind.UNKNOWN_LETTER}
"""What a person has to look into when a letter did not go, or may not have gone."""

# Statements are built once, on the tables themselves: building one and finding its compiled form costs more than running it.

_MESSAGES, _REQUESTS, _TASKS = Message.__table__, ContactRequest.__table__, Task.__table__  # type: ignore[attr-defined]

_IS_OF_CASE = and_(_MESSAGES.c.case_id.is_not(None), _MESSAGES.c.letter.not_in(sorted(WRITTEN_LETTERS)))
_UNNOTIFIED_IF_CASE = either((_IS_OF_CASE, False), else_=None)
"""A case is notified of every end of its letters; a letter that a person wrote has none."""

_END_LETTER = (
    update(_MESSAGES)
    .where(
        _MESSAGES.c.id == bindparam("message"),
        _MESSAGES.c.owner == bindparam("sender"),
        or_(
            _MESSAGES.c.state == MessageState.TRANSMITTING,
            and_(_MESSAGES.c.state == MessageState.UNKNOWN, _MESSAGES.c.decided_by.is_(None)),
        ),
    )
    .values(
        state=bindparam("outcome"),
        reply=bindparam("answer"),
        sent_at=bindparam("went_at"),
        transmitting_since=None,
        ended_at=bindparam("now"),
        reason=bindparam("why"),
        told=_UNNOTIFIED_IF_CASE,
    )
    .returning(_MESSAGES.c.account_id)
)

_open_requests = (
    update(_REQUESTS)
    .where(_REQUESTS.c.message_id.in_(bindparam("messages", expanding=True)), _REQUESTS.c.state.in_(_UNDECIDED_STATES))
    .values(state=bindparam("result"), reason=bindparam("why"), ended_at=bindparam("now"))
)
_END_REQUESTS_OF_SENT = _open_requests.values(told=not_(_REQUESTS.c.awaited))
"""A letter that went needs no word to its invoices, unless one waits for it."""

_END_REQUESTS = _open_requests.values(told=False)

_DROP_TASKS = (
    update(_TASKS)
    .where(_TASKS.c.key.in_(bindparam("keys", expanding=True)), _TASKS.c.state == TaskState.OPEN)
    .values(state=TaskState.DROPPED, outcome=bindparam("result"))
)


_LATER, _REFUSED = _MESSAGES.alias("later"), _MESSAGES.alias("refused")
_DROP_OVERTAKEN_TASKS = (
    update(_TASKS)
    .where(
        _TASKS.c.kind == TaskKind.REFUSED_LETTER,
        _TASKS.c.state == TaskState.OPEN,
        _TASKS.c.account_id.in_(select(_MESSAGES.c.account_id).where(_MESSAGES.c.id.in_(bindparam("messages", expanding=True)))),
        _TASKS.c.message_id.in_(
            select(_REFUSED.c.id)
            .join(_LATER, and_(_LATER.c.account_id == _REFUSED.c.account_id, _LATER.c.currency == _REFUSED.c.currency))
            .where(
                _LATER.c.id.in_(bindparam("messages", expanding=True)),
                _LATER.c.id > _REFUSED.c.id,
                _LATER.c.asked_for.is_not(None),
                _REFUSED.c.state == MessageState.REFUSED,
                _REFUSED.c.case_id.is_(None),
            )
        ),
    )
    .values(state=TaskState.DROPPED, outcome=LetterResult.SENT.value)
)
"""The tasks about reminders that were refused, once a later one of the account and currency has arrived."""


class LetterOutcomeRecorder:
    """Writes what became of letters. `LetterOutbox` has one, with which it records the ends of the letters that it began."""

    def __init__(
        self,
        database: Database,
        loader: LetterLoader,
        owner: str,
        presumed_dead: timedelta = PRESUMED_DEAD,
        backoff: Sequence[timedelta] = BACKOFF,
    ) -> None:
        """`owner` names this process; `presumed_dead` and `backoff` are real time."""
        self._database, self._loader = database, loader
        self._owner, self._presumed_dead, self._backoff = owner, presumed_dead, backoff

    def refuse_unwritable_letter(self, message: int, reason: str, now: datetime) -> None:
        """A letter that cannot be written is refused before it is sent: a person looks at it."""
        with self._database.writing() as session:
            session.execute(
                update(Message)
                .where(col(Message.id) == message, col(Message.state) == MessageState.INTENDED)
                .values(state=MessageState.TRANSMITTING, owner=self._owner)
            )
        self.record_outcomes([(message, DeliveryResult(DeliveryOutcome.REFUSED, None, reason))], now)

    def record_outcomes(self, outcomes: Sequence[tuple[int, DeliveryResult]], now: datetime) -> list[None]:
        """Write what became of letters that this process sent. `now` is business time. Was it presumed dead, it may still say how one
        ended, until a person has decided."""
        with self._database.writing() as session:
            sent = [
                message
                for message, delivery in outcomes
                if delivery.outcome is DeliveryOutcome.SENT and self._end_letter(session, message, delivery, now) is not None
            ]
            self._settle_letters(session, sent, LetterResult.SENT, "", now)
            self._drop_overtaken_tasks(session, sent)
            mark_addresses_reachable(session, sent)
            for message, delivery in outcomes:
                if delivery.outcome is DeliveryOutcome.DEFERRED:
                    self._defer_letter(session, message, delivery, now)
                elif delivery.outcome is not DeliveryOutcome.SENT:
                    self._record_failure(session, message, delivery, now)
        return [None] * len(outcomes)

    def _record_failure(self, session: Session, message: int, delivery: DeliveryResult, now: datetime) -> None:
        """A letter that did not go, or may not have gone, is a person's task."""
        account_id = self._end_letter(session, message, delivery, now)
        if account_id is None:
            return
        self._settle_letters(session, [message], LetterResult(delivery.outcome.value), _format_reply(delivery), now)
        customer = self._loader.load_recipients(session, {account_id})[account_id]
        self.upsert_letter_task(session, customer, _TASK_KINDS[delivery.outcome], message, now)
        if delivery.address_refused:
            mark_address_undeliverable(session, message, now)

    def _end_letter(self, session: Session, message: int, delivery: DeliveryResult, now: datetime) -> str | None:
        """Return the letter's account; None for a letter that is not this process's to end any more."""
        sent, answer = delivery.outcome is DeliveryOutcome.SENT, _format_reply(delivery)
        ended = session.connection().execute(
            _END_LETTER,
            {
                "message": message,
                "sender": self._owner,
                "outcome": delivery.outcome.value,
                "answer": answer,
                "went_at": now if sent else None,
                "now": now,
                "why": "" if sent else answer,
            },
        )
        return ended.scalar_one_or_none()

    def _settle_letters(self, session: Session, messages: Sequence[int], result: LetterResult, reason: str, now: datetime) -> None:
        """End the requests that the letters answer, and the tasks that asked what had become of them."""
        if messages:
            self._end_requests(session, messages, result, reason, now)
            keys = [f"{TaskKind.UNKNOWN_LETTER}:{message}" for message in messages]
            session.connection().execute(_DROP_TASKS, {"keys": keys, "result": result.value})

    def _drop_overtaken_tasks(self, session: Session, sent: Sequence[int]) -> None:
        """What a refused letter was to say has arrived with a later one, which tells the account's whole position."""
        if sent:
            session.connection().execute(_DROP_OVERTAKEN_TASKS, {"messages": list(sent)})

    def _end_requests(self, session: Session, messages: Sequence[int], result: LetterResult, reason: str, now: datetime) -> None:
        statement = _END_REQUESTS_OF_SENT if result is LetterResult.SENT else _END_REQUESTS
        session.connection().execute(statement, {"messages": list(messages), "result": result.value, "why": reason, "now": now})

    def _defer_letter(self, session: Session, message: int, delivery: DeliveryResult, now: datetime) -> None:
        attempts = session.scalars(select(col(Message.attempts)).where(col(Message.id) == message)).one()
        if attempts >= MAX_ATTEMPTS:
            self._record_failure(session, message, DeliveryResult(DeliveryOutcome.REFUSED, delivery.reply_code, delivery.reply_text), now)
            return
        rest = self._backoff[min(attempts, len(self._backoff)) - 1]
        session.execute(
            update(Message)
            .where(col(Message.id) == message, col(Message.owner) == self._owner, col(Message.state) == MessageState.TRANSMITTING)
            .values(
                state=MessageState.INTENDED,
                reply=_format_reply(delivery),
                next_attempt_at=datetime.now(UTC) + rest,
                transmitting_since=None,
            )
        )

    def mark_abandoned_letters(self, now: datetime, on_the_wire: Collection[int] = ()) -> int:
        """Letters that a process died over, or this one lost sight of: nobody knows whether they went. How many.

        `now` is business time; `on_the_wire` are the letters that this process is sending. They may change meanwhile: a letter is among
        them from before it is begun until its end is written, and so they are looked at after the letters that were begun.
        """
        others = and_(col(Message.owner) != self._owner, col(Message.transmitting_since) <= datetime.now(UTC) - self._presumed_dead)
        mine = select(col(Message.id)).where(col(Message.state) == MessageState.TRANSMITTING, col(Message.owner) == self._owner)
        with self._database.writing() as session:
            begun = session.scalars(mine.with_for_update()).all()
            forgotten = col(Message.id).in_([message for message in begun if message not in on_the_wire])
            orphans = session.execute(
                update(Message)
                .where(col(Message.state) == MessageState.TRANSMITTING, or_(others, forgotten))
                .values(
                    state=MessageState.UNKNOWN,
                    reply="the sending process ended before the mail server's answer was written",
                    ended_at=now,
                    reason=PROCESS_DIED,
                    told=_UNNOTIFIED_IF_CASE,
                )
                .returning(col(Message.id), col(Message.account_id))
            ).all()
            customers = self._loader.load_recipients(session, {account for _, account in orphans})
            for message, account in orphans:
                self._end_requests(session, [message], LetterResult.UNKNOWN, PROCESS_DIED, now)
                self.upsert_letter_task(session, customers[account], TaskKind.UNKNOWN_LETTER, message, now)
            return len(orphans)

    def upsert_letter_task(self, session: Session, customer: LetterRecipient, kind: TaskKind, message: int, now: datetime) -> None:
        """A letter that a person had sent again, and that fails again, is that person's task again."""
        task = Task(
            key=f"{kind}:{message}",
            kind=kind,
            account_id=customer.account_id,
            assignee=customer.collector,
            due_on=now.astimezone(customer.zone).date(),
            message_id=message,
        )
        new = self._database.build_insert(Task).values(task.model_dump(exclude={"id"}))
        again = {name: new.excluded[name] for name in ("state", "outcome", "closed_by", "assignee", "due_on")}
        session.execute(new.on_conflict_do_update(index_elements=["key"], set_=again))

    def drop_letter_task(self, session: Session, kind: TaskKind, message: int) -> None:
        """Drop the open task of a kind about a letter, where there is one: what it asked for is done, or is not needed any more."""
        session.connection().execute(_DROP_TASKS, {"keys": [f"{kind}:{message}"], "result": ""})


def _format_reply(delivery: DeliveryResult) -> str:
    return " ".join(str(part) for part in (delivery.reply_code, delivery.reply_text) if part)
