"""A small portfolio in a real database, and cases that answer without Temporal. Built step by step, saying only what matters."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlmodel import SQLModel

from adapters.cases.case_store import CaseBook
from adapters.database.engine import Database
from adapters.database.tables import Account, Contact, Invoice, Message, MessageLine, PolicyVersion, Task
from adapters.project import PROJECT
from adapters.temporal.case_commands import ActRefused, CaseAlreadyOpen, CaseNotRunning, CasesUnreachable, WillBeApplied
from adapters.temporal.case_start import Beginning
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts, InvoiceStatus
from domain.case.case_view import CaseView
from domain.case.command import Act, Receipt
from domain.case_record import Record
from domain.clock import Clock, Moment, start_of_day
from domain.correspondence.letter_outcome import LetterFate, LetterNews
from domain.invoice.command_rules import carry_out, refusal
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import view
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot, Step
from domain.policy.policy_parsing import parse_policy

TODAY = date(2013, 3, 1)
REAL_NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CLOCK = Clock(real_anchor=REAL_NOW, business_anchor=start_of_day(TODAY) + timedelta(hours=9), day_seconds=2)
STANDARD = PROJECT / "policies" / "standard.yaml"
LETTERS = ("courtesy", "reminder", "second_reminder", "firm_reminder", "final_demand")
POLICY = PolicySnapshot.of(parse_policy(STANDARD.read_text(encoding="utf-8"), str(STANDARD), LETTERS))


def moment(day: date) -> Moment:
    return Moment(start_of_day(day) + timedelta(hours=9), REAL_NOW)


@dataclass
class FakeCases:
    """The cases by invoice, with their real rules. `answers` False: no worker picks an act up in time.

    `running`: the ids of other cases, with what they refuse every act by; empty words refuse nothing. `begun`: what was started.
    """

    cases: dict[str, InvoiceCase] = field(default_factory=dict)
    answers: bool = True
    is_reachable: bool = True
    acts: list[Act] = field(default_factory=list)
    deliveries: int = 0
    running: dict[str, str] = field(default_factory=dict)
    begun: list[Beginning] = field(default_factory=list)

    async def act_on(self, case_id: str, act: Act) -> Receipt | WillBeApplied:
        if case_id.startswith(ids.invoice_case("")):
            return await self.act(ids.invoice_of(case_id), act)
        if case_id not in self.running:
            raise CaseNotRunning(case_id)
        return self._taken(case_id, act)

    async def act_or_begin(self, beginning: Beginning, act: Act) -> Receipt | WillBeApplied:
        if beginning.case_id not in self.running:
            self.begun.append(beginning)
        return self._taken(beginning.case_id, act)

    async def begin(self, beginning: Beginning, act_id: str) -> Receipt | WillBeApplied:
        if not self.is_reachable:
            raise CasesUnreachable
        if beginning.case_id in self.running:
            raise CaseAlreadyOpen(beginning.case_id)
        self.running[beginning.case_id] = ""
        self.begun.append(beginning)
        return Receipt(act_id=act_id) if self.answers else WillBeApplied(act_id)

    def _taken(self, case_id: str, act: Act) -> Receipt | WillBeApplied:
        if not self.is_reachable:
            raise CasesUnreachable
        self.acts.append(act)
        if not self.answers:
            return WillBeApplied(act.act_id)
        if reason := self.running.get(case_id):
            raise ActRefused(reason)
        return Receipt(act_id=act.act_id, seq=2)

    async def act(self, invoice_id: str, act: Act) -> Receipt | WillBeApplied:
        case = self.cases.get(invoice_id)
        if case is None or case.settled:
            raise CaseNotRunning(invoice_id)
        if not self.is_reachable:
            raise CasesUnreachable
        self.acts.append(act)
        if not self.answers:
            return WillBeApplied(act.act_id)
        if reason := refusal(case, act, TODAY):
            raise ActRefused(reason)
        seq = carry_out(case, act, moment(TODAY))
        return Receipt(act_id=act.act_id, seq=seq, repeated=seq is None)

    async def snapshot(self, invoice_id: str) -> CaseView | None:
        case = self.cases.get(invoice_id)
        return view(case, "run", moment(TODAY).business) if case and self.answers else None

    async def deliver_soon(self) -> None:
        self.deliveries += 1

    async def reachable(self) -> bool:
        return self.is_reachable


class World:
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

    def account(self, id: str = "A-1", name: str = "Brauerei Nord GmbH", language: str = "de", collector: str | None = "maria") -> str:
        self.add(
            Account(id=id, name=name, country="DE", time_zone="Europe/Berlin", language=language, collector=collector),
            Contact(account_id=id, role="billing", name="Accounts payable", email=f"ap@{id.lower()}.example"),
        )
        return id

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
                id=id, account_id=account, number=f"N-{id}", issue_date=due - timedelta(days=30), due_date=due, currency=currency,
                total=total,
                open_balance=0 if settled else total, status=status.value, settled_on=due if settled else None,
            )
        )  # fmt: skip
        return self.case(id, account, due, total, currency) if started and not settled else None

    def case(self, id: str, account: str, due: date, total: int, currency: str) -> InvoiceCase:
        facts = InvoiceFacts(version=1, due_date=due, currency=currency, total=total, open_balance=total)
        journal = Journal(case_id=ids.invoice_case(id), account_id=account, invoice_id=id)
        case = InvoiceCase(journal=journal, facts=facts, snapshot=POLICY)
        case.open(moment(due + timedelta(days=1)))
        self.cases.cases[id] = case
        self.write(case)
        return case

    def steps(self, case: InvoiceCase, count: int, fate: LetterFate = LetterFate.SENT) -> InvoiceCase:
        """Take the next steps, each on its day; what became of their letters is heard at once."""
        for _ in range(count):
            step = self.next_step(case)
            day = case.facts.due_date + timedelta(days=max(step.day, 1))
            case.take(step, moment(day))
            if step.letter:
                news = LetterNews(step=step.step, attempt=1, fate=fate, at=moment(day).business, on=day, message_id=f"<{step.step}@x>")
                case.hear_of_letter(news, moment(day))
        self.write(case)
        return case

    def next_step(self, case: InvoiceCase) -> Step:
        step = case.next_step(TODAY)
        assert step is not None
        return step

    def pays(self, case: InvoiceCase, amount: int, day: date = TODAY) -> None:
        left = case.facts.open_balance - amount
        status = InvoiceStatus.OPEN if left else InvoiceStatus.PAID
        facts = case.facts.model_copy(update={"version": case.facts.version + 1, "open_balance": left, "status": status})
        event = BillingEvent(
            event_id=f"pay:{left}", kind=BillingEventKind.PAYMENT_RECEIVED, occurred_at=moment(day).business, facts=facts, amount=amount
        )
        case.hear(event, moment(day))
        self.write(case)
        with self.database.writing() as session:
            row = session.get(Invoice, case.journal.invoice_id)
            assert row is not None
            row.open_balance, row.status, row.settled_on = left, status.value, None if left else day

    def write(self, case: InvoiceCase) -> None:
        now = moment(TODAY).business
        record = Record(now=now, entries=list(case.journal.pending), case=view(case, "run", now), carried=case.carried())
        CaseBook(self.database).record([record])
        case.journal.written(case.journal.seq)

    def letter(self, invoice: str, state: str = "sent", account: str = "A-1", step: str = "reminder", reply: str = "250 OK") -> int:
        """A letter about one invoice; refused and unknown ones with their task."""
        message = Message(
            key=f"letter:{account}:{invoice}:{step}", account_id=account, recipient=f"ap@{account.lower()}.example", language="de",
            currency="EUR", letter=step, slot=moment(TODAY).business, message_id=f"<{invoice}.{step}@x>",
            subject=f"Zahlungserinnerung: N-{invoice}", state=state, attempts=1,
            sent_at=moment(TODAY).business if state == "sent" else None, reply=reply,
            content=b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGuten Tag\r\n",
        )  # fmt: skip
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
        task = Task(
            key=f"{kind}:{invoice}", kind=kind, account_id=account, invoice_id=invoice, assignee="maria", due_on=due, message_id=message_id
        )
        self.add(task)
        assert task.id is not None
        return task.id
