"""The letter outbox: selects the letters that are due, and marks them as transmitting with their content of that moment. It sends nothing:
`activities/letter_sending.py` does.

A letter is intended before anything is sent, marked as transmitting in the transaction that last looked at its invoices, and has its
outcome written as soon as the mail server answered. What a dead process had begun to transmit is unknown: a person decides.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlmodel import Session, col

from adapters.correspondence.business_days import find_first_business_day, get_business_day_check
from adapters.correspondence.contact_requests import UNDER_WAY_STATES
from adapters.correspondence.delivery_outcomes import BACKOFF, PRESUMED_DEAD, LetterOutcomeRecorder
from adapters.correspondence.letter_loader import LetterContent, LetterLoader, LetterRecipient
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import Case, ContactRequest, Message, MessageLine
from adapters.mail.message_builder import derive_message_id
from adapters.mail.smtp_client import DeliveryResult
from domain import identifiers as ids
from domain.case.case_view import TaskKind
from domain.correspondence.contact_slots import find_first_slot, is_contact_allowed
from domain.identifiers import CaseKind
from domain.policy.collection_policy import ContactHours

ACCOUNTS_PER_LETTER = 20
"""Times the letters of a batch: how many accounts are looked at for those that can have theirs now."""

PATIENCE = timedelta(hours=1)
"""How long a letter waits, in business time, for an invoice that is due to join it and has not asked yet."""

PATIENCE_PLAYED_FAST = timedelta(days=1)
"""The same where the hour of the day is noise."""

LetterGroup = tuple[str, str, str]
"""Account, language, currency: what a letter is one of."""


class OutgoingLetter(NamedTuple):
    """A letter that is marked as transmitting: it must be sent now."""

    message: int
    content: bytes
    sender: str
    recipient: str


class _PreparedLetter(NamedTuple):
    """A letter as it was read. `message` is its MIME text when it can go now; `postponed_until` when it can go only later."""

    content: LetterContent
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
        hours_matter: bool = True,
    ) -> None:
        """`owner` names this process; `presumed_dead` and `backoff` are real time, `patience` is business time. Where the hour of the day
        is noise, contact hours are not looked at."""
        self._database, self._loader, self._owner = database, loader, owner
        self._outcomes = LetterOutcomeRecorder(database, loader, owner, presumed_dead, backoff)
        self._patience, self._hours_matter = patience, hours_matter

    def claim_due_letters(self, now: datetime, limit: int) -> list[int]:
        """Claim the requests whose slot has come, one letter per account, language and currency; the letters to send now.

        `now` is business time. A request that comes too soon after the account's last letter is put off to a later business day.
        A letter that was intended before and has not gone takes the new requests with it.
        """
        with self._database.writing() as session:
            requests = self._load_due_requests(session, now, limit)
            customers = self._loader.load_recipients(session, {request.account_id for request in requests})
            currencies = self._loader.load_currencies(session, [request.invoice_id for request in requests])
            groups: dict[LetterGroup, list[ContactRequest]] = defaultdict(list)
            for request in requests:
                customer = customers[request.account_id]
                groups[request.account_id, customer.language, currencies[request.invoice_id]].append(request)
            earlier = self._load_latest_letters(session, set(customers))
            intended = {key: letter for key, letter in earlier.items() if key in groups and letter.state == MessageState.INTENDED}
            for key, letter in intended.items():
                _claim_requests(groups[key], letter, self._load_claimed_invoices(session, letter))
            ready = [
                key
                for key, group in groups.items()
                if key not in intended and not self._postpone_requests(customers[key[0]], group, earlier.get(key), now)
            ]
            days = {key: now.astimezone(customers[key[0]].zone).date() for key in ready}
            for key, letter in self._create_letters(session, days, now).items():
                _claim_requests(groups[key], letter, set())
            session.flush()
            return self._list_letters_to_send(session, now, limit)

    def _load_latest_letters(self, session: Session, accounts: Collection[str]) -> dict[LetterGroup, Message]:
        """Per account, language and currency the letter that has not gone yet, or else the last one that went. Letters of cases are apart:
        no request joins them, and none is put off by them."""
        when = func.coalesce(col(Message.sent_at), col(Message.slot))
        group = (col(Message.account_id), col(Message.language), col(Message.currency))
        place = func.row_number().over(partition_by=group, order_by=(when.desc(), col(Message.id).desc())).label("place")
        mine = (col(Message.account_id).in_(accounts), col(Message.case_id).is_(None), col(Message.state) != MessageState.VOID)
        latest = select(col(Message.id).label("id"), place).where(*mine).subquery()
        last = select(latest.c.id).where(latest.c.place == 1)
        statement = select(Message).where(*mine, or_(col(Message.id).in_(last), col(Message.state) == MessageState.INTENDED))
        letters = session.scalars(statement.order_by(col(Message.id)).with_for_update())
        ordered = sorted(letters, key=lambda letter: (letter.state == MessageState.INTENDED, letter.id))
        return {(letter.account_id, letter.language, letter.currency): letter for letter in ordered}

    def _load_due_requests(self, session: Session, now: datetime, limit: int) -> list[ContactRequest]:
        """All due requests of the accounts that come first, so that no account's letter is torn apart."""
        due = (col(ContactRequest.state) == ContactRequestState.PENDING, col(ContactRequest.slot) <= now)
        first_slot = func.min(col(ContactRequest.slot))
        statement = select(col(ContactRequest.account_id), first_slot).where(*due).group_by(col(ContactRequest.account_id))
        slots = dict(session.execute(statement.order_by(first_slot).limit(limit * ACCOUNTS_PER_LETTER)).all())
        expecting = self._find_accounts_expecting_more(
            session, [account for account, slot in slots.items() if slot + self._patience > now], now
        )
        ready = [account for account in slots if account not in expecting][:limit]
        if not ready:
            return []
        mine = select(ContactRequest).where(*due, col(ContactRequest.account_id).in_(ready)).order_by(col(ContactRequest.id))
        return list(session.scalars(mine.with_for_update(skip_locked=True)))

    def _find_accounts_expecting_more(self, session: Session, accounts: Collection[str], now: datetime) -> set[str]:
        """Accounts of which another invoice is due to ask for contact and has not yet: one letter shall carry them all."""
        requested = select(col(ContactRequest.invoice_id)).where(col(ContactRequest.state).in_(UNDER_WAY_STATES))
        late = select(col(Case.account_id)).where(
            col(Case.account_id).in_(accounts),
            col(Case.kind) == CaseKind.INVOICE,
            col(Case.outcome).is_(None),
            col(Case.next_on) <= now.date(),
            col(Case.invoice_id).not_in(requested),
        )
        return set(session.scalars(late))

    def _load_claimed_invoices(self, session: Session, letter: Message) -> set[str]:
        claimed = (col(ContactRequest.message_id) == letter.id, col(ContactRequest.state) == ContactRequestState.CLAIMED)
        return set(session.scalars(select(col(ContactRequest.invoice_id)).where(*claimed)))

    def _find_next_contact_time(self, customer: LetterRecipient, opens: str, closes: str, now: datetime) -> datetime | None:
        """None while the customer may be contacted; otherwise when it next may: what came late does not go out at night."""
        if not self._hours_matter:
            return None
        hours = ContactHours(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))
        is_business_day = get_business_day_check(customer.country)
        if is_contact_allowed(now, customer.zone, hours, is_business_day):
            return None
        return find_first_slot(now.astimezone(customer.zone).date(), now, customer.zone, hours, is_business_day)

    def _postpone_requests(self, customer: LetterRecipient, group: list[ContactRequest], last: Message | None, now: datetime) -> bool:
        """Postpone requests to the next contact hours, or, soon after the last letter, to the first business day on which the policy
        allows the next one. False where a letter may go now."""
        opening = self._find_next_contact_time(customer, group[0].opens, group[0].closes, now)
        if opening is not None:
            for request in group:
                request.slot = opening
            return True
        if last is None:
            return False
        last_day = (last.sent_at or last.slot).astimezone(customer.zone).date()
        allowed = find_first_business_day(
            customer.country, last_day + timedelta(days=max(request.days_between_letters for request in group))
        )
        if allowed <= now.astimezone(customer.zone).date():
            return False
        for request in group:
            request.slot = datetime.combine(allowed, time.fromisoformat(request.opens), customer.zone).astimezone(UTC)
        return True

    def _create_letters(self, session: Session, days: Mapping[LetterGroup, date], slot: datetime) -> dict[LetterGroup, Message]:
        """Create a letter for each group on its customer's day; one of the same day that came to nothing is taken up again."""
        names = {ids.letter_key(*group, day): group for group, day in days.items()}
        void = select(Message).where(col(Message.key).in_(names), col(Message.state) == MessageState.VOID)
        letters = {names[letter.key]: letter for letter in session.scalars(void)}
        for name, group in names.items():
            if group not in letters:
                account, language, currency = group
                message_id = derive_message_id(name, self._loader.reply_domain)
                letters[group] = Message(
                    key=name, account_id=account, language=language, currency=currency, slot=slot, message_id=message_id
                )
        for letter in letters.values():
            letter.state = MessageState.INTENDED
        session.add_all(letters.values())
        session.flush()  # numbers the new ones, all at once
        return letters

    def _list_letters_to_send(self, session: Session, now: datetime, limit: int) -> list[int]:
        rested = or_(col(Message.next_attempt_at).is_(None), col(Message.next_attempt_at) <= datetime.now(UTC))
        due = (col(Message.state) == MessageState.INTENDED, col(Message.slot) <= now, rested)
        statement = select(col(Message.id)).where(*due).order_by(col(Message.id)).limit(limit)
        return [number for number in session.scalars(statement) if number is not None]

    def begin_transmission(self, messages: Sequence[int], now: datetime) -> list[OutgoingLetter | None]:
        """Mark letters as transmitting, each with the content that is right at this moment: between the reading of its invoices and the
        mark nothing can have changed. None for a letter that has nothing left to say, comes too early, or is another process's.

        Raises what composing a letter raises; then none is marked.
        """
        begun: dict[int, OutgoingLetter] = {}
        remaining = list(messages)
        while remaining:
            started, remaining = self._begin_unchanged_letters(self._prepare_letters(remaining, now), now)
            begun.update((letter.message, letter) for letter in started)
        return [begun.get(number) for number in messages]

    def _prepare_letters(self, messages: Collection[int], now: datetime) -> dict[int, _PreparedLetter]:
        """Read and compose letters, before the transaction that marks them: it must be short."""
        with self._database.reading() as session:
            contents = self._loader.load_letters(session, messages, now)
        prepared: dict[int, _PreparedLetter] = {}
        for number, content in contents.items():
            postponed_until = self._find_later_time(content, now)
            is_due = content.is_sendable and postponed_until is None
            prepared[number] = _PreparedLetter(content, postponed_until, self._loader.compose(content, now) if is_due else None)
        return prepared

    def _begin_unchanged_letters(self, prepared: Mapping[int, _PreparedLetter], now: datetime) -> tuple[list[OutgoingLetter], list[int]]:
        """Begin the letters whose invoices are still as they were read; return these, and the numbers of those that must be read again."""
        begun: list[OutgoingLetter] = []
        changed: list[int] = []
        with self._database.writing() as session:
            intended = self._lock_intended_letters(session, prepared)
            version_stamps = self._loader.load_version_stamps(session, [prepared[number].content for number in intended])
            for number in intended:
                if version_stamps[number] != prepared[number].content.marks:
                    changed.append(number)
                    continue
                outgoing = self._begin_letter(session, prepared[number], now)
                if outgoing is not None:
                    begun.append(outgoing)
        return begun, changed

    def _begin_letter(self, session: Session, letter: _PreparedLetter, now: datetime) -> OutgoingLetter | None:
        """Mark a letter as transmitting; one that has nothing left to say is void, one that comes at the wrong hour is postponed."""
        content = letter.content
        self._drop_requests(session, content, now)
        if letter.postponed_until is not None:
            self._postpone_letter(session, content, letter.postponed_until, now)
            return None
        if letter.message is None:
            self._void_letter(session, content, now)
            return None
        self._mark_transmitting(session, content, letter.message)
        return OutgoingLetter(content.message, letter.message, self._loader.sender, content.customer.email)

    def _find_later_time(self, content: LetterContent, now: datetime) -> datetime | None:
        """When a letter can go that cannot now: at the next opening, or, to a customer without an address, perhaps tomorrow."""
        if not content.is_sendable:
            return None
        if not content.customer.email:
            return now + timedelta(days=1)
        return self._find_next_contact_time(content.customer, content.opens, content.closes, now)

    def _postpone_letter(self, session: Session, content: LetterContent, until: datetime, now: datetime) -> None:
        session.execute(update(Message).where(col(Message.id) == content.message).values(slot=until))
        if not content.customer.email:
            self._outcomes.upsert_letter_task(session, content.customer, TaskKind.NO_ADDRESS, content.message, now)

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


def _claim_requests(requests: Sequence[ContactRequest], letter: Message, already_claimed: Collection[str]) -> None:
    """Put requests into a letter that has an id; not those of invoices that it has already: two steps of one never share a letter."""
    for request in requests:
        if request.invoice_id not in already_claimed:
            request.state, request.message_id = ContactRequestState.CLAIMED, letter.id
