"""Accounts whose cases have told their story to the database: the real rules wrote every entry."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, select

from adapters.config.company import Company, read_company
from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.database.tables import Account, Allocation, Case, Contact, Invoice, JournalEntry, Message, MessageLine, Payment
from domain.approval.approval_case import ApprovalCase
from domain.approval.command_rules import carry_out as decide
from domain.approval.commands import Decision, Verdict
from domain.approval.result import ApprovalNews, ApprovalResult, Subject
from domain.billing.billing_events import InvoiceFacts
from domain.billing.receivables import Claim
from domain.credit_review.command_rules import carry_out as give
from domain.credit_review.commands import Ability, GiveVerdict, Reason, Willingness
from domain.credit_review.review_case import CreditReviewCase
from domain.dispute.command_rules import carry_out as answer_dispute
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.invoice.command_rules import carry_out
from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import GENESIS, Journal
from domain.payment_plan import command_rules as plan_handling
from domain.payment_plan.commands import AcceptPlan, ProposePlan
from domain.payment_plan.instalments import Rhythm, Terms
from domain.payment_plan.plan_case import Covered, PaymentPlanCase
from domain.policy.approval_matrix import MatrixSnapshot, Question
from domain.policy.approval_type import Matter
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeReason, Resolution
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from domain.suspension.state import Stage
from domain.write_off.command_rules import carry_out as propose
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase
from tests.domain.builders import DUE, case, moment, policy
from tests.domain.suspension.builders import Account as Suspended

DAY = timedelta(days=1)
MATRIX = PROJECT / "policies" / "approvals.yaml"


def on(days: int) -> date:
    return DUE + days * DAY


def at(days: float) -> datetime:
    """So many days after 1 March 2013, at noon UTC."""
    return datetime(DUE.year, DUE.month, DUE.day, 12, tzinfo=UTC) + days * DAY


def company() -> Company:
    return read_company(Path(PROJECT / "company.example.yaml"))


class ToldAccount:
    """The account A1 in a database; `days` count from the due date of its invoices, 1 March 2013."""

    def __init__(self, database: Database, name: str = "Brauerei Nord GmbH") -> None:
        self.database = database
        self.add(
            Account(id="A1", name=name, country="DE", time_zone="Europe/Berlin", language="de", collector="maria"),
            Contact(account_id="A1", name="Petra Lang", email="buchhaltung@brauerei-nord.example", phone="+49 40 123456"),
        )

    def add(self, *rows: SQLModel) -> None:
        with self.database.writing() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def invoice(self, id: str, total: int = 10_000, currency: str = "EUR", due: int = 0, disputed: bool = False) -> None:
        self.add(
            Invoice(
                id=id, account_id="A1", number=f"RE-2013-{id}", issue_date=on(due - 30), due_date=on(due), currency=currency, total=total,
                open_balance=total, disputed=disputed,
            )
        )  # fmt: skip

    def pays(self, id: str, amount: int, day: int) -> None:
        payment = f"P-{id}-{day}-{amount}"
        self.add(
            Payment(id=payment, account_id="A1", currency="EUR", amount=amount, received_on=on(day)),
            Allocation(payment_id=payment, invoice_id=id, amount=amount, allocated_on=on(day)),
        )
        with self.database.writing() as session:
            invoice = session.get_one(Invoice, id)
            invoice.open_balance -= amount
            if not invoice.open_balance:
                invoice.status, invoice.settled_on = "paid", on(day)

    def overpays(self, amount: int, day: int) -> None:
        """Money that no invoice takes."""
        self.add(Payment(id=f"P-{day}", account_id="A1", currency="EUR", amount=amount, received_on=on(day)))

    def await_verdict(self) -> None:
        """The account's review is due anew."""
        with self.database.writing() as session:
            session.get_one(Case, "credit_review:A1").waiting_for = "verdict"

    def entries(self, kind: EntryKind) -> list[dict[str, Any]]:
        with self.database.reading() as session:
            return [row.model_dump() for row in session.exec(select(JournalEntry).where(JournalEntry.kind == kind.value))]

    def tell(self, journal: Journal, kind: str, stage: str = "new", outcome: str | None = None, days: float = 0) -> None:
        """Write what a case told, and its row in the read model as of a day."""
        entries = [JournalEntry(**entry.model_dump()) for entry in journal.pending]
        self.add(
            *entries,
            Case(
                case_id=journal.case_id, run_id="run-1", kind=kind, account_id="A1", invoice_id=journal.invoice_id, stage=stage,
                waiting_for="time", outcome=outcome, seq=journal.seq, head=journal.head, updated_at=at(days),
            ),
        )  # fmt: skip

    def letter(
        self, invoice_ids: list[str], day: int, template: str = "reminder", state: str = "sent", reply: str = "250 2.0.0 OK"
    ) -> None:
        message = Message(
            key=f"letter:{template}:{day}", account_id="A1", recipient="buchhaltung@brauerei-nord.example", language="de",
            currency="EUR", letter=template, slot=at(day), message_id=f"<{template}.{day}@duecourse.example>", subject="Zahlungserinnerung",
            state=state, attempts=1, sent_at=at(day) if state == "sent" else None, reply=reply,
        )  # fmt: skip
        self.add(message)
        assert message.id is not None
        self.add(
            *(
                MessageLine(
                    message_id=message.id, invoice_id=id, step=template, attempt=1, open_balance=1, days_past_due=day, invoice_version=1
                )
                for id in invoice_ids
            )
        )  # fmt: skip


def tell_promises(account: ToldAccount, outcomes: str = "kb", invoice: str = "I1") -> None:
    """One promise after another on an invoice of 1,000.00: k kept, b broken, and o one that is still open. And two calls."""
    told = case(opened=0, total=100_000, open_balance=100_000)
    fresh = {"case_id": f"invoice:{invoice}", "invoice_id": invoice, "pending": [], "seq": 0, "head": GENESIS}
    told.journal = told.journal.model_copy(update=fresh)
    told.open(moment(0))
    for number, outcome in enumerate(outcomes):
        day = 5 + 10 * number
        carry_out(told, LogCall(act_id=f"C{number}", actor="maria", outcome=CallOutcome.REACHED), moment(day))
        promise = MakePromise(act_id=f"{invoice}-{number}", actor="maria", amount=5_000, by=on(day + 3))
        carry_out(told, promise, moment(day))
        if outcome == "k" and told.promise:
            told.promise = told.promise.with_payment(5_000)
        if outcome != "o":
            told.let_time_pass(moment(day + 7))
    account.tell(told.journal, "invoice", stage="final_demand", days=40)


def tell_dispute(account: ToldAccount, resolution: Resolution | None = Resolution.REJECTED, number: int = 1, amount: int = 4_000) -> None:
    journal = Journal(case_id=f"dispute:I1:{number}", account_id="A1", invoice_id="I1")
    raised = RaiseDispute(
        act_id=f"R{number}", actor="maria", role=Role.COLLECTOR, reason=DisputeReason.WRONG_PRICE, amount=amount, evidence=["ab" * 32]
    )
    facts = InvoiceFacts(version=1, due_date=DUE, currency="EUR", total=100_000, open_balance=100_000)
    told = DisputeCase(journal=journal, facts=facts, snapshot=PolicySnapshot.of(policy()), raised=raised)
    told.open(moment(8))
    if resolution:
        answer = ResolveDispute(act_id=f"X{number}", actor="sam", role=Role.SALES_OPS, resolution=resolution, reference="bank 4711")
        answer_dispute(told, answer, moment(11))
    account.tell(journal, "dispute", outcome=resolution.value if resolution else None)


def tell_plan(account: ToldAccount, kept: bool = False) -> None:
    """Three monthly instalments; nothing is paid unless `kept`."""
    terms = Terms(first_on=on(25), equal=3, rhythm=Rhythm.WEEKLY)
    proposal = ProposePlan(act_id="plan-1", actor="maria", invoice_ids=["I1"], currency="EUR", terms=terms)
    journal = Journal(case_id="plan:A1:1", account_id="A1")
    told = PaymentPlanCase(
        journal=journal, snapshot=PolicySnapshot.of(policy()), proposal=proposal, covered={"I1": Covered(version=1, open_balance=9_000)}
    )
    told.open(moment(20))
    told.approval_came(ApprovalNews(number=1, result=ApprovalResult.APPROVED, by="mona"), moment(21))
    plan_handling.carry_out(told, AcceptPlan(act_id="plan-2", actor="maria", revision=1), moment(22))
    if kept:
        facts = InvoiceFacts(version=2, due_date=DUE, currency="EUR", total=9_000, open_balance=0)
        told.hear_facts("I1", facts, moment(24))
    while (wakes := told.wakes_at()) is not None:
        told.let_time_pass(moment((wakes - moment(0).business).days))
    account.tell(journal, "payment_plan", outcome=told.stage.value)


def tell_verdict(
    account: ToldAccount, limit: int | None = 50_000, ability: Ability = Ability.UNABLE, insolvent: bool = False, days: float = 30
) -> CreditReviewCase:
    told = CreditReviewCase(journal=Journal(case_id="credit_review:A1", account_id="A1"))
    told.refer(Reason.BROKEN_PROMISES, moment(days - 2))
    verdict = GiveVerdict(
        act_id="V1", actor="clara", ability=ability, willingness=Willingness.UNWILLING, insolvent=insolvent, limit=limit,
        currency=None if limit is None else "EUR", next_review_on=on(int(days) + 90),
    )  # fmt: skip
    give(told, verdict, moment(days))
    account.tell(told.journal, "credit_review", days=days)
    return told


def tell_suspension(account: ToldAccount) -> None:
    """Asked on day 0, warned on 1, delivered on 2, signed off and suspended on 17, handed over on 47; two people signed the sign-off."""
    told = Suspended(Claim(invoice_id="I1", version=1, currency="EUR", open_balance=100_000)).brought_to(Stage.HANDED_OVER)
    account.tell(told.case.journal, "suspension", stage="handed_over")
    for number, matter, signers in ((1, Matter.SUSPENSION_WARNING, ("mona",)), (2, Matter.SUSPENSION, ("mona", "dora"))):
        tell_approval(account, f"suspension:A1:{number}", matter, signers, day=1 if number == 1 else 17)


def tell_approval(account: ToldAccount, subject: str, matter: Matter, signers: tuple[str, ...], day: int = 1) -> None:
    matrix = MatrixSnapshot.of(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX)))
    question = Question(matter=matter, amount=100_000, currency="EUR", segment="key" if len(signers) > 1 else "standard")
    journal = Journal(case_id=f"approval:{subject}", account_id="A1")
    told = ApprovalCase.about(journal, question, "maria", Subject(case_id=subject.rpartition(":")[0], invoice_ids=["I1"]), matrix)
    told.open(moment(day))
    for signer, role in zip(signers, (Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR), strict=False):
        decide(told, Decision(act_id=f"{subject}-{signer}", actor=signer, role=role, verdict=Verdict.APPROVE), moment(day))
    account.tell(journal, "approval", outcome="approved")


def tell_write_off(account: ToldAccount, amount: int = 30_000) -> None:
    told = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    told.handed_over([Claim(invoice_id="I1", version=1, currency="EUR", open_balance=100_000)], moment(47))
    part = ProposeWriteOff(act_id="W1", actor="will", decision=WriteOffDecision.PART, amounts={"I1": amount})
    propose(told, part, moment(50))
    told.approval_came(ApprovalNews(number=1, result=ApprovalResult.APPROVED, by="dora"), moment(52))
    told.billing_booked("I1", amount, moment(53))
    account.tell(told.journal, "write_off", stage="decided")
