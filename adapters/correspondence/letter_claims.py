"""Claims the contact requests whose time has come: one letter per account and currency, in the account's own rhythm."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, not_, or_, select
from sqlmodel import Session, col

from adapters.correspondence.account_positions import AccountCurrency, PositionInvoice, Positions, load_positions
from adapters.correspondence.business_days import find_first_business_day, get_business_day_check
from adapters.correspondence.contact_requests import REOPENABLE_STATES, UNDER_WAY_STATES, build_due_conditions
from adapters.correspondence.letter_brakes import LetterBrakes, load_brakes
from adapters.correspondence.letter_loader import LetterLoader, LetterRecipient
from adapters.correspondence.missing_there import find_letters_of_missing, give_requests_back, is_missing_there
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import Case, ContactRequest, Message, PolicyVersion
from adapters.mail.message_builder import derive_message_id
from adapters.set_aside.set_aside_store import list_resting_items
from adapters.set_aside.stages import SetAsideStage
from domain import identifiers as ids
from domain.correspondence.contact_slots import find_first_slot, is_contact_allowed
from domain.correspondence.letter_outcome import DropReason
from domain.correspondence.naming import NamedAs, is_gathered
from domain.identifiers import CaseKind
from domain.policy.collection_policy import ContactHours, Policy, PolicySnapshot, Step

ACCOUNTS_PER_LETTER = 20
"""Times the letters of a batch: how many accounts are looked at for those that can have theirs now."""


class LetterClaims:
    """Decides which accounts get a letter now, and which invoices' steps it takes."""

    def __init__(self, database: Database, loader: LetterLoader, patience: timedelta) -> None:
        """`patience`: how long, in business time, a letter waits for an invoice that is due to join it and has not asked yet."""
        self._database, self._loader = database, loader
        self._patience = patience
        self._policies: dict[tuple[str, int], Policy | None] = {}

    def claim_due_letters(self, now: datetime, limit: int, only: Collection[str] | None = None) -> list[int]:
        """Claim the requests that go now, one letter per account and currency; the letters to send now, by number. `only`: claim those of
        these accounts.

        `now` is business time. A letter takes along all that the account has requested, and what its invoices would request within days. An
        account that had a letter too recently is put off to the business day on which it may have the next.
        """
        with self._database.writing() as session:
            brakes = load_brakes(session, now.date())
            if brakes.hold_all:
                return []
            if brakes.has_missing:
                give_requests_back(session)
            requests = self._load_waiting_requests(session, now, limit, brakes, only)
            if requests:
                self._claim_requests(session, requests, now)
            return self._list_letters_to_send(session, now, limit, brakes)

    def _load_waiting_requests(
        self, session: Session, now: datetime, limit: int, brakes: LetterBrakes, only: Collection[str] | None
    ) -> list[ContactRequest]:
        """Load all requests of the accounts of which one is due, the longest due first, so that no account's letter is torn apart. Accounts
        whose letters are held back are passed over: their requests stay as they are."""
        due = build_due_conditions(session, now)
        due += brakes.build_conditions(col(ContactRequest.account_id))
        due += [col(ContactRequest.account_id).in_(only)] if only is not None else []
        asked_for = [not_(is_missing_there(col(ContactRequest.invoice_id)))] if brakes.has_missing else []
        first_slot = func.min(col(ContactRequest.slot))
        statement = select(col(ContactRequest.account_id), first_slot).where(*due, *asked_for).group_by(col(ContactRequest.account_id))
        slots = dict(session.execute(statement.order_by(first_slot).limit(limit * ACCOUNTS_PER_LETTER)).all())
        expecting = self._find_accounts_expecting_more(
            session, [account for account, slot in slots.items() if slot + self._patience > now], now
        )
        ready = [account for account in slots if account not in expecting][:limit]
        if not ready:
            return []
        waiting = (col(ContactRequest.state) == ContactRequestState.PENDING, col(ContactRequest.account_id).in_(ready), *asked_for)
        statement_of_all = select(ContactRequest).where(*waiting).order_by(col(ContactRequest.id))
        return list(session.scalars(statement_of_all.with_for_update(skip_locked=True)))

    def _find_accounts_expecting_more(self, session: Session, accounts: Collection[str], now: datetime) -> set[str]:
        """Accounts of which another invoice is due to ask for contact and has not yet: one letter shall carry them all."""
        asked = select(col(ContactRequest.invoice_id)).where(col(ContactRequest.state).in_(UNDER_WAY_STATES))
        late = select(col(Case.account_id)).where(
            col(Case.account_id).in_(accounts),
            col(Case.kind) == CaseKind.INVOICE,
            col(Case.outcome).is_(None),
            col(Case.next_on) <= now.date(),
            col(Case.invoice_id).not_in(asked),
        )
        return set(session.scalars(late))

    def _claim_requests(self, session: Session, requests: Sequence[ContactRequest], now: datetime) -> None:
        accounts = {request.account_id for request in requests}
        customers = self._loader.load_recipients(session, accounts)
        currencies = self._loader.load_currencies(session, [request.invoice_id for request in requests])
        groups: dict[AccountCurrency, list[ContactRequest]] = defaultdict(list)
        for request in requests:
            groups[request.account_id, currencies[request.invoice_id]].append(request)
        positions, letters_before = load_positions(session, accounts), _load_latest_letters(session, accounts)
        intended = {(each.account_id, each.currency): each for each in letters_before if each.state == MessageState.INTENDED}
        today_of = {account: now.astimezone(customer.zone).date() for account, customer in customers.items()}
        opened: dict[AccountCurrency, list[ContactRequest]] = {}
        for key, group in groups.items():
            due = [request for request in group if request.slot <= now]
            if key in intended:
                _put_into_letter(due, intended[key], _load_claimed_invoices(session, intended[key]))
            elif due and not self._put_off(customers[key[0]], key, due, positions, letters_before, now):
                position = positions.get(key, {})
                opened[key] = [request for request in group if request in due or _joins(request, position, today_of[key[0]])]
        letters = self._create_letters(session, {key: customers[key[0]] for key in opened}, now)
        for key, letter in letters.items():
            _put_into_letter(opened[key], letter, set())
        self._gather_requests(session, letters, opened, positions, customers, now)
        session.flush()

    # --- who has to wait

    def _put_off(
        self,
        customer: LetterRecipient,
        key: AccountCurrency,
        due: list[ContactRequest],
        positions: Positions,
        letters_before: Sequence[Message],
        now: datetime,
    ) -> bool:
        """Put off requests that cannot go now; false where a letter may go.

        Somebody who is overdue gets no courtesy note alone: it waits for the account's next letter to mention it.
        """
        opening = self.find_next_contact_time(customer, due[0].opens, due[0].closes, now)
        if opening is not None:
            for request in due:
                request.slot = opening
            return True
        today = now.astimezone(customer.zone).date()
        overdue = any(invoice.classify(today) is NamedAs.LISTED for invoice in positions.get(key, {}).values())
        if overdue and all(request.rank <= 0 for request in due):
            _postpone_requests(customer, due, find_first_business_day(customer.country, today + timedelta(days=1)), now)
            return True
        allowed = _find_next_letter_day(customer, key, due, letters_before, today)
        if allowed is None:
            return False
        _postpone_requests(customer, due, allowed, now)
        return True

    def find_next_contact_time(self, customer: LetterRecipient, opens: str, closes: str, now: datetime) -> datetime | None:
        """None while the customer may be contacted; otherwise when it next may: what came late does not go out at night."""
        hours = ContactHours(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))
        is_business_day = get_business_day_check(customer.country)
        if is_contact_allowed(now, customer.zone, hours, is_business_day):
            return None
        return find_first_slot(now.astimezone(customer.zone).date(), now, customer.zone, hours, is_business_day)

    # --- what a letter takes along

    def _gather_requests(
        self,
        session: Session,
        letters: dict[AccountCurrency, Message],
        opened: dict[AccountCurrency, list[ContactRequest]],
        positions: Positions,
        customers: dict[str, LetterRecipient],
        now: datetime,
    ) -> None:
        """Request on behalf of overdue invoices the letter step that would be due within `gather_days`. Its invoice finds it requested. One
        that a letter asked for within `catch_up_days` is not taken along."""
        candidates: list[tuple[PositionInvoice, Policy, Step, ContactRequest, Message]] = []
        for key, requests in opened.items():
            first = next((request for request in requests if request.rank > 0), None)
            if first is None:
                continue
            days, today = max(request.gather_days for request in requests), now.astimezone(customers[key[0]].zone).date()
            named = {request.invoice_id for request in requests}
            for invoice in positions.get(key, {}).values():
                gathered = None if invoice.id in named else self._find_gathered_step(session, invoice, today, days)
                if gathered is not None:
                    candidates.append((invoice, *gathered, first, letters[key]))
        known = _load_requests(session, [invoice.id for invoice, *_ in candidates])
        for invoice, policy, step, sample, letter in candidates:
            earlier = [request for request in known if request.invoice_id == invoice.id]
            rests = _was_asked_for(earlier, policy.catch_up_days, customers[invoice.account_id].zone, now)
            if rests or any(_stands_in_the_way(request, step.step) for request in earlier):
                continue
            same = _find_request_of_step(earlier, step.step, invoice.policy_version)
            if same is None:
                minimum = policy.minimum_open_balance(invoice.currency)
                session.add(_build_gathered_request(invoice, step, sample, minimum, letter, now))
            elif same.state in REOPENABLE_STATES:
                same.state, same.attempt, same.message_id = ContactRequestState.CLAIMED, same.attempt + 1, letter.id
                same.slot, same.reason, same.ended_at, same.asked, same.told = now, "", None, False, True
                same.policy, same.policy_version = invoice.policy or "", invoice.policy_version or 0

    def _find_gathered_step(self, session: Session, invoice: PositionInvoice, today: date, gather_days: int) -> tuple[Policy, Step] | None:
        """Find the invoice's next letter step, with its policy, if a letter of today takes it along."""
        if invoice.classify(today) is not NamedAs.LISTED or invoice.hold_kinds or invoice.policy is None:
            return None
        if not is_gathered(invoice.next_on, today, gather_days):
            return None
        policy = self._load_policy(session, invoice.policy, invoice.policy_version or 0)
        step = policy.find_step(invoice.next_step) if policy and invoice.next_step else None
        return (policy, step) if policy and step and step.letter and not step.is_before_due and not step.apart else None

    def _load_policy(self, session: Session, name: str, version: int) -> Policy | None:
        """Load a policy as it was in force; a version never changes, and is read once."""
        if (name, version) not in self._policies:
            row = session.get(PolicyVersion, (name, version))
            snapshot = PolicySnapshot(name=row.name, version=row.version, text=row.snapshot) if row else None
            self._policies[name, version] = snapshot.load_policy() if snapshot else None
        return self._policies[name, version]

    # --- the letters

    def _create_letters(
        self, session: Session, customers: dict[AccountCurrency, LetterRecipient], slot: datetime
    ) -> dict[AccountCurrency, Message]:
        """Create a letter for each account and currency on its customer's day; one of that day that came to nothing is taken up again."""
        keys = {
            ids.letter_key(account, customer.language, currency, slot.astimezone(customer.zone).date()): (account, currency)
            for (account, currency), customer in customers.items()
        }
        void = select(Message).where(col(Message.key).in_(keys), col(Message.state) == MessageState.VOID)
        letters = {keys[letter.key]: letter for letter in session.scalars(void)} if keys else {}
        for key, (account, currency) in keys.items():
            if (account, currency) not in letters:
                letters[account, currency] = Message(
                    key=key,
                    account_id=account,
                    language=customers[account, currency].language,
                    currency=currency,
                    slot=slot,
                    message_id=derive_message_id(key, self._loader.reply_domain),
                )
        for letter in letters.values():
            letter.state = MessageState.INTENDED
        session.add_all(letters.values())
        session.flush()  # numbers the new ones, all at once
        return letters

    def _list_letters_to_send(self, session: Session, now: datetime, limit: int, brakes: LetterBrakes) -> list[int]:
        rested = or_(col(Message.next_attempt_at).is_(None), col(Message.next_attempt_at) <= datetime.now(UTC))
        due = [col(Message.state) == MessageState.INTENDED, col(Message.slot) <= now, rested]
        due += brakes.build_conditions(col(Message.account_id))
        if resting := list_resting_items(session, SetAsideStage.LETTER):
            due.append(col(Message.id).not_in(map(int, resting)))
        if brakes.has_missing and (missing := find_letters_of_missing(session)):
            due.append(col(Message.id).not_in(missing))
        statement = select(col(Message.id)).where(*due).order_by(col(Message.id)).limit(limit)
        return [number for number in session.scalars(statement) if number is not None]


def _load_latest_letters(session: Session, accounts: Collection[str]) -> Sequence[Message]:
    """Per account and currency the letter that has not gone yet, the last two reminders and courtesy notes, and the last ones of each that
    were refused. Letters of cases are apart: no request joins them, and none is put off by them."""
    when = func.coalesce(col(Message.sent_at), col(Message.slot))
    is_refused = col(Message.state) == MessageState.REFUSED
    group = (col(Message.account_id), col(Message.currency), col(Message.asked_for).is_(None), is_refused)
    place = func.row_number().over(partition_by=group, order_by=(when.desc(), col(Message.id).desc())).label("place")
    mine = (col(Message.account_id).in_(accounts), col(Message.case_id).is_(None), col(Message.state) != MessageState.VOID)
    latest = select(col(Message.id).label("id"), is_refused.label("refused"), place).where(*mine).subquery()
    last = select(latest.c.id).where(or_(latest.c.place == 1, and_(latest.c.place == 2, ~latest.c.refused)))
    statement = select(Message).where(*mine, or_(col(Message.id).in_(last), col(Message.state) == MessageState.INTENDED))
    return session.scalars(statement.order_by(col(Message.id)).with_for_update()).all()


def _postpone_requests(customer: LetterRecipient, requests: Iterable[ContactRequest], day: date, now: datetime) -> None:
    """Postpone requests to a business day; a courtesy note that would come after its last day lapses, so that its timeline goes on."""
    for request in requests:
        if request.not_after is not None and day > request.not_after:
            request.state, request.reason, request.ended_at = ContactRequestState.DROPPED, DropReason.LAPSED.value, now
            request.told = False
        else:
            request.slot = datetime.combine(day, time.fromisoformat(request.opens), customer.zone).astimezone(UTC)


def _find_next_letter_day(
    customer: LetterRecipient, key: AccountCurrency, due: Sequence[ContactRequest], letters_before: Iterable[Message], today: date
) -> date | None:
    """Find the first business day on which the account may have its next letter; None when that is today.

    The rhythm is the account's: letters in two currencies may go on one day, and then none for `days_between_letters`. A courtesy note asks
    for nothing: it puts no reminder off, and is put off by every letter. But no two letters in one currency ever go on one day.

    A refused letter counts by its slot, lest one that is refused for its content be tried every day; not once the customer has another
    address.
    """
    are_courtesy_notes = all(request.rank <= 0 for request in due)
    rest = timedelta(days=max(request.days_between_letters for request in due))
    earliest, days_before = today, set[date]()
    for letter in letters_before:
        if letter.account_id != key[0]:
            continue
        day, is_same_currency = (letter.sent_at or letter.slot).astimezone(customer.zone).date(), letter.currency == key[1]
        if is_same_currency and day == today:
            earliest = max(earliest, day + timedelta(days=1))
        if not is_same_currency and day == today:
            continue
        if not _is_refused_reminder(letter):
            if are_courtesy_notes or letter.asked_for is not None:
                days_before.add(day)
        elif not letter.recipient or letter.recipient == customer.email:
            earliest = max(earliest, day + rest)
    earliest = max(earliest, _find_rhythm_day(due, sorted(days_before), rest, today))
    return find_first_business_day(customer.country, earliest) if earliest > today else None


def _find_rhythm_day(due: Sequence[ContactRequest], days_before: Sequence[date], rest: timedelta, today: date) -> date:
    """Find the first day that the account's rhythm allows. `days_before`: those of its letters so far, in order; at least the last two.

    A step apart does not wait for `rest` to be over; but it is never the third letter within twice that time. With a step that is not
    apart it goes as soon as either may.
    """
    in_rhythm = days_before[-1] + rest if days_before else today
    if not any(request.apart for request in due):
        return in_rhythm
    in_its_time = days_before[-2] + 2 * rest if len(days_before) > 1 else today
    return in_its_time if all(request.apart for request in due) else min(in_rhythm, in_its_time)


def _is_refused_reminder(letter: Message) -> bool:
    """Not a courtesy note, which puts no reminder off; a letter that could not even be written has no template."""
    return letter.state == MessageState.REFUSED and (letter.asked_for is not None or not letter.letter)


def _joins(request: ContactRequest, position: dict[str, PositionInvoice], today: date) -> bool:
    """A request that is not due yet joins a letter that goes now, unless its step makes no sense on that day."""
    invoice = position.get(request.invoice_id)
    return invoice is not None and (today - invoice.due_date).days >= request.rank and (request.not_after or today) >= today


def _put_into_letter(requests: Iterable[ContactRequest], letter: Message, already_claimed: Collection[str]) -> None:
    """Put requests into a letter that has an id; not those of invoices that it has already: two steps of one never share a letter."""
    for request in requests:
        if request.invoice_id not in already_claimed:
            request.state, request.message_id = ContactRequestState.CLAIMED, letter.id


def _was_asked_for(requests: Iterable[ContactRequest], days: int, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a letter took a step of an invoice within so many days, by the customer's calendar. `requests`: all of the invoice."""
    since = now.astimezone(zone).date() - timedelta(days=days)
    ended = [request.ended_at for request in requests if request.state == ContactRequestState.SENT and request.ended_at]
    return any(moment.astimezone(zone).date() > since for moment in ended)


def _stands_in_the_way(request: ContactRequest, step: str) -> bool:
    """Whether an earlier request of an invoice keeps a letter from taking the step along: it is under way, or did not arrive for sure, and
    its invoice may not have heard of that yet."""
    if request.state in UNDER_WAY_STATES or request.state == ContactRequestState.UNKNOWN:
        return True
    return request.state == ContactRequestState.REFUSED and request.step != step


def _load_claimed_invoices(session: Session, letter: Message) -> set[str]:
    claimed = (col(ContactRequest.message_id) == letter.id, col(ContactRequest.state) == ContactRequestState.CLAIMED)
    return set(session.scalars(select(col(ContactRequest.invoice_id)).where(*claimed)))


def _load_requests(session: Session, invoices: Collection[str]) -> Sequence[ContactRequest]:
    return session.scalars(select(ContactRequest).where(col(ContactRequest.invoice_id).in_(invoices))).all() if invoices else []


def _find_request_of_step(requests: Sequence[ContactRequest], step: str, version: int | None) -> ContactRequest | None:
    """Find the request of a step under this version of the policy; else one of an earlier version that was dropped, withdrawn or refused,
    lest two attempts have one number."""
    of_step = [request for request in requests if request.step == step]
    same = (request for request in of_step if request.policy_version == version)
    return next(same, None) or next((request for request in of_step if request.state in REOPENABLE_STATES), None)


def _build_gathered_request(
    invoice: PositionInvoice, step: Step, sample: ContactRequest, minimum: int, letter: Message, now: datetime
) -> ContactRequest:
    """Build the request that the invoice would have made; `sample` is one of its account, whose terms of contact it shares. `minimum`: the
    open balance, in minor units, below which it is not chased."""
    return ContactRequest(
        invoice_id=invoice.id,
        account_id=invoice.account_id,
        step=step.step,
        policy=invoice.policy or "",
        policy_version=invoice.policy_version or 0,
        rank=step.day,
        letter=step.letter or "",
        slot=now,
        days_between_letters=sample.days_between_letters,
        gather_days=sample.gather_days,
        days_to_pay=sample.days_to_pay,
        apart=step.apart,
        minimum=minimum,
        opens=sample.opens,
        closes=sample.closes,
        state=ContactRequestState.CLAIMED,
        message_id=letter.id,
        asked=False,
        told=True,
    )
