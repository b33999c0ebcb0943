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

from activities.letter_sending import LetterSendingActivities, LetterTally
from adapters.cases.case_store import CaseStore
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.composition import Services, compose_services
from adapters.config.company import load_company
from adapters.config.settings import PROJECT, Settings
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.letter_outbox import LetterOutbox
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.engine import Database
from adapters.database.tables import ContactRequest, Message, Task
from adapters.imports.column_mapping import load_mapping
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.case_write import CaseWrite
from domain.clock import Clock, Moment
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.letter_outcome import DropReason, LetterOutcome
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.journal import Journal
from domain.timeline.holds import Hold, HoldKind

TODAY = date(2013, 6, 4)
NOON = datetime(2013, 6, 4, 12, tzinfo=UTC)
DAWN = NOON - timedelta(hours=7)
"""Before the contact hours, so that what is asked for then goes today."""


def noon_clock() -> Clock:
    return Clock(real_anchor=datetime.now(UTC), business_anchor=NOON)


@dataclass(frozen=True)
class DueInvoice:
    """An invoice over EUR 100, due on the day before yesterday."""

    number: str
    account: str
    email: str = "books@customer.test"

    def row(self) -> dict[str, str]:
        return {
            "number": self.number,
            "account_id": self.account,
            "issue_date": "2013-05-01",
            "due_date": "2013-06-02",
            "currency": "EUR",
            "total": "100.00",
            "country": "GB",
            "time_zone": "Europe/London",
            "language": "en",
            "email": self.email,
        }


def build_due_invoices(number: int) -> list[DueInvoice]:
    """So many customers with one invoice each."""
    return [DueInvoice(f"INV-{each:04}", f"C{each:04}") for each in range(number)]


def import_due_invoices(parts: Services, bills: Sequence[DueInvoice], folder: Path) -> None:
    file = folder / "bills.csv"
    with file.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.DictWriter(sheet, fieldnames=list(bills[0].row()))
        writer.writeheader()
        writer.writerows(bill.row() for bill in bills)
    result = parts.importer.run(file, load_mapping(PROJECT / "mappings" / "duecourse.yaml"), TODAY, DAWN, "tests")
    assert not result.rejected, result.rejected


class DueInvoiceCases:
    """The invoices' cases, each as its workflow would hold it: they have asked for their first reminder."""

    def __init__(self, parts: Services, bills: Sequence[DueInvoice], asked: datetime = DAWN) -> None:
        self._book, self._at = CaseStore(parts.database), Moment(asked, parts.clock.to_real(asked))
        openings = InvoiceInputLoader(parts.database, parts.policies, parts.clock).load_inputs([bill.number for bill in bills])
        self._cases: dict[str, InvoiceCase] = {}
        for invoice, (opening, _) in openings.items():
            journal = Journal(case_id=ids.invoice_case_id(invoice), account_id=opening.account_id, invoice_id=invoice)
            case = self._cases[invoice] = InvoiceCase(journal=journal, facts=opening.facts, snapshot=opening.policy)
            case.open(self._at)

    def request_reminders(self) -> None:
        asks = []
        for case in self._cases.values():
            step = case.next_step(self._at.business.date())
            assert step is not None
            case.take_step(step, self._at)
            asks.append(
                ContactOrder(
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
        self._book.write([self._record(case, ask=ask) for case, ask in zip(self._cases.values(), asks, strict=True)])

    def pause(self, invoice: str) -> None:
        case = self._cases[invoice]
        case.place_hold(Hold(hold_id="pause", kind=HoldKind.PAUSE, since=self._at.business), self._at, "kim")
        self._book.write([self._record(case, withdraw=DropReason.ON_HOLD)])

    def _record(self, case: InvoiceCase, ask: ContactOrder | None = None, withdraw: DropReason | None = None) -> CaseWrite:
        entries = list(case.journal.pending)
        case.journal.mark_written(case.journal.seq)
        now = self._at.business
        return CaseWrite(
            now=now, entries=entries, case=build_case_view(case, "run", now), carried=case.build_earlier_run(), ask=ask, withdraw=withdraw
        )


def request_due_letters(parts: Services, bills: Sequence[DueInvoice], folder: Path, asked: datetime = DAWN) -> DueInvoiceCases:
    """The bills are imported, and their first reminders asked for; `asked` is the business time at which."""
    import_due_invoices(parts, bills, folder)
    cases = DueInvoiceCases(parts, bills, asked)
    cases.request_reminders()
    return cases


class RecordedOutcomes:
    """Takes the words to the workflows."""

    def __init__(self) -> None:
        self.news: list[tuple[str, LetterOutcome]] = []

    async def notify_case(self, case_id: str, outcome: LetterOutcome) -> None:
        self.news.append((case_id.removeprefix("invoice:"), outcome))


class LetterSendingHarness:
    """The activities of a correspondence run, one by one. A deferred letter may go again at once."""

    def __init__(self, database: Database, folder: Path, smtp_port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings.load(
            data_dir=folder, database_url=database.url, smtp_host="127.0.0.1", smtp_port=smtp_port, smtp_security="none"
        )
        self.parts = compose_services(settings, database, noon_clock())
        self.parts.policies.load_folder(settings.policies_dir)
        self.told = RecordedOutcomes()
        self._folder = folder
        company = load_company(settings)
        self._reading = (
            database,
            self.parts.billing,
            self.parts.letters,
            company,
            company.collector,
            settings.sender,
            settings.reply_domain,
        )
        self._sending = self._staffed(LetterLoader(*self._reading))

    def create_letter_outbox(self, process: str) -> LetterOutbox:
        """Another process's letter desk, which presumes everybody else dead at once."""
        return LetterOutbox(self.parts.database, LetterLoader(*self._reading), process, presumed_dead=timedelta(0))

    def _staffed(self, reading: LetterLoader) -> LetterSendingActivities:
        outbox = LetterOutbox(self.parts.database, reading, "this process", backoff=(timedelta(0),))
        signals = cast(CaseSignals, self.told)
        return LetterSendingActivities(outbox, self.parts.mailer, OutcomeFeed(self.parts.database), signals, self.parts.clock)

    def interrupt_compose(self, happens: Callable[[], object]) -> None:
        """Let something happen once, after a letter's invoices were read and before it is marked as transmitting."""
        pending = [happens]

        class Interrupted(LetterLoader):
            def compose(self, *given: object, **named: object) -> bytes:
                content = super().compose(*given, **named)  # type: ignore[arg-type]
                if pending:
                    pending.pop()()
                return content

        self._sending = self._staffed(Interrupted(*self._reading))

    def request_due_letters(self, bills: Sequence[DueInvoice], asked: datetime = DAWN) -> DueInvoiceCases:
        return request_due_letters(self.parts, bills, self._folder, asked)

    async def select(self) -> list[int]:
        return await self._environment().run(self._sending.select_letters)

    async def send(self, letters: list[int]) -> LetterTally:
        return await self._environment().run(self._sending.send_letters, letters)

    async def run(self) -> LetterTally:
        """One pass: select, send, tell."""
        tally = await self.send(await self.select())
        await self._environment().run(self._sending.notify_cases)
        return tally

    def _environment(self) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=datetime.now(UTC))
        return environment

    def pay(self, bill: DueInvoice) -> None:
        self.parts.billing.record_payment(f"P-{bill.number}", bill.account, "EUR", 10_000, TODAY, invoice_id=bill.number, at=NOON)

    async def resend(self, state: str = "refused") -> int:
        """A person has every letter in this state sent again; how many."""
        with self.parts.database.reading() as session:
            letters = list(session.scalars(select(col(Message.id)).where(col(Message.state) == state)))
        for letter in letters:
            assert letter is not None
            await asyncio.to_thread(LetterDecisionStore(self.parts.database).decide, letter, LetterDecision.RESEND, "kim", "", NOON)
        return len(letters)

    async def close(self) -> None:
        await self.parts.mailer.close()


def count_letters_by_state(database: Database) -> Counter[str]:
    with database.reading() as session:
        return Counter(session.scalars(select(col(Message.state))))


def count_requests_by_state(database: Database) -> Counter[str]:
    with database.reading() as session:
        return Counter(session.scalars(select(col(ContactRequest.state))))


def count_open_tasks(database: Database) -> Counter[tuple[str, str]]:
    """Kind and account."""
    with database.reading() as session:
        tasks = select(col(Task.kind), col(Task.account_id)).where(col(Task.state) == "open")
        return Counter((kind, account) for kind, account in session.execute(tasks))
