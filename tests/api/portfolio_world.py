"""A small portfolio in a real database, and cases that answer without Temporal. Built step by step, saying only what matters."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlmodel import SQLModel

from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.database.tables import Account, CallRequest, Contact, Invoice, Message, MessageLine, PolicyVersion, Task
from adapters.shipped_files import PROJECT
from adapters.temporal.case_commands import CaseAlreadyOpen, CaseNotRunning, CasesUnreachable, CommandQueued, CommandRejected
from adapters.temporal.case_start import CaseStart
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts, InvoiceStatus
from domain.case.case_view import CaseView, TaskKind
from domain.case.command import Command, CommandReceipt
from domain.case_write import CaseWrite
from domain.clock import Clock, Moment, start_of_day
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command, rejection_reason
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot, Step
from domain.policy.policy_parsing import parse_policy

TODAY = date(2013, 3, 1)
REAL_NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CLOCK = Clock(real_anchor=REAL_NOW, business_anchor=start_of_day(TODAY) + timedelta(hours=9), day_seconds=2)
STANDARD = PROJECT / "policies" / "standard.yaml"
LETTERS = ("courtesy", "reminder", "second_reminder", "firm_reminder", "final_demand")
POLICY = PolicySnapshot.from_policy(parse_policy(STANDARD.read_text(encoding="utf-8"), str(STANDARD), LETTERS))


def moment_on(day: date) -> Moment:
    return Moment(start_of_day(day) + timedelta(hours=9), REAL_NOW)


@dataclass
class FakeCases:
    """The cases by invoice, with their real rules. `answers` False: no worker picks an act up in time.

    `running`: the ids of other cases, with what they refuse every act by; empty words refuse nothing. `begun`: what was started.
    `unreachable`: the ids of invoices whose cases alone do not answer. `unawaited`: the invoices to which a command was sent without
    waiting for a worker.
    """

    cases: dict[str, InvoiceCase] = field(default_factory=dict)
    answers: bool = True
    is_reachable: bool = True
    acts: list[Command] = field(default_factory=list)
    deliveries: int = 0
    triggered: list[str] = field(default_factory=list)
    unreachable: set[str] = field(default_factory=set)
    unawaited: list[str] = field(default_factory=list)
    running: dict[str, str] = field(default_factory=dict)
    begun: list[CaseStart] = field(default_factory=list)

    async def submit_command(self, case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        parsed = ids.parse_case_id(case_id)
        if parsed and parsed.kind is ids.CaseKind.INVOICE:
            return await self.submit_invoice_command(parsed.subject, command)
        if case_id not in self.running:
            raise CaseNotRunning(case_id)
        return self._taken(case_id, command)

    async def submit_or_start_case(self, case_start: CaseStart, command: Command) -> CommandReceipt | CommandQueued:
        if case_start.case_id not in self.running:
            self.begun.append(case_start)
        return self._taken(case_start.case_id, command)

    async def start_case(self, case_start: CaseStart, act_id: str) -> CommandReceipt | CommandQueued:
        if not self.is_reachable:
            raise CasesUnreachable
        if case_start.case_id in self.running:
            raise CaseAlreadyOpen(case_start.case_id)
        self.running[case_start.case_id] = ""
        self.begun.append(case_start)
        return CommandReceipt(act_id=act_id) if self.answers else CommandQueued(act_id)

    def _taken(self, case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        if not self.is_reachable:
            raise CasesUnreachable
        self.acts.append(command)
        if not self.answers:
            return CommandQueued(command.act_id)
        if reason := self.running.get(case_id):
            raise CommandRejected(reason)
        return CommandReceipt(act_id=command.act_id, seq=2)

    def _reach_case(self, invoice_id: str, command: Command) -> InvoiceCase:
        case = self.cases.get(invoice_id)
        if case is None or case.is_settled:
            raise CaseNotRunning(invoice_id)
        if not self.is_reachable or invoice_id in self.unreachable:
            raise CasesUnreachable
        self.acts.append(command)
        return case

    async def submit_invoice_command(self, invoice_id: str, command: Command) -> CommandReceipt | CommandQueued:
        case = self._reach_case(invoice_id, command)
        if not self.answers:
            return CommandQueued(command.act_id)
        if reason := rejection_reason(case, command, TODAY):
            raise CommandRejected(reason)
        seq = apply_command(case, command, moment_on(TODAY))
        return CommandReceipt(act_id=command.act_id, seq=seq, repeated=seq is None)

    async def queue_invoice_command(self, invoice_id: str, command: Command) -> CommandQueued:
        self.unawaited.append(invoice_id)
        self._reach_case(invoice_id, command)
        return CommandQueued(command.act_id)

    async def find_rejection_reason(self, invoice_id: str, command: Command, today: date) -> str | None:
        case = self.cases.get(invoice_id)
        if case is None or case.is_settled:
            raise CaseNotRunning(invoice_id)
        return rejection_reason(case, command, today) if self.answers and self.is_reachable else None

    async def query_invoice_case(self, invoice_id: str) -> CaseView | None:
        case = self.cases.get(invoice_id)
        return build_case_view(case, "run", moment_on(TODAY).business) if case and self.answers else None

    async def trigger_billing_sync(self) -> None:
        self.deliveries += 1

    async def trigger_schedule(self, schedule_id: str) -> None:
        self.triggered.append(schedule_id)

    async def is_temporal_reachable(self) -> bool:
        return self.is_reachable

    async def has_workers(self) -> bool:
        return self.answers


class PortfolioWorld:
    """`cases` and `database` tell the same story."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.cases = FakeCases()
        self.add(PolicyVersion(name=POLICY.name, version=POLICY.version, snapshot=POLICY.text, sha256=POLICY.sha256, created_at=REAL_NOW))

    def add(self, *rows: SQLModel) -> None:
        with self.database.writing() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def account(
        self, account_id: str = "A-1", name: str = "Brauerei Nord GmbH", language: str = "de", collector: str | None = "maria"
    ) -> str:
        self.add(
            Account(id=account_id, name=name, country="DE", time_zone="Europe/Berlin", language=language, collector=collector),
            Contact(account_id=account_id, role="billing", name="Accounts payable", email=f"ap@{account_id.lower()}.example"),
        )
        return account_id

    def invoice(
        self,
        id: str,
        account: str = "A-1",
        due: date = date(2013, 2, 10),
        total: int = 25_000,
        currency: str = "EUR",
        status: InvoiceStatus = InvoiceStatus.OPEN,
        started: bool = True,
    ) -> InvoiceCase | None:
        """An invoice with, if `started`, its case as it stood a day after the due date, before any step."""
        settled = status is not InvoiceStatus.OPEN
        self.add(
            Invoice(
                id=id,
                account_id=account,
                number=f"N-{id}",
                issue_date=due - timedelta(days=30),
                due_date=due,
                currency=currency,
                total=total,
                open_balance=0 if settled else total,
                status=status.value,
                settled_on=due if settled else None,
            )
        )
        return self.case(id, account, due, total, currency) if started and not settled else None

    def case(self, id: str, account: str, due: date, total: int, currency: str) -> InvoiceCase:
        facts = InvoiceFacts(version=1, due_date=due, currency=currency, total=total, open_balance=total)
        journal = Journal(case_id=ids.invoice_case_id(id), account_id=account, invoice_id=id)
        case = InvoiceCase(journal=journal, facts=facts, snapshot=POLICY)
        case.open(moment_on(due + timedelta(days=1)))
        self.cases.cases[id] = case
        self.write(case)
        return case

    def steps(self, case: InvoiceCase, count: int, fate: LetterResult = LetterResult.SENT, must_arrive: bool = True) -> InvoiceCase:
        """Take the next steps, each on its day; what became of their letters is heard at once."""
        for _ in range(count):
            step = self.next_step(case)
            day = case.facts.due_date + timedelta(days=max(step.day, 1))
            case.take_step(step, moment_on(day))
            if step.letter:
                news = LetterOutcome(
                    step=step.step, attempt=1, fate=fate, at=moment_on(day).business, on=day, message_id=f"<{step.step}@x>"
                )
                case.apply_letter_outcome(news, moment_on(day), must_arrive)
        self.write(case)
        return case

    def next_step(self, case: InvoiceCase) -> Step:
        step = case.next_step(TODAY)
        assert step is not None
        return step

    def record_payment(self, case: InvoiceCase, amount: int, day: date = TODAY) -> None:
        left = case.facts.open_balance - amount
        status = InvoiceStatus.OPEN if left else InvoiceStatus.PAID
        facts = case.facts.model_copy(update={"version": case.facts.version + 1, "open_balance": left, "status": status})
        event = BillingEvent(
            event_id=f"pay:{left}", kind=BillingEventKind.PAYMENT_RECEIVED, occurred_at=moment_on(day).business, facts=facts, amount=amount
        )
        apply_billing_event(case, event, moment_on(day))
        self.write(case)
        with self.database.writing() as session:
            row = session.get(Invoice, case.journal.invoice_id)
            assert row is not None
            row.open_balance, row.status, row.settled_on = left, status.value, None if left else day

    def write(self, case: InvoiceCase) -> None:
        now = moment_on(TODAY).business
        record = CaseWrite(
            now=now, entries=list(case.journal.pending), case=build_case_view(case, "run", now), carried=case.build_earlier_run()
        )
        CaseStore(self.database).write([record])
        case.journal.mark_written(case.journal.seq)

    def letter(self, invoice: str, state: str = "sent", account: str = "A-1", step: str = "reminder", reply: str = "250 OK") -> int:
        """A letter about one invoice; refused and unknown ones with their task."""
        message = Message(
            key=f"letter:{account}:{invoice}:{step}",
            account_id=account,
            recipient=f"ap@{account.lower()}.example",
            language="de",
            currency="EUR",
            letter=step,
            slot=moment_on(TODAY).business,
            message_id=f"<{invoice}.{step}@x>",
            subject=f"Zahlungserinnerung: N-{invoice}",
            state=state,
            attempts=1,
            sent_at=moment_on(TODAY).business if state == "sent" else None,
            reply=reply,
            content=b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGuten Tag\r\n",
        )
        self.add(message)
        assert message.id is not None
        self.add(
            MessageLine(
                message_id=message.id, invoice_id=invoice, step=step, attempt=1, open_balance=25_000, days_past_due=19, invoice_version=1
            )
        )
        if state in ("refused", "unknown"):
            self.task(invoice, f"{state}_letter", account, message_id=message.id)
        return message.id

    def task(self, invoice: str, kind: str = "call", account: str = "A-1", due: date = TODAY, message_id: int | None = None) -> int:
        """A task about an invoice; an open call is its account's, and the invoice asks for it."""
        calls = kind == TaskKind.CALL
        about = None if calls else invoice
        task = Task(
            key=f"{kind}:{invoice}", kind=kind, account_id=account, invoice_id=about, assignee="maria", due_on=due, message_id=message_id
        )
        self.add(task)
        assert task.id is not None
        if calls:
            self.add(CallRequest(invoice_id=invoice, step="phone_call", task_id=task.id, due_on=due))
        return task.id
