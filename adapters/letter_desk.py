"""The letter desk: which letters are due, what they say at the moment they go, and what became of them.

A letter is intended before anything is sent, marked as transmitting in the transaction that last looked at its invoices, and has its
outcome written as soon as the mail server answered. What a dead process had begun to transmit is unknown: a person decides.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, not_, or_, select, update
from sqlmodel import Session, col

from adapters.calendars import first_business_day
from adapters.database import Database
from adapters.letter_reading import Customer, LetterReading, Reading
from adapters.mail import derived_message_id
from adapters.smtp import Delivery, Outcome
from adapters.tables import Case, ContactRequest, Message, MessageLine, Task
from domain import ids
from domain.record import DropReason, LetterFate

BACKOFF = (timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
"""How long a deferred letter rests before the next attempt, in real time; the last one repeats."""

PRESUMED_DEAD = timedelta(seconds=90)
"""A letter that another process has been transmitting for longer, in real time, may or may not have gone."""

PATIENCE = timedelta(hours=1)
"""How long a letter waits, in business time, for an invoice that is due to join it and has not asked yet."""

PATIENCE_PLAYED_FAST = timedelta(days=1)
"""The same where the hour of the day is noise."""

Group = tuple[str, str, str]
"""Account, language, currency: what a letter is one of."""


class Sendable(NamedTuple):
    """A letter that is marked as transmitting: it must be sent now."""

    message: int
    content: bytes
    sender: str
    recipient: str


class LetterDesk:
    def __init__(
        self,
        database: Database,
        reading: LetterReading,
        owner: str,
        presumed_dead: timedelta = PRESUMED_DEAD,
        backoff: Sequence[timedelta] = BACKOFF,
        patience: timedelta = PATIENCE,
    ) -> None:
        """`owner` names this process; `presumed_dead` and `backoff` are real time, `patience` is business time."""
        self._patience = patience
        self._database, self._reading = database, reading
        self._owner, self._presumed_dead, self._backoff = owner, presumed_dead, backoff

    def intend(self, now: datetime, limit: int) -> list[int]:
        """Claim the requests whose slot has come, one letter per account, language and currency; the letters to send now.

        `now` is business time. A request that comes too soon after the account's last letter is put off to a later business day.
        A letter that was intended before and has not gone takes the new requests with it.
        """
        with self._database.writing() as session:
            requests = self._due_requests(session, now, limit)
            customers = self._reading.customers(session, {request.account_id for request in requests})
            currencies = self._reading.currencies(session, [request.invoice_id for request in requests])
            groups: dict[Group, list[ContactRequest]] = defaultdict(list)
            for request in requests:
                customer = customers[request.account_id]
                groups[request.account_id, customer.language, currencies[request.invoice_id]].append(request)
            earlier = self._latest_letters(session, set(customers))
            for key, group in groups.items():
                self._intend_one(session, customers[key[0]], key, group, earlier.get(key), now)
            session.flush()
            return self._to_send(session, limit)

    def _latest_letters(self, session: Session, accounts: Collection[str]) -> dict[Group, Message]:
        """Per account, language and currency the letter that has not gone yet, or else the last one."""
        group = (col(Message.account_id), col(Message.language), col(Message.currency))
        mine = (col(Message.account_id).in_(accounts), col(Message.state) != "void")
        latest = select(func.max(col(Message.id))).where(*mine).group_by(*group)
        statement = select(Message).where(*mine, or_(col(Message.id).in_(latest), col(Message.state) == "intended"))
        letters = sorted(session.scalars(statement), key=lambda letter: (letter.state == "intended", letter.id))
        return {(letter.account_id, letter.language, letter.currency): letter for letter in letters}

    def _due_requests(self, session: Session, now: datetime, limit: int) -> list[ContactRequest]:
        """All due requests of the accounts that come first, so that no account's letter is torn apart."""
        due = (col(ContactRequest.state) == "pending", col(ContactRequest.slot) <= now)
        first_slot = func.min(col(ContactRequest.slot))
        statement = select(col(ContactRequest.account_id), first_slot).where(*due).group_by(col(ContactRequest.account_id))
        slots = {account: slot for account, slot in session.execute(statement.order_by(first_slot))}
        expecting = self._expecting_more(session, [account for account, slot in slots.items() if slot + self._patience > now], now)
        ready = [account for account in slots if account not in expecting][:limit]
        if not ready:
            return []
        mine = select(ContactRequest).where(*due, col(ContactRequest.account_id).in_(ready)).order_by(col(ContactRequest.id))
        return list(session.scalars(mine.with_for_update(skip_locked=True)))

    def _expecting_more(self, session: Session, accounts: Collection[str], now: datetime) -> set[str]:
        """Accounts of which another invoice is due to ask for contact and has not yet: one letter shall carry them all."""
        asked = select(col(ContactRequest.invoice_id)).where(col(ContactRequest.state).in_(("pending", "claimed")))
        late = select(col(Case.account_id)).where(
            col(Case.account_id).in_(accounts), col(Case.outcome).is_(None), col(Case.next_on) <= now.date(),
            col(Case.invoice_id).not_in(asked),
        )  # fmt: skip
        return set(session.scalars(late))

    def _intend_one(
        self, session: Session, customer: Customer, key: Group, requests: list[ContactRequest], earlier: Message | None, now: datetime
    ) -> None:
        today = now.astimezone(customer.zone).date()
        letter = earlier
        if letter is None or letter.state != "intended":
            if letter and self._put_off(letter, customer, requests, today):
                return
            letter = self._new_letter(session, key, today, max(request.slot for request in requests))
        for request in requests:
            request.state, request.message_id = "claimed", letter.id

    def _put_off(self, last: Message, customer: Customer, group: list[ContactRequest], today: date) -> bool:
        """Not so soon after the last letter: the requests move to the first business day on which the policy allows the next one."""
        last_day = (last.sent_at or last.slot).astimezone(customer.zone).date()
        allowed = first_business_day(customer.country, last_day + timedelta(days=max(request.days_between_letters for request in group)))
        if allowed <= today:
            return False
        for request in group:
            opens = datetime.strptime(request.opens, "%H:%M").time()  # noqa: DTZ007 - the zone is given below
            request.slot = datetime.combine(allowed, opens, customer.zone).astimezone(UTC)
        return True

    def _new_letter(self, session: Session, key: Group, today: date, slot: datetime) -> Message:
        """A letter of the same day that came to nothing is taken up again."""
        account, language, currency = key
        name = ids.letter_key(account, language, currency, today)
        letter = session.scalars(select(Message).where(col(Message.key) == name, col(Message.state) == "void")).first()
        if letter is None:
            message_id = derived_message_id(name, self._reading.reply_domain)
            letter = Message(key=name, account_id=account, language=language, currency=currency, slot=slot, message_id=message_id)
            session.add(letter)
        letter.state = "intended"
        session.flush()
        return letter

    def _to_send(self, session: Session, limit: int) -> list[int]:
        rested = or_(col(Message.next_attempt_at).is_(None), col(Message.next_attempt_at) <= datetime.now(UTC))
        statement = select(col(Message.id)).where(col(Message.state) == "intended", rested).order_by(col(Message.id)).limit(limit)
        return [number for number in session.scalars(statement) if number is not None]

    def begin(self, messages: Sequence[int], now: datetime) -> list[Sendable | None]:
        """Mark letters as transmitting, each with the content that is right at this moment. Between the look at its invoices and the
        mark nothing can have changed. None for a letter in which nothing stands any more, or which another process has.

        Raises ValueError for a letter that cannot be written; then none is marked.
        """
        begun: dict[int, Sendable] = {}
        left = list(messages)
        while left:
            with self._database.reading() as session:
                readings = self._reading.read(session, left, now)
            written = {number: self._reading.compose(reading, now) for number, reading in readings.items() if reading.standing}
            left = []
            with self._database.writing() as session:
                marks = self._reading.marks(session, list(readings))
                for number, reading in readings.items():
                    if marks[number] != reading.marks:
                        left.append(number)
                        continue
                    self._drop(session, reading, now)
                    if not reading.standing:
                        session.execute(update(Message).where(col(Message.id) == number).values(state="void"))
                    elif self._mark_transmitting(session, reading, written[number]):
                        begun[number] = Sendable(number, written[number], self._reading.sender, reading.customer.email)
        return [begun.get(number) for number in messages]

    def _drop(self, session: Session, reading: Reading, now: datetime) -> None:
        for request, reason in reading.dropped:
            session.execute(
                update(ContactRequest)
                .where(col(ContactRequest.id) == request)
                .values(state=LetterFate.DROPPED.value, reason=reason.value, ended_at=now, told=False)
            )
            if reason is DropReason.NO_ADDRESS:
                self._task(session, reading.customer, "no_address", reading.message, now)

    def _mark_transmitting(self, session: Session, reading: Reading, content: bytes) -> bool:
        marked = session.execute(
            update(Message)
            .where(col(Message.id) == reading.message, col(Message.state) == "intended")
            .values(
                state="transmitting", owner=self._owner, transmitting_since=datetime.now(UTC), attempts=col(Message.attempts) + 1,
                content=content, recipient=reading.customer.email, subject=reading.subject, letter=reading.letter,
                in_reply_to=reading.in_reply_to,
            )
            .returning(col(Message.id))
        ).first()  # fmt: skip
        if marked is None:
            return False
        session.execute(delete(MessageLine).where(col(MessageLine.message_id) == reading.message))
        session.execute(insert(MessageLine), [{"message_id": reading.message, **line} for line in reading.lines])
        return True

    def spoil(self, message: int, reason: str, now: datetime) -> None:
        """A letter that cannot be written is refused before it is sent: a person looks at it."""
        with self._database.writing() as session:
            session.execute(
                update(Message).where(col(Message.id) == message, col(Message.state) == "intended").values(state="transmitting")
            )
        self.end([(message, Delivery(Outcome.REFUSED, None, reason))], now)

    def end(self, outcomes: Sequence[tuple[int, Delivery]], now: datetime) -> list[None]:
        """Write what became of letters. `now` is business time. An owner that was presumed dead may still say how one ended."""
        with self._database.writing() as session:
            for message, delivery in outcomes:
                if delivery.outcome is Outcome.DEFERRED:
                    self._defer(session, message, delivery)
                else:
                    self._end_one(session, message, delivery, now)
        return [None] * len(outcomes)

    def _end_one(self, session: Session, message: int, delivery: Delivery, now: datetime) -> None:
        sent = delivery.outcome is Outcome.SENT
        ended = session.execute(
            update(Message)
            .where(col(Message.id) == message, col(Message.state).in_(("transmitting", "unknown")), col(Message.decided_by).is_(None))
            .values(state=delivery.outcome.value, reply=_told(delivery), sent_at=now if sent else None, transmitting_since=None)
            .returning(col(Message.account_id))
        ).first()
        if ended is None:
            return
        self._end_requests(session, [message], LetterFate(delivery.outcome.value), _told(delivery), now)
        if not sent:
            customer = self._reading.customers(session, {ended[0]})[ended[0]]
            self._task(session, customer, f"{delivery.outcome}_letter", message, now)

    def _end_requests(self, session: Session, messages: Sequence[int], fate: LetterFate, reason: str, now: datetime) -> None:
        """A letter that went needs no word to its invoices, unless one waits for it."""
        told = not_(col(ContactRequest.awaited)) if fate is LetterFate.SENT else False
        session.execute(
            update(ContactRequest)
            .where(col(ContactRequest.message_id).in_(messages), col(ContactRequest.state).in_(("claimed", "unknown")))
            .values(state=fate.value, reason="" if fate is LetterFate.SENT else reason, ended_at=now, told=told)
        )

    def _defer(self, session: Session, message: int, delivery: Delivery) -> None:
        attempts = session.scalars(select(col(Message.attempts)).where(col(Message.id) == message)).one()
        rest = self._backoff[min(attempts, len(self._backoff)) - 1]
        session.execute(
            update(Message)
            .where(col(Message.id) == message, col(Message.state) == "transmitting")
            .values(state="intended", reply=_told(delivery), next_attempt_at=datetime.now(UTC) + rest, transmitting_since=None)
        )

    def settle_the_dead(self, now: datetime) -> int:
        """Letters that a process died over: nobody knows whether they went. How many. `now` is business time."""
        with self._database.writing() as session:
            orphans = session.execute(
                update(Message)
                .where(
                    col(Message.state) == "transmitting",
                    col(Message.owner) != self._owner,
                    col(Message.transmitting_since) <= datetime.now(UTC) - self._presumed_dead,
                )
                .values(state="unknown", reply="the sending process ended before the mail server's answer was written")
                .returning(col(Message.id), col(Message.account_id))
            ).all()
            customers = self._reading.customers(session, {account for _, account in orphans})
            for message, account in orphans:
                self._end_requests(session, [message], LetterFate.UNKNOWN, "process_died", now)
                self._task(session, customers[account], "unknown_letter", message, now)
            return len(orphans)

    def _task(self, session: Session, customer: Customer, kind: str, message: int, now: datetime) -> None:
        task = Task(
            key=f"{kind}:{message}", kind=kind, account_id=customer.account_id, assignee=customer.collector,
            due_on=now.astimezone(customer.zone).date(), message_id=message,
        )  # fmt: skip
        session.execute(self._database.insert_new(Task), [task.model_dump(exclude={"id"})])


def _told(delivery: Delivery) -> str:
    return " ".join(str(part) for part in (delivery.reply_code, delivery.reply_text) if part)
