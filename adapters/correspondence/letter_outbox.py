"""The letter outbox: selects the letters that are due, and marks them as transmitting with their content of that moment. It sends nothing:
`activities/letter_sending.py` does.

A letter is intended before anything is sent, marked as transmitting in the transaction that last looked at its invoices, and has its
outcome written as soon as the mail server answered. What a dead process had begun to transmit is unknown: a person decides.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import Session, col

from adapters.correspondence.attached_invoices import COPIES_DETAIL
from adapters.correspondence.delivery_outcomes import BACKOFF, PRESUMED_DEAD, LetterOutcomeRecorder
from adapters.correspondence.letter_brakes import load_brakes
from adapters.correspondence.letter_claims import LetterClaims
from adapters.correspondence.letter_loader import LetterContent, LetterLoader
from adapters.correspondence.letter_selection import ABANDONED_LETTERS, LetterSelection
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import ContactRequest, Message, MessageLine
from adapters.mail.smtp_client import DeliveryResult
from domain.case.case_view import TaskKind
from domain.correspondence.written_letters import WRITTEN_LETTERS

PATIENCE = timedelta(hours=1)
"""How long a letter waits, in business time, for an invoice that is due to join it and has not asked yet."""

PATIENCE_PLAYED_FAST = timedelta(days=1)
"""The same where the hour of the day is noise."""


class OutgoingLetter(NamedTuple):
    """A letter that is marked as transmitting: it must be sent now."""

    message: int
    content: bytes
    sender: str
    recipient: str


class PreparedLetter(NamedTuple):
    """A letter as it was read for a date of its customer's. `message` is its MIME text when it can go now; `postponed_until` when it can go
    only later."""

    content: LetterContent
    written_for: date
    postponed_until: datetime | None
    message: bytes | None


# Statements for every letter are built once, on the tables themselves, as in delivery_outcomes.

_MESSAGES, _LINES = Message.__table__, MessageLine.__table__  # type: ignore[attr-defined]

_MARK_TRANSMITTING = (
    update(_MESSAGES)
    .where(_MESSAGES.c.id == bindparam("which_letter"))
    .values(
        state=MessageState.TRANSMITTING,
        owner=bindparam("sender"),
        transmitting_since=bindparam("since"),
        attempts=_MESSAGES.c.attempts + 1,
        content=bindparam("mail"),
        sha256=bindparam("digest"),
        recipient=bindparam("address"),
        subject=bindparam("title"),
        letter=bindparam("template"),
        in_reply_to=bindparam("thread"),
        asked_for=bindparam("demand"),
        credit=bindparam("taken_off"),
    )
)
_LOCK_INTENDED_LETTERS = (
    select(_MESSAGES.c.id)
    .where(_MESSAGES.c.id.in_(bindparam("messages", expanding=True)), _MESSAGES.c.state == MessageState.INTENDED)
    .order_by(_MESSAGES.c.id)
    .with_for_update()
)
_DELETE_LINES = delete(_LINES).where(_LINES.c.message_id == bindparam("which_letter"))
_INSERT_LINES = insert(_LINES)


class LetterOutbox:
    """Claims the requests that are due, and begins the transmission of letters."""

    def __init__(
        self,
        database: Database,
        loader: LetterLoader,
        owner: str,
        presumed_dead: timedelta = PRESUMED_DEAD,
        backoff: Sequence[timedelta] = BACKOFF,
        patience: timedelta = PATIENCE,
    ) -> None:
        """`owner` names this process; `presumed_dead` and `backoff` are real time, `patience` is business time."""
        self._database, self._loader, self._owner = database, loader, owner
        self._outcomes = LetterOutcomeRecorder(database, loader, owner, presumed_dead, backoff)
        self._claims = LetterClaims(database, loader, patience)
        self._selection = LetterSelection(database, self._claims)

    def claim_due_letters(self, now: datetime, limit: int) -> list[int]:
        """Claim the requests that go now (`LetterClaims`); the letters to send now, by number. `now` is business time."""
        return self._selection.claim_due_letters(now, limit)

    def set_letter_aside(self, message: int, error: Exception) -> None:
        """Set a letter aside that cannot be written for now; it is tried again."""
        self._selection.set_letter_aside(message, error)

    def find_next_slot(self, now: datetime) -> datetime | None:
        """Find the first slot after a business time at which something that waits may go; None when nothing waits."""
        return self._selection.find_next_slot(now)

    def list_letters_with_copies(self, messages: Collection[int]) -> list[int]:
        """Those of the letters with which printed invoices go along: to compose one asks a billing system for them."""
        is_written = (col(Message.id).in_(messages), col(Message.letter).in_(WRITTEN_LETTERS))
        with self._database.reading() as session:
            written = session.execute(select(col(Message.id), col(Message.details)).where(*is_written)).all()
        return [number or 0 for number, details in written if details.get(COPIES_DETAIL)]

    def begin_transmission(
        self, messages: Sequence[int], now: datetime, prepared: Mapping[int, PreparedLetter] | None = None
    ) -> list[OutgoingLetter | None]:
        """Mark letters as transmitting, each with the content that is right at this moment: between the reading of its invoices and the
        mark nothing can have changed. None for a letter that has nothing left to say, comes too early, is held back, or is another
        process's.

        `prepared` has letters that were prepared shortly before; what has changed since, or is not among them, is read now. Raises what
        composing a letter raises; then none is marked.
        """
        begun: dict[int, OutgoingLetter] = {}
        ready = {number: letter for number, letter in (prepared or {}).items() if number in messages and self._is_current(letter, now)}
        started, remaining = self._begin_unchanged_letters(ready, now) if ready else ([], [])
        remaining += [number for number in messages if number not in ready]
        while True:
            begun.update((letter.message, letter) for letter in started)
            if not remaining:
                return [begun.get(number) for number in messages]
            started, remaining = self._begin_unchanged_letters(self.prepare_letters(remaining, now), now)

    def _is_current(self, letter: PreparedLetter, now: datetime) -> bool:
        """Whether the letter has the date of `now`, and can go now exactly if it could when it was prepared."""
        content = letter.content
        is_same_date = letter.written_for == now.astimezone(content.customer.zone).date()
        return is_same_date and (self._find_later_time(content, now) is None) == (letter.postponed_until is None)

    def prepare_letters(self, messages: Collection[int], now: datetime) -> dict[int, PreparedLetter]:
        """Read and compose letters, before the transaction that marks them: it must be short."""
        with self._database.reading() as session:
            drafts = self._loader.load_drafts(session, messages)
        prepared: dict[int, PreparedLetter] = {}
        for number, content in self._loader.build_letters(drafts, now).items():
            postponed_until = self._find_later_time(content, now)
            is_due = content.is_sendable and postponed_until is None
            message = self._loader.compose(content, now) if is_due else None
            prepared[number] = PreparedLetter(content, now.astimezone(content.customer.zone).date(), postponed_until, message)
        return prepared

    def _begin_unchanged_letters(self, prepared: Mapping[int, PreparedLetter], now: datetime) -> tuple[list[OutgoingLetter], list[int]]:
        """Begin the letters whose invoices are still as they were read; return these, and the numbers of those that must be read again."""
        begun: list[OutgoingLetter] = []
        changed: list[int] = []
        with self._database.writing() as session:
            intended = self._lock_intended_letters(session, prepared)
            held = load_brakes(session, now.date()).find_held_letters(session, intended)
            intended = [number for number in intended if number not in held]
            version_stamps = self._loader.load_version_stamps(session, [prepared[number].content for number in intended])
            for number in intended:
                if version_stamps[number] != prepared[number].content.marks:
                    changed.append(number)
                    continue
                outgoing = self._begin_letter(session, prepared[number], now)
                if outgoing is not None:
                    begun.append(outgoing)
        return begun, changed

    def _begin_letter(self, session: Session, letter: PreparedLetter, now: datetime) -> OutgoingLetter | None:
        """Mark a letter as transmitting; one that has nothing left to say is void, one that comes at the wrong hour is postponed."""
        content = letter.content
        self._drop_requests(session, content, now)
        if letter.postponed_until is not None:
            self._postpone_letter(session, content, letter.postponed_until, now)
            return None
        for kind in (TaskKind.UNAPPLIED_CREDIT, TaskKind.NO_ADDRESS):
            self._outcomes.drop_letter_task(session, kind, content.message)
        if letter.message is None:
            self._void_letter(session, content, now)
            return None
        self._mark_transmitting(session, content, letter.message)
        return OutgoingLetter(content.message, letter.message, self._loader.sender, content.customer.email)

    def _find_later_time(self, content: LetterContent, now: datetime) -> datetime | None:
        """When a letter can go that cannot now: at the next opening; or perhaps tomorrow, to a customer without an address, or whose credit
        covers all that it would ask for. Tomorrow begins at midnight UTC: a day from now would be a little later every day."""
        if not content.is_sendable:
            return None
        if not content.customer.email or content.is_covered:
            return datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        return self._claims.find_next_contact_time(content.customer, content.opens, content.closes, now)

    def _postpone_letter(self, session: Session, content: LetterContent, until: datetime, now: datetime) -> None:
        session.execute(update(Message).where(col(Message.id) == content.message).values(slot=until))
        if not content.customer.email:
            self._outcomes.upsert_letter_task(session, content.customer, TaskKind.NO_ADDRESS, content.message, now)
        elif content.is_covered:
            self._outcomes.upsert_letter_task(session, content.customer, TaskKind.UNAPPLIED_CREDIT, content.message, now)

    def _void_letter(self, session: Session, content: LetterContent, now: datetime) -> None:
        """Nothing is sent. The case that asked for it, if one did, is told why."""
        ending = {"ended_at": now, "reason": content.dropped_for.value} if content.dropped_for else {}
        session.execute(update(Message).where(col(Message.id) == content.message).values(state=MessageState.VOID, **ending))

    def _lock_intended_letters(self, session: Session, messages: Collection[int]) -> list[int]:
        """Locked, so that nothing joins a letter while it begins."""
        return list(session.scalars(_LOCK_INTENDED_LETTERS, {"messages": list(messages)}))

    def _drop_requests(self, session: Session, content: LetterContent, now: datetime) -> None:
        for request, reason in content.dropped:
            session.execute(
                update(ContactRequest)
                .where(col(ContactRequest.id) == request)
                .values(state=ContactRequestState.DROPPED, reason=reason.value, ended_at=now, told=False)
            )

    def _mark_transmitting(self, session: Session, content: LetterContent, message: bytes) -> None:
        connection = session.connection()
        connection.execute(
            _MARK_TRANSMITTING,
            {
                "which_letter": content.message,
                "sender": self._owner,
                "since": datetime.now(UTC),
                "mail": message,
                "digest": sha256(message).hexdigest(),
                "address": content.customer.email,
                "title": content.subject,
                "template": content.letter,
                "thread": content.in_reply_to,
                "demand": content.asked_for,
                "taken_off": content.credit,
            },
        )
        if content.attempts:
            connection.execute(_DELETE_LINES, {"which_letter": content.message})
        if content.lines:
            connection.execute(_INSERT_LINES, [{"message_id": content.message, **line} for line in content.lines])

    def refuse_unwritable_letter(self, message: int, reason: str, now: datetime) -> None:
        """Refuse a letter that cannot be written, before it is sent."""
        self._outcomes.refuse_unwritable_letter(message, reason, now)

    def record_outcomes(self, outcomes: Sequence[tuple[int, DeliveryResult]], now: datetime) -> list[None]:
        """Write what became of letters that this process sent. `now` is business time."""
        return self._outcomes.record_outcomes(outcomes, now)

    def mark_abandoned_letters(self, now: datetime, on_the_wire: Collection[int] = ()) -> int:
        """Mark as unknown the letters that a process died over; how many. `on_the_wire`: the letters that this process is sending."""
        return self._outcomes.mark_abandoned_letters(now, on_the_wire)

    def look_for_abandoned_letters(self, now: datetime, on_the_wire: Collection[int] = ()) -> None:
        """Mark them, and let the letters go that can, where that fails."""
        self._selection.try_alone(ABANDONED_LETTERS, lambda: self.mark_abandoned_letters(now, on_the_wire))
