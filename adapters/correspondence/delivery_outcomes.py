"""What became of letters: the mail server's answers, and the silence of processes that died over them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, not_, or_, select, update
from sqlalchemy import case as either
from sqlmodel import Session, col

from adapters.correspondence.letter_loader import LetterLoader, LetterRecipient
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState, TaskState
from adapters.database.tables import ContactRequest, Message, Task
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.case.case_view import TaskKind
from domain.correspondence.letter_outcome import LetterResult

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

_UNNOTIFIED_IF_CASE = either((col(Message.case_id).is_not(None), False), else_=None)
"""A case hears of every end of its letters."""


class LetterOutcomeRecorder:
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
            for message, delivery in outcomes:
                if delivery.outcome is DeliveryOutcome.DEFERRED:
                    self._defer_letter(session, message, delivery, now)
                else:
                    self._record_outcome(session, message, delivery, now)
        return [None] * len(outcomes)

    def _record_outcome(self, session: Session, message: int, delivery: DeliveryResult, now: datetime) -> None:
        sent = delivery.outcome is DeliveryOutcome.SENT
        ended = session.execute(
            update(Message)
            .where(
                col(Message.id) == message,
                col(Message.owner) == self._owner,
                or_(
                    col(Message.state) == MessageState.TRANSMITTING,
                    and_(col(Message.state) == MessageState.UNKNOWN, col(Message.decided_by).is_(None)),
                ),
            )
            .values(
                state=delivery.outcome.value,
                reply=_format_reply(delivery),
                sent_at=now if sent else None,
                transmitting_since=None,
                ended_at=now,
                reason="" if sent else _format_reply(delivery),
                told=_UNNOTIFIED_IF_CASE,
            )
            .returning(col(Message.account_id))
        ).first()
        if ended is None:
            return
        self._end_requests(session, [message], LetterResult(delivery.outcome.value), _format_reply(delivery), now)
        session.execute(
            update(Task)
            .where(col(Task.key) == f"{TaskKind.UNKNOWN_LETTER}:{message}", col(Task.state) == TaskState.OPEN)
            .values(state=TaskState.DROPPED, outcome=delivery.outcome.value)
        )
        if not sent:
            customer = self._loader.load_recipients(session, {ended[0]})[ended[0]]
            self._upsert_task(session, customer, _TASK_KINDS[delivery.outcome], message, now)

    def _end_requests(self, session: Session, messages: Sequence[int], fate: LetterResult, reason: str, now: datetime) -> None:
        """A letter that went needs no word to its invoices, unless one waits for it."""
        told = not_(col(ContactRequest.awaited)) if fate is LetterResult.SENT else False
        session.execute(
            update(ContactRequest)
            .where(col(ContactRequest.message_id).in_(messages), col(ContactRequest.state).in_(_UNDECIDED_STATES))
            .values(state=fate.value, reason="" if fate is LetterResult.SENT else reason, ended_at=now, told=told)
        )

    def _defer_letter(self, session: Session, message: int, delivery: DeliveryResult, now: datetime) -> None:
        attempts = session.scalars(select(col(Message.attempts)).where(col(Message.id) == message)).one()
        if attempts >= MAX_ATTEMPTS:
            self._record_outcome(session, message, DeliveryResult(DeliveryOutcome.REFUSED, delivery.reply_code, delivery.reply_text), now)
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
                self._upsert_task(session, customers[account], TaskKind.UNKNOWN_LETTER, message, now)
            return len(orphans)

    def _upsert_task(self, session: Session, customer: LetterRecipient, kind: TaskKind, message: int, now: datetime) -> None:
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


def _format_reply(delivery: DeliveryResult) -> str:
    return " ".join(str(part) for part in (delivery.reply_code, delivery.reply_text) if part)
