"""An environment that many tests share: one run of Duecourse on skipped time, in which each test has accounts and invoices of its own.

Time only moves forward: a test asks for the next Monday and counts from there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import col
from temporalio.client import WorkflowHandle

from adapters.correspondence.business_days import find_first_business_day
from adapters.database.engine import Database
from adapters.database.tables import Account, ApprovalNoticeRow, Case, Invoice, JournalEntry, Message, MessageLine, Task
from adapters.mail.local_inbox import InboxMessage
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain import identifiers as ids
from domain.case.case_view import TaskKind
from tests.patience import Looks
from tests.time_skipping_play import SETTLING, TimeSkippingPlay, start_play, write_invoice_file
from tests.workflows.chain_assertions import allowed_orphans, assert_whole_chain, find_last_head
from workflows.invoice_collection import InvoiceCollection

DAY = timedelta(days=1)
ANYWHERE, NO_HOLIDAYS = "AQ", "ZZ"
"""A country that an import takes, and the one that stands for it then: of that one the calendar knows weekends only."""

OUTLIVES_ITS_INVOICES = frozenset({"credit_review", "write_off"})
"""An account is watched, and what was written off may still come in, after nothing is owed any more."""

_numbers = count(1)


@dataclass(frozen=True)
class InvoiceSpec:
    """One invoice to import. Unless a test says otherwise its customer is alone, in UTC, and keeps no public holidays."""

    due: date
    number: str = ""
    account: str = ""
    total: str = "100.00"
    currency: str = "EUR"
    language: str = "en"
    country: str = ANYWHERE
    time_zone: str = "UTC"
    disputed: str = ""
    email: str = ""

    def named(self) -> "InvoiceSpec":
        number = self.number or f"I{next(_numbers)}"
        account = self.account or f"A-{number}"
        return replace(self, number=number, account=account, email=self.email or f"{account.lower()}@customer.test")

    def row(self, today: date) -> dict[str, str]:
        issued = min(today, self.due) - DAY
        return {
            "number": self.number,
            "account_id": self.account,
            "issue_date": issued.isoformat(),
            "due_date": self.due.isoformat(),
            "currency": self.currency,
            "total": self.total,
            "country": self.country,
            "time_zone": self.time_zone,
            "language": self.language,
            "email": self.email,
            "disputed": self.disputed,
        }


class SentLetter(NamedTuple):
    """A letter that went: the customer's date, its template, its (invoice, step) pairs, its text, and the case that asked for it, where one
    did and not the timeline. `named` is as what it names each invoice, with the amount beside it; `asked_for` is None where it asks for
    nothing. Amounts in minor units."""

    on: date
    letter: str
    lines: frozenset[tuple[str, str]]
    text: str
    case: str | None = None
    named: frozenset[tuple[str, str, int]] = frozenset()
    asked_for: int | None = None


class CollectionEnvironment:
    def __init__(self, play: TimeSkippingPlay, folder: Path) -> None:
        self.play, self.database = play, play.parts.database
        self._folder, self._opened = folder, list[str]()
        self.orphans = 0
        """How many entries that the journal's chain leaves out a test may leave behind in each case."""

    # --- time

    async def today(self) -> date:
        return (await self.play.now()).date()

    async def pass_to_monday(self) -> date:
        """Pass to the beginning of the next Monday."""
        today = await self.today()
        monday = today + timedelta(days=7 - today.weekday())
        await self.pass_to(monday)
        return monday

    async def pass_to(self, day: date, hour: int = 0) -> None:
        """Let time pass without sending letters, to the hour (UTC) and until what falls due at it is done."""
        await self.play.skip_to(datetime.combine(day, time(hour), UTC) + SETTLING)

    async def pass_to_digest(self) -> date:
        """Pass to the morning of the company's next business day, and send the day's digests."""
        day = find_first_business_day("DE", await self.today() + DAY)
        await self.pass_to(day, 8)
        await self.play.send_digests()
        return day

    def notices(self, user: str, approval: str) -> list[str]:
        """The events of an approval that were put down for somebody, in order."""
        with self.database.reading() as session:
            rows = session.scalars(select(ApprovalNoticeRow).filter_by(user=user, approval_id=approval))
            return [row.event for row in rows]

    def mails(self, recipient: str, subject: str = "") -> list[InboxMessage]:
        """What an address got, the latest first."""
        inbox = self.play.parts.inbox
        assert inbox is not None
        return [mail for mail in inbox.list(limit=10_000) if recipient in str(mail) and subject in mail.subject]

    async def wait_until(self, holds: Callable[[], Any]) -> None:
        """Until something is so that must become so without any business time passing."""
        async for _ in Looks():
            if await asyncio.to_thread(holds):
                return
        raise AssertionError(f"this never came to be; the journal: {[self.entry_kinds(invoice) for invoice in self._opened]}")

    # --- invoices and money

    async def open_invoices(self, *bills: InvoiceSpec) -> list[str]:
        """Import the invoices and see their cases opened; their ids. Their workflows start at this moment."""
        named, today = [bill.named() for bill in bills], await self.today()
        file = write_invoice_file(self._folder / f"{named[0].number}.csv", [bill.row(today) for bill in named])
        result = await self.play.import_file(file, "duecourse", today)
        assert not result.rejected, result.rejected
        with self.database.writing() as session:
            session.execute(update(Account).where(col(Account.country) == ANYWHERE).values(country=NO_HOLIDAYS))
        await self.play.sync()
        numbers = [bill.number for bill in named]
        self._opened += numbers
        await self.wait_until(lambda: self._cases(numbers) == len(numbers))
        await self.play.wait_for_rest()
        return numbers

    async def open_invoice(self, due: date, **terms: Any) -> str:
        (invoice,) = await self.open_invoices(InvoiceSpec(due, **terms))
        return invoice

    async def open_reminded_invoice(self, **terms: Any) -> tuple[str, date]:
        """An invoice due on a Monday, opened on Tuesday, whose first reminder went that day. It is Wednesday; that Monday is given."""
        monday = await self.pass_to_monday()
        await self.pass_to(monday + DAY)
        invoice = await self.open_invoice(monday, **terms)
        await self.play.run_morning(monday + DAY)
        await self.pass_to(monday + 2 * DAY)
        assert self.letters(invoice) == [("reminder", monday + DAY)]
        return invoice, monday

    async def pay(self, invoice: str, amount: int, payment: str | None = None) -> str:
        """Minor units, in the invoice's currency; the payment's id."""
        payment, now = payment or f"P{next(_numbers)}", await self.play.now()
        account, currency = self.account_and_currency(invoice)
        self.play.parts.billing.record_payment(payment, account, currency, amount, now.date(), invoice_id=invoice, at=now)
        await self.sync_until_entry(invoice, "payment.received")
        return payment

    async def sync_until_entry(self, invoice: str, kind: str) -> None:
        """Deliver what billing reports, until the invoice's journal has one entry more of the kind."""
        before = self.entry_kinds(invoice).count(kind)
        await self.play.sync()
        await self.wait_until(lambda: self.entry_kinds(invoice).count(kind) > before)
        await self.play.wait_for_rest()

    async def wait_for_entries(self, invoice: str, kind: str, times: int = 1) -> None:
        """Until the invoice's journal has so many entries of the kind."""
        await self.wait_until(lambda: self.entry_kinds(invoice).count(kind) >= times)

    def account_and_currency(self, invoice: str) -> tuple[str, str]:
        """Account and currency."""
        with self.database.reading() as session:
            row = session.get_one(Invoice, invoice)
            return row.account_id, row.currency

    def case(self, invoice: str) -> WorkflowHandle[InvoiceCollection, Any]:
        return self.play.case(invoice)

    async def outcome(self, invoice: str) -> str:
        """How the case ended, once it has."""
        with self.play.environment.auto_time_skipping_disabled():
            outcome = await self.case(invoice).result()
        return str(outcome.status)

    # --- what happened

    def entry_kinds(self, invoice: str) -> list[str]:
        return [kind for kind, _ in self.play.journal(invoice)]

    def entry_facts(self, invoice: str, kind: str) -> list[dict[str, Any]]:
        return [facts for found, facts in self.play.journal(invoice) if found == kind]

    def steps(self, invoice: str) -> list[str]:
        """The steps taken, in order."""
        return [facts["step"] for facts in self.entry_facts(invoice, "step.taken")]

    def steps_with_dates(self, invoice: str) -> list[tuple[str, date]]:
        """The steps taken, and the business date on which."""
        with self.database.reading() as session:
            entries = session.scalars(select(JournalEntry).filter_by(invoice_id=invoice, kind="step.taken").order_by(col(JournalEntry.seq)))
            return [(entry.facts["step"], entry.business_at.date()) for entry in entries]

    def letters(self, invoice: str) -> list[tuple[str, date]]:
        """(step, customer's date) of every letter of the timeline that went and named the invoice, in order."""
        timeline = [sent for sent in self.sent_letters(self.account_and_currency(invoice)[0]) if sent.case is None]
        return [(step, sent.on) for sent in timeline for number, step in sorted(sent.lines) if number == invoice]

    def case_letters(self, case_id: str) -> list[tuple[str, date]]:
        """(template, customer's date) of every letter that a dispute, a plan or another case asked for and that went, in order."""
        account = self.case_row(case_id).account_id
        return [(sent.letter, sent.on) for sent in self.sent_letters(account) if sent.case == case_id]

    def sent_letters(self, account: str) -> list[SentLetter]:
        """The letters of an account that went, by day; those of one day go side by side, and stand in the order of their making."""
        inbox = self.play.parts.inbox
        assert inbox is not None
        texts = {mail.message_id: mail.text for mail in inbox.list(limit=10_000)}
        with self.database.reading() as session:
            zone = ZoneInfo(session.get_one(Account, account).time_zone)
            found = []
            for letter in session.scalars(select(Message).filter_by(account_id=account, state="sent").order_by(col(Message.id))):
                lines = session.scalars(select(MessageLine).filter_by(message_id=letter.id)).all()
                assert letter.sent_at is not None
                found.append(
                    SentLetter(
                        letter.sent_at.astimezone(zone).date(),
                        letter.letter,
                        frozenset((line.invoice_id, line.step) for line in lines if line.step),
                        texts.get(letter.message_id, ""),
                        letter.case_id,
                        frozenset((line.invoice_id, line.named_as, line.open_balance) for line in lines),
                        letter.asked_for,
                    )
                )
            return sorted(found, key=lambda sent: sent.on)

    def tasks(self, invoice: str) -> list[tuple[str, str, date]]:
        """(kind, state, due on) of the tasks about an invoice, or about its account's letters."""
        with self.database.reading() as session:
            account = col(Task.account_id) == self.account_and_currency(invoice)[0]
            chosen = select(Task).where(account, col(Task.kind) != TaskKind.CREDIT_TO_APPLY)
            return [(task.kind, task.state, task.due_on) for task in session.scalars(chosen.order_by(col(Task.id)))]

    def row(self, invoice: str) -> Case:
        """The read model's row of an invoice's case, detached."""
        return self.case_row(ids.invoice_case_id(invoice))

    def _others(self, invoices: list[str]) -> list[tuple[str, str]]:
        """Id and kind of the other cases of these invoices, and of their accounts."""
        with self.database.reading() as session:
            accounts = select(col(Invoice.account_id)).where(col(Invoice.id).in_(invoices))
            statement = select(col(Case.case_id), col(Case.kind)).where(col(Case.account_id).in_(accounts), col(Case.kind) != "invoice")
            return [(row.case_id, row.kind) for row in session.execute(statement)]

    def case_row(self, case_id: str) -> Case:
        """The read model's row of any case, detached."""
        with self.database.reading() as session:
            case = session.get_one(Case, case_id)
            session.expunge(case)
            return case

    def _cases(self, invoices: list[str]) -> int:
        with self.database.reading() as session:
            known = select(col(Case.case_id)).where(col(Case.invoice_id).in_(invoices), col(Case.kind) == "invoice")
            return len(session.scalars(known).all())

    # --- the end of a test

    async def _ended(self, case_id: str) -> None:
        """Every case but those that outlive their invoices ends of itself, once these are settled."""
        async for _ in Looks():
            if (await asyncio.to_thread(self.case_row, case_id)).outcome is not None:
                return
        raise AssertionError(f"{case_id} goes on after its invoices; its journal: {self.play.case_journal(case_id)}")

    async def close(self) -> None:
        """Cancel what is still open, and see that the books of every case are whole."""
        opened, self._opened = self._opened, []
        orphans, self.orphans = self.orphans, 0
        now = await self.play.now()
        for invoice in opened:
            if self.play.parts.billing.get_invoice_facts(invoice).is_settled:
                continue
            self.play.parts.billing.cancel_invoice(invoice, at=now)
        await self.play.sync()
        gate = asyncio.Semaphore(40)

        async def check(invoice: str) -> None:
            async with gate:
                await self.outcome(invoice)
                history = await self.case(invoice).fetch_history()
            allowed = allowed_orphans(history, orphans)
            assert await asyncio.to_thread(assert_whole_chain, self.database, self.row(invoice), allowed) == find_last_head(history)

        async def check_other(case_id: str, kind: str) -> None:
            case = self.play.client.get_workflow_handle(case_id)
            if kind not in OUTLIVES_ITS_INVOICES:
                await self._ended(case_id)
            async with gate:
                if kind not in OUTLIVES_ITS_INVOICES:
                    await case.result()
                async for _ in Looks():
                    history = await case.fetch_history()
                    head, allowed = find_last_head(history), allowed_orphans(history, orphans)
                    written = await asyncio.to_thread(assert_whole_chain, self.database, self.case_row(case_id), allowed)
                    if written == head:
                        return
            assert written == head, case_id

        with self.play.environment.auto_time_skipping_disabled():
            await asyncio.gather(*map(check, opened))
            await asyncio.gather(*(check_other(*other) for other in self._others(opened)))


def fix_delivery(outcome: DeliveryOutcome, code: int | None, text: str) -> Callable[..., Any]:
    """What stands in for the mailer's `send` when every letter is to have the same fate."""

    async def send(*_: object) -> DeliveryResult:
        return DeliveryResult(outcome, code, text)

    return send


@asynccontextmanager
async def start_collection_environment(
    database: Database, folder: Path, start: date = date(2013, 1, 6)
) -> AsyncIterator[CollectionEnvironment]:
    async with start_play(database, folder / "data", start) as play:
        yield CollectionEnvironment(play, folder)
