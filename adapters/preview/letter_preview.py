"""Who would get what and when in the next business days: the real rules, played ahead on a copy.

Claims, contact hours, rhythm, content and wording are those of the letter outbox; steps are taken as the invoices' workflows take them.
What nobody can know is left out: payments, promises, new invoices, letters that cases will ask for, and letters that do not arrive.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.port import UnappliedCreditReader
from adapters.config.company import Company
from adapters.correspondence.business_days import get_business_day_check
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.letter_outbox import LetterOutbox, OutgoingLetter
from adapters.correspondence.letter_stop_store import LetterStopStore
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Message
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.local_inbox import InboxMessage, read_mail
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.policies.policy_store import PolicyStore
from adapters.preview.account_copy import AccountRows, list_accounts_ahead, open_copy, read_accounts
from adapters.preview.invoices_ahead import InvoicesAhead
from adapters.preview.kept_days import KeptDays
from adapters.read_model.correspondence import LetterRow, TaskRow, list_letters, list_tasks
from adapters.read_model.letter_brakes import count_held_accounts, find_account_brake, list_reading_gaps
from domain.case.case_view import TaskKind
from domain.clock import Clock, start_of_day
from domain.correspondence.letter_stop import LetterBrake

DEFAULT_DAYS, MOST_DAYS = 5, 20
MOST_ACCOUNTS = 1_000
"""Accounts that are played ahead at once."""

PlayProgress = Callable[[int], None]
"""Called now and then with the number of letters that were played."""

_NO_COUNTRY = "ZZ"
_LETTERS_AT_ONCE, _NO_LIMIT = 200, 1_000_000
_SENT = DeliveryResult(DeliveryOutcome.SENT, 250, "preview")


class PreviewedLetter(BaseModel):
    """A letter as it would go at a point in business time, on a date of its customer's; `content` is the whole mail. `brake` is what would
    hold it back."""

    at: datetime
    on: date
    letter: LetterRow
    content: bytes
    brake: LetterBrake | None = None

    @property
    def mail(self) -> InboxMessage:
        """The mail as its reader would see it. Reading it costs more than composing it."""
        return read_mail(self.content)


class LettersAhead(BaseModel):
    """The letters up to a business date, in the order in which they would go, and the tasks of those that cannot go. `has_more`: not all
    accounts were played ahead."""

    until: date
    letters: list[PreviewedLetter]
    hindered: list[TaskRow]
    accounts: int
    has_more: bool


class PreviewServices(NamedTuple):
    """What letters are written with, as `LetterLoader` has it. `policies_dir`: whose policies apply before the first start."""

    billing: UnappliedCreditReader
    templates: LetterTemplates
    company: Company
    sender: str
    reply_domain: str
    policies_dir: Path


class LetterPreview:
    def __init__(
        self,
        database: Database,
        services: PreviewServices,
        clock: Clock,
        kept: KeptDays[tuple[list[PreviewedLetter], list[TaskRow]]] | None = None,
    ) -> None:
        """`kept`: what was played a moment ago, for those who look again and again."""
        self._database, self._services, self._clock, self._kept = database, services, clock, kept or KeptDays()

    def look_ahead(
        self,
        now: datetime,
        days: int = DEFAULT_DAYS,
        account: str | None = None,
        collector: str | None = None,
        limit: int = MOST_ACCOUNTS,
        progress: PlayProgress | None = None,
    ) -> LettersAhead:
        """Play the next business days of the company's country, today included, from `now` (business time): of one account, of one
        collector's or of all, whether they are held back or not."""
        until = self._find_last_day(now.date(), days)
        found = list_accounts_ahead(self._database, until, limit, account, collector)
        accounts = found[:limit]
        rows = read_accounts(self._database, accounts)
        letters, hindered = self._kept.find_or_play(
            (rows.fingerprint, until, now.date()), now, lambda: self._play(rows, now, until, progress)
        )
        ahead = LettersAhead(
            until=until,
            letters=letters,
            hindered=[task for task in hindered if task.kind in (TaskKind.NO_ADDRESS, TaskKind.UNAPPLIED_CREDIT)],
            accounts=len(accounts),
            has_more=len(found) > limit,
        )
        return self.put_brakes(ahead, now.date())

    def put_brakes(self, ahead: LettersAhead, today: date) -> LettersAhead:
        """The letters that were played, each with what would hold it back as of now."""
        brakes = self._find_brakes({each.letter.account_id for each in ahead.letters}, today)
        return ahead.model_copy(update={"letters": [_put_brake_on(each, brakes.get(each.letter.account_id)) for each in ahead.letters]})

    def _play(
        self, rows: AccountRows, now: datetime, until: date, progress: PlayProgress | None
    ) -> tuple[list[PreviewedLetter], list[TaskRow]]:
        """The letters that would go, and the tasks that would be open."""
        with open_copy(rows) as copy:
            played = _PlayedDays(copy, self._services, self._clock, now)
            played.run(start_of_day(until + timedelta(days=1)), progress or (lambda letters: None))
            return played.list_letters(), list_tasks(copy, limit=MOST_ACCOUNTS)[0]

    def _find_last_day(self, today: date, days: int) -> date:
        is_business_day = get_business_day_check(self._services.company.country or _NO_COUNTRY)
        day, left = today, days - is_business_day(today)
        while left > 0:
            day += timedelta(days=1)
            left -= is_business_day(day)
        return day

    def _find_brakes(self, accounts: set[str], today: date) -> dict[str, LetterBrake | None]:
        is_free = not count_held_accounts(self._database) and not LetterStopStore(self._database).list_stops(today)
        if is_free and not list_reading_gaps(self._database):
            return {}
        return {account: find_account_brake(self._database, account, today) for account in accounts}


def _put_brake_on(letter: PreviewedLetter, brake: LetterBrake | None) -> PreviewedLetter:
    """A stop that is over by then holds it no more."""
    return letter.model_copy(update={"brake": brake if brake is not None and brake.holds_on(letter.at.date()) else None})


class _PlayedDays:
    """A copy on which time passes: from one moment at which a step or a slot is due to the next."""

    def __init__(self, copy: Database, services: PreviewServices, clock: Clock, now: datetime) -> None:
        policies = PolicyStore(copy, services.templates)
        if not policies.list_in_force():
            policies.load_folder(services.policies_dir)
        self._copy, self._now = copy, now
        self._loader = LetterLoader(
            copy,
            services.billing,
            services.templates,
            services.company,
            services.company.collector,
            services.sender,
            services.reply_domain,
        )
        self._outbox = LetterOutbox(copy, self._loader, "preview", patience=timedelta(0))
        self._invoices = InvoicesAhead(copy, policies, clock, now)
        self._gone: list[tuple[OutgoingLetter, datetime]] = []

    def run(self, end: datetime, progress: PlayProgress) -> None:
        """Let time pass up to `end`, business time, which is not included."""
        written_to: set[str] = set()
        moment: datetime | None = self._now
        while moment is not None and moment < end:
            self._now = moment
            self._invoices.take_due_steps(moment, written_to)
            written_to = self._send_letters(moment, progress)
            moment = self._find_next_moment(moment)

    def list_letters(self) -> list[PreviewedLetter]:
        """List the letters that went, in their order."""
        rows = {row.id: row for row in list_letters(self._copy, limit=_NO_LIMIT, state=MessageState.SENT)[0]}
        with self._copy.reading() as session:
            customers = self._loader.load_recipients(session, {rows[outgoing.message].account_id for outgoing, _ in self._gone})
        letters = []
        for outgoing, at in self._gone:
            row = rows[outgoing.message]
            on = at.astimezone(customers[row.account_id].zone).date()
            letters.append(PreviewedLetter(at=at, on=on, letter=row, content=outgoing.content))
        return letters

    def _send_letters(self, now: datetime, progress: PlayProgress) -> set[str]:
        """Send what is due; the accounts that got a letter, or whose letter came to nothing."""
        taken: list[int] = []
        while numbers := self._outbox.claim_due_letters(now, _LETTERS_AT_ONCE):
            begun = [letter for letter in self._outbox.begin_transmission(numbers, now) if letter is not None]
            self._outbox.record_outcomes([(letter.message, _SENT) for letter in begun], now)
            self._gone += [(letter, now) for letter in begun]
            taken += numbers
            progress(len(self._gone))
        with self._copy.reading() as session:
            return set(session.scalars(select(col(Message.account_id)).where(col(Message.id).in_(taken))))

    def _find_next_moment(self, now: datetime) -> datetime | None:
        moments = (self._outbox.find_next_slot(now), self._invoices.find_next_due(now))
        return min((at for at in moments if at is not None), default=None)
