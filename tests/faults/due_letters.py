"""Letters that are due now, asked for by real cases through the real casebook, and the real activities that send them.

It is Tuesday noon, 4 June 2013, and stays so: the clock is life's own, moved to that day.
"""

import asyncio
import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.correspondence import LetterSending, Tally
from adapters.cases.case_store import CaseBook
from adapters.cases.invoice_inputs import Openings
from adapters.composition import Parts, compose
from adapters.config.company import load_company
from adapters.config.settings import PROJECT, Settings
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisions
from adapters.correspondence.letter_dispatch import LetterDesk
from adapters.correspondence.letter_loader import LetterReading
from adapters.correspondence.outcome_feed import Postbox
from adapters.database.engine import Database
from adapters.database.tables import ContactRequest, Message, Task
from adapters.imports.column_mapping import load_mapping
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.case_record import Record
from domain.clock import Clock, Moment
from domain.correspondence.contact_request import Ask
from domain.correspondence.letter_outcome import DropReason, LetterNews
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import view
from domain.journal.journal import Journal
from domain.timeline.holds import Hold, HoldKind

TODAY = date(2013, 6, 4)
NOON = datetime(2013, 6, 4, 12, tzinfo=UTC)
DAWN = NOON - timedelta(hours=7)
"""Before the contact hours, so that what is asked for then goes today."""


def noon_now() -> Clock:
    return Clock(real_anchor=datetime.now(UTC), business_anchor=NOON)


@dataclass(frozen=True)
class Bill:
    """An invoice over EUR 100, due on the day before yesterday."""

    number: str
    account: str
    email: str = "books@customer.test"

    def row(self) -> dict[str, str]:
        return {
            "number": self.number, "account_id": self.account, "issue_date": "2013-05-01", "due_date": "2013-06-02", "currency": "EUR",
            "total": "100.00", "country": "GB", "time_zone": "Europe/London", "language": "en", "email": self.email,
        }  # fmt: skip


def customers(number: int) -> list[Bill]:
    """So many customers with one invoice each."""
    return [Bill(f"INV-{each:04}", f"C{each:04}") for each in range(number)]


def import_bills(parts: Parts, bills: Sequence[Bill], folder: Path) -> None:
    file = folder / "bills.csv"
    with file.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.DictWriter(sheet, fieldnames=list(bills[0].row()))
        writer.writeheader()
        writer.writerows(bill.row() for bill in bills)
    result = parts.importer.run(file, load_mapping(PROJECT / "mappings" / "duecourse.yaml"), TODAY, DAWN, "tests")
    assert not result.rejected, result.rejected


class Cases:
    """The invoices' cases, each as its workflow would hold it: they have asked for their first reminder."""

    def __init__(self, parts: Parts, bills: Sequence[Bill], asked: datetime = DAWN) -> None:
        self._book, self._at = CaseBook(parts.database), Moment(asked, parts.clock.real(asked))
        openings = Openings(parts.database, parts.policies, parts.clock).read([bill.number for bill in bills])
        self._cases: dict[str, InvoiceCase] = {}
        for invoice, (opening, _) in openings.items():
            journal = Journal(case_id=ids.invoice_case(invoice), account_id=opening.account_id, invoice_id=invoice)
            case = self._cases[invoice] = InvoiceCase(journal=journal, facts=opening.facts, snapshot=opening.policy)
            case.open(self._at)

    def ask(self) -> None:
        asks = []
        for case in self._cases.values():
            step = case.next_step(self._at.business.date())
            assert step is not None
            case.take(step, self._at)
            asks.append(
                Ask(
                    step=step.step,
                    rank=step.day,
                    act=step.act,
                    letter=step.letter,
                    escalate_to=None,
                    not_before=self._at.business.date(),
                    not_after=None,
                    contact=case.policy.contact,
                    hours_matter=True,
                    catch_up_days=case.policy.catch_up_days,
                )
            )
        self._book.record([self._record(case, ask=ask) for case, ask in zip(self._cases.values(), asks, strict=True)])

    def pause(self, invoice: str) -> None:
        case = self._cases[invoice]
        case.place_hold(Hold(hold_id="pause", kind=HoldKind.PAUSE, since=self._at.business), self._at, "kim")
        self._book.record([self._record(case, withdraw=DropReason.ON_HOLD)])

    def _record(self, case: InvoiceCase, ask: Ask | None = None, withdraw: DropReason | None = None) -> Record:
        entries = list(case.journal.pending)
        case.journal.written(case.journal.seq)
        now = self._at.business
        return Record(now=now, entries=entries, case=view(case, "run", now), carried=case.carried(), ask=ask, withdraw=withdraw)


def due_letters(parts: Parts, bills: Sequence[Bill], folder: Path, asked: datetime = DAWN) -> Cases:
    """The bills are imported, and their first reminders asked for; `asked` is the business time at which."""
    import_bills(parts, bills, folder)
    cases = Cases(parts, bills, asked)
    cases.ask()
    return cases


class Told:
    """Takes the words to the workflows."""

    def __init__(self) -> None:
        self.news: list[tuple[str, LetterNews]] = []

    async def tell(self, invoice_id: str, news: LetterNews) -> None:
        self.news.append((invoice_id, news))


class SendingRoom:
    """The activities of a correspondence run, one by one. A deferred letter may go again at once."""

    def __init__(self, database: Database, folder: Path, smtp_port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings.read(
            data_dir=folder, database_url=database.url, smtp_host="127.0.0.1", smtp_port=smtp_port, smtp_security="none"
        )
        self.parts = compose(settings, database, noon_now())
        self.parts.policies.load(settings.policies_dir)
        self.told = Told()
        self._folder = folder
        company = load_company(settings)
        self._reading = (database, self.parts.letters, company, company.collector, settings.sender, settings.reply_domain)
        self._sending = self._staffed(LetterReading(*self._reading))

    def desk_of(self, process: str) -> LetterDesk:
        """Another process's letter desk, which presumes everybody else dead at once."""
        return LetterDesk(self.parts.database, LetterReading(*self._reading), process, presumed_dead=timedelta(0))

    def _staffed(self, reading: LetterReading) -> LetterSending:
        desk = LetterDesk(self.parts.database, reading, "this process", backoff=(timedelta(0),))
        signals = cast(CaseSignals, self.told)
        return LetterSending(desk, self.parts.mailer, Postbox(self.parts.database), signals, self.parts.clock)

    def while_writing(self, happens: Callable[[], object]) -> None:
        """Let something happen once, after a letter's invoices were read and before it is marked as transmitting."""
        pending = [happens]

        class Interrupted(LetterReading):
            def compose(self, *given: object, **named: object) -> bytes:
                content = super().compose(*given, **named)  # type: ignore[arg-type]
                if pending:
                    pending.pop()()
                return content

        self._sending = self._staffed(Interrupted(*self._reading))

    def due(self, bills: Sequence[Bill], asked: datetime = DAWN) -> Cases:
        return due_letters(self.parts, bills, self._folder, asked)

    async def select(self) -> list[int]:
        return await self._environment().run(self._sending.select_letters)

    async def send(self, letters: list[int]) -> Tally:
        return await self._environment().run(self._sending.send_letters, letters)

    async def run(self) -> Tally:
        """One pass: select, send, tell."""
        tally = await self.send(await self.select())
        await self._environment().run(self._sending.tell_cases)
        return tally

    def _environment(self) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=datetime.now(UTC))
        return environment

    def pay(self, bill: Bill) -> None:
        self.parts.ledger.record_payment(f"P-{bill.number}", bill.account, "EUR", 10_000, TODAY, invoice_id=bill.number, at=NOON)

    async def resend(self, state: str = "refused") -> int:
        """A person has every letter in this state sent again; how many."""
        with self.parts.database.reading() as session:
            letters = list(session.scalars(select(col(Message.id)).where(col(Message.state) == state)))
        for letter in letters:
            assert letter is not None
            await asyncio.to_thread(LetterDecisions(self.parts.database).decide, letter, LetterDecision.RESEND, "kim", "", NOON)
        return len(letters)

    async def close(self) -> None:
        await self.parts.mailer.close()


def letters_by_state(database: Database) -> Counter[str]:
    with database.reading() as session:
        return Counter(session.scalars(select(col(Message.state))))


def requests_by_state(database: Database) -> Counter[str]:
    with database.reading() as session:
        return Counter(session.scalars(select(col(ContactRequest.state))))


def open_tasks(database: Database) -> Counter[tuple[str, str]]:
    """Kind and account."""
    with database.reading() as session:
        tasks = select(col(Task.kind), col(Task.account_id)).where(col(Task.state) == "open")
        return Counter((kind, account) for kind, account in session.execute(tasks))
