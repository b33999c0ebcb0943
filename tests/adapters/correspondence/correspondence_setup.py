"""What the tests of correspondence begin with: customers without public holidays, in UTC, their invoices, cases and letters.

It is Tuesday, 4 June 2013; invoices of 100.00 EUR fell due the day before yesterday.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from adapters.cases.case_store import CaseStore
from adapters.config.company import Company, load_company
from adapters.config.settings import PROJECT, Settings
from adapters.correspondence.delivery_outcomes import BACKOFF
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.letter_outbox import PATIENCE, LetterOutbox
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Contact, ContactRequest, Invoice, Message, MessageLine, SQLModel, Task
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceFacts
from domain.case_write import CaseWrite
from domain.clock import Moment
from domain.correspondence.contact_request import ContactOrder
from domain.correspondence.letter_outcome import DropReason
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot, Step
from domain.policy.policy_parsing import parse_policy

DAWN, NOON = datetime(2013, 6, 4, 5, tzinfo=UTC), datetime(2013, 6, 4, 12, tzinfo=UTC)
TODAY, DUE = NOON.date(), date(2013, 6, 2)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
POLICY_FILE = PROJECT / "policies" / "standard.yaml"
LETTERS = frozenset({"courtesy", "reminder", "second_reminder", "firm_reminder", "final_demand"})
POLICY = parse_policy(POLICY_FILE.read_text(encoding="utf-8"), POLICY_FILE.name, LETTERS)
SENT = DeliveryResult(DeliveryOutcome.SENT, 250, "Taken")


def find_step(name: str) -> Step:
    return next(known for known in POLICY.timeline if known.step == name)


class CorrespondenceSetup:
    def __init__(self, database: Database) -> None:
        self.database, self.casebook = database, CaseStore(database)

    # --- customers and invoices

    def create_account(self, account: str = "A1", **terms: Any) -> None:
        details = {"name": account, "country": "ZZ", "time_zone": "UTC", "language": "en", **terms}
        with self.database.writing() as session:
            session.add(Account(id=account, **details))
            session.flush()
            session.add(Contact(account_id=account, name="Kim", email=f"{account.lower().strip('@').replace(':', '-')}@customer.test"))

    def create_invoice(self, invoice: str = "I1", account: str = "A1", due: date = DUE, **terms: Any) -> None:
        details = {"currency": "EUR", "total": 10_000, "open_balance": 10_000, **terms}
        with self.database.writing() as session:
            session.add(Invoice(id=invoice, account_id=account, number=invoice, issue_date=due - 30 * DAY, due_date=due, **details))

    def change(self, table: type[SQLModel], row: str, **values: Any) -> None:
        with self.database.writing() as session:
            session.execute(update(table).where(col(table.id) == row).values(**values))  # type: ignore[attr-defined]

    # --- cases, as their workflows see them

    def case(self, invoice: str = "I1", account: str = "A1", at: datetime = DAWN, due: date = DUE) -> InvoiceCase:
        """A case that has just been opened, and is not in the database yet."""
        journal = Journal(case_id=ids.invoice_case_id(invoice), account_id=account, invoice_id=invoice)
        facts = InvoiceFacts(version=1, due_date=due, currency="EUR", total=10_000, open_balance=10_000)
        case = InvoiceCase(journal=journal, facts=facts, snapshot=PolicySnapshot.from_policy(POLICY))
        case.open(Moment(at, at))
        return case

    def take_step(self, case: InvoiceCase, name: str, at: datetime = DAWN) -> ContactOrder:
        """What a step asks for, taken by the case but not yet written."""
        case.take_step(find_step(name), Moment(at, at))
        return self.build_contact_request(name, case.facts.due_date, at)

    def build_contact_request(self, name: str, due: date = DUE, at: datetime = DAWN) -> ContactOrder:
        of = find_step(name)
        return ContactOrder(
            step=of.step,
            rank=of.day,
            act=of.act,
            letter=of.letter,
            escalate_to=of.escalate_to,
            not_before=at.date(),
            not_after=due if of.is_before_due else None,
            contact=POLICY.contact,
            hours_matter=True,
            catch_up_days=POLICY.catch_up_days,
        )

    def build_case_write(
        self,
        case: InvoiceCase,
        at: datetime = DAWN,
        run: str = "run-1",
        ask: ContactOrder | None = None,
        await_letter: bool = False,
        withdraw: DropReason | None = None,
    ) -> CaseWrite:
        return CaseWrite(
            now=at,
            entries=list(case.journal.pending),
            case=build_case_view(case, run, at),
            carried=case.build_earlier_run(),
            ask=ask,
            await_letter=await_letter,
            withdraw=withdraw,
            heard=case.heard,
        )

    # --- requests and letters

    def create_contact_request(self, invoice: str = "I1", account: str = "A1", name: str = "reminder", **terms: Any) -> None:
        """A step asked for a letter whose slot came at nine this morning."""
        of = find_step(name)
        details = {"slot": DAWN + 4 * HOUR, "days_between_letters": 2, "letter": of.letter or "", "rank": of.day, **terms}
        with self.database.writing() as session:
            session.add(
                ContactRequest(invoice_id=invoice, account_id=account, step=of.step, policy="standard", policy_version=1, **details)
            )

    def create_billed_invoice(self, invoice: str = "I1", account: str = "A1", name: str = "reminder", **terms: Any) -> None:
        """An invoice, and the request of one of its steps."""
        self.create_invoice(invoice, account, **terms)
        self.create_contact_request(invoice, account, name)

    def write_case_row(self, invoice: str, account: str = "A1", holds: Sequence[str] = (), next_on: date | None = None) -> None:
        """The read model's row of an invoice."""
        now = datetime.now(UTC)
        with self.database.writing() as session:
            session.merge(
                Case(
                    case_id=ids.invoice_case_id(invoice),
                    run_id="r",
                    kind="invoice",
                    account_id=account,
                    invoice_id=invoice,
                    stage="new",
                    waiting_for="time",
                    policy="standard",
                    policy_version=1,
                    seq=1,
                    head="",
                    updated_at=now,
                    next_on=next_on,
                    holds=[{"hold_id": kind, "kind": kind} for kind in holds],
                )
            )

    def letter_loader(self) -> LetterLoader:
        settings, company, letters = _house()
        return LetterLoader(
            self.database, Ledger(self.database), letters, company, company.collector, settings.sender, settings.reply_domain
        )

    def letter_outbox(
        self, owner: str = "worker-1", patience: timedelta = PATIENCE, backoff: Sequence[timedelta] = BACKOFF
    ) -> LetterOutbox:
        return LetterOutbox(self.database, self.letter_loader(), owner, patience=patience, backoff=backoff)

    def send_all(self, outbox: LetterOutbox, now: datetime = NOON, delivery: DeliveryResult = SENT) -> int:
        """Intend, begin and end every letter that is due; how many were begun."""
        begun = [letter.message for letter in outbox.begin_transmission(outbox.claim_due_letters(now, 100), now) if letter]
        outbox.record_outcomes([(message, delivery) for message in begun], now)
        return len(begun)

    # --- what is in the database

    def letters(self) -> list[Message]:
        return self._all(Message)

    def requests(self) -> dict[str, ContactRequest]:
        """By invoice."""
        return {request.invoice_id: request for request in self._all(ContactRequest)}

    def lines(self, message: int | None) -> dict[str, str]:
        """Invoice → step."""
        return {line.invoice_id: line.step for line in self._all(MessageLine) if line.message_id == message}

    def tasks(self) -> list[tuple[str, str]]:
        """(kind, state)."""
        return [(task.kind, task.state) for task in self._all(Task)]

    def _all(self, table: Any) -> list[Any]:
        with self.database.reading() as session:
            rows = session.scalars(select(table).order_by(table.id)).all()
            session.expunge_all()
            return list(rows)


@cache
def _house() -> tuple[Settings, Company, LetterTemplates]:
    settings = Settings.load()
    return settings, load_company(settings), LetterTemplates(settings.letters_dir)
