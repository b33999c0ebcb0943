"""Accounts whose cases have told their story to the database: the real rules wrote every entry."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel, col, select

from adapters.config.company import Company, load_company_file
from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.database.tables import Account, Allocation, Case, Contact, Invoice, JournalEntry, Message, MessageLine, Payment
from domain.approval.approval_case import ApprovalCase
from domain.approval.command_rules import apply_command as decide
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.result import ApprovalOutcome, ApprovalResult, ApprovalSubject
from domain.billing.billing_events import InvoiceFacts
from domain.billing.receivables import Receivable
from domain.credit_review.command_rules import apply_command as give
from domain.credit_review.commands import AbilityToPay, GiveCreditVerdict, ReferralReason, WillingnessToPay
from domain.credit_review.review_case import CreditReviewCase
from domain.dispute.command_rules import apply_command as answer_dispute
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.journal.entry import GENESIS
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.payment_plan import command_rules as plan_handling
from domain.payment_plan import negotiation, plan_progress
from domain.payment_plan.commands import AcceptPlan, ProposePlan
from domain.payment_plan.instalments import InstalmentFrequency, InstalmentTerms
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import CoveredInvoice
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from domain.suspension.state import SuspensionStage
from domain.write_off.command_rules import apply_command as propose
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase
from tests.domain.builders import DUE, build_case, build_policy, moment
from tests.domain.suspension.builders import SuspensionDriver as Suspended

DAY = timedelta(days=1)
MATRIX = PROJECT / "policies" / "approvals.yaml"


def day_on(days: int) -> date:
    return DUE + days * DAY


def noon_on(days: float) -> datetime:
    """So many days after 1 March 2013, at noon UTC."""
    return datetime(DUE.year, DUE.month, DUE.day, 12, tzinfo=UTC) + days * DAY


@cache
def load_example_company() -> Company:
    return load_company_file(Path(PROJECT / "company.example.yaml"))


class JournalledAccount:
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
                id=id,
                account_id="A1",
                number=f"RE-2013-{id}",
                issue_date=day_on(due - 30),
                due_date=day_on(due),
                currency=currency,
                total=total,
                open_balance=total,
                disputed=disputed,
            )
        )

    def record_payment(self, id: str, amount: int, day: int) -> None:
        payment = f"P-{id}-{day}-{amount}"
        self.add(
            Payment(id=payment, account_id="A1", currency="EUR", amount=amount, received_on=day_on(day)),
            Allocation(payment_id=payment, invoice_id=id, amount=amount, allocated_on=day_on(day)),
        )
        with self.database.writing() as session:
            invoice = session.get_one(Invoice, id)
            invoice.open_balance -= amount
            if not invoice.open_balance:
                invoice.status, invoice.settled_on = "paid", day_on(day)

    def record_unapplied_payment(self, amount: int, day: int) -> None:
        """Money that no invoice takes."""
        self.add(Payment(id=f"P-{day}", account_id="A1", currency="EUR", amount=amount, received_on=day_on(day)))

    def await_verdict(self) -> None:
        """The account's review is due anew."""
        with self.database.writing() as session:
            session.get_one(Case, "credit_review:A1").waiting_for = "verdict"

    def entries(self, kind: EntryKind) -> list[dict[str, Any]]:
        with self.database.reading() as session:
            of_kind = (
                select(JournalEntry).where(JournalEntry.kind == kind.value).order_by(col(JournalEntry.recorded_at), col(JournalEntry.seq))
            )
            return [row.model_dump() for row in session.exec(of_kind)]

    def write_case(self, journal: Journal, kind: str, stage: str = "new", outcome: str | None = None, days: float = 0) -> None:
        """Write what a case told, and its row in the read model as of a day."""
        entries = [JournalEntry(**entry.model_dump()) for entry in journal.pending]
        self.add(
            *entries,
            Case(
                case_id=journal.case_id,
                run_id="run-1",
                kind=kind,
                account_id="A1",
                invoice_id=journal.invoice_id,
                stage=stage,
                waiting_for="time",
                outcome=outcome,
                seq=journal.seq,
                head=journal.head,
                updated_at=noon_on(days),
            ),
        )

    def letter(
        self, invoice_ids: list[str], day: int, template: str = "reminder", state: str = "sent", reply: str = "250 2.0.0 OK"
    ) -> None:
        message = Message(
            key=f"letter:{template}:{day}",
            account_id="A1",
            recipient="buchhaltung@brauerei-nord.example",
            language="de",
            currency="EUR",
            letter=template,
            slot=noon_on(day),
            message_id=f"<{template}.{day}@duecourse.example>",
            subject="Zahlungserinnerung",
            state=state,
            attempts=1,
            sent_at=noon_on(day) if state == "sent" else None,
            reply=reply,
        )
        self.add(message)
        assert message.id is not None
        self.add(
            *(
                MessageLine(
                    message_id=message.id, invoice_id=id, step=template, attempt=1, open_balance=1, days_past_due=day, invoice_version=1
                )
                for id in invoice_ids
            )
        )


def journal_promises(account: JournalledAccount, outcomes: str = "kb", invoice: str = "I1") -> None:
    """One promise after another on an invoice of 1,000.00: k kept, b broken, and o one that is still open. And two calls."""
    told = build_case(opened=0, total=100_000, open_balance=100_000)
    fresh = {"case_id": f"invoice:{invoice}", "invoice_id": invoice, "pending": [], "seq": 0, "head": GENESIS}
    told.journal = told.journal.model_copy(update=fresh)
    told.open(moment(0))
    for number, outcome in enumerate(outcomes):
        day = 5 + 10 * number
        apply_command(told, LogCall(act_id=f"C{number}", actor="maria", outcome=CallOutcome.REACHED), moment(day))
        promise = MakePromise(act_id=f"{invoice}-{number}", actor="maria", amount=5_000, by=day_on(day + 3))
        apply_command(told, promise, moment(day))
        if outcome == "k" and told.promise:
            told.promise = told.promise.with_payment(5_000)
        if outcome != "o":
            told.run_due_actions(moment(day + 7))
    account.write_case(told.journal, "invoice", stage="final_demand", days=40)


def journal_dispute(
    account: JournalledAccount, resolution: DisputeResolution | None = DisputeResolution.REJECTED, number: int = 1, amount: int = 4_000
) -> None:
    journal = Journal(case_id=f"dispute:I1:{number}", account_id="A1", invoice_id="I1")
    raised = RaiseDispute(
        act_id=f"R{number}", actor="maria", role=Role.COLLECTOR, reason=DisputeReason.WRONG_PRICE, amount=amount, evidence=["ab" * 32]
    )
    facts = InvoiceFacts(version=1, due_date=DUE, currency="EUR", total=100_000, open_balance=100_000)
    told = DisputeCase(journal=journal, facts=facts, snapshot=PolicySnapshot.from_policy(build_policy()), raised=raised)
    told.open(moment(8))
    if resolution:
        answer = ResolveDispute(act_id=f"X{number}", actor="sam", role=Role.SALES_OPS, resolution=resolution, reference="bank 4711")
        answer_dispute(told, answer, moment(11))
    account.write_case(journal, "dispute", outcome=resolution.value if resolution else None)


def journal_plan(account: JournalledAccount, kept: bool = False) -> None:
    """Three monthly instalments; nothing is paid unless `kept`."""
    terms = InstalmentTerms(first_on=day_on(25), equal=3, rhythm=InstalmentFrequency.WEEKLY)
    proposal = ProposePlan(act_id="plan-1", actor="maria", invoice_ids=["I1"], currency="EUR", terms=terms)
    journal = Journal(case_id="plan:A1:1", account_id="A1")
    told = PaymentPlanCase(
        journal=journal,
        snapshot=PolicySnapshot.from_policy(build_policy()),
        proposal=proposal,
        covered={"I1": CoveredInvoice(version=1, open_balance=9_000)},
    )
    negotiation.open_plan(told, moment(20))
    negotiation.apply_approval_outcome(told, ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="mona"), moment(21))
    plan_handling.apply_command(told, AcceptPlan(act_id="plan-2", actor="maria", revision=1), moment(22))
    if kept:
        facts = InvoiceFacts(version=2, due_date=DUE, currency="EUR", total=9_000, open_balance=0)
        plan_progress.apply_invoice_facts(told, "I1", facts, moment(24))
    while (wakes := told.wakes_at()) is not None:
        plan_progress.run_due_actions(told, moment((wakes - moment(0).business).days))
    account.write_case(journal, "payment_plan", outcome=told.stage.value)


def journal_verdict(
    account: JournalledAccount,
    limit: int | None = 50_000,
    ability: AbilityToPay = AbilityToPay.UNABLE,
    insolvent: bool = False,
    days: float = 30,
) -> CreditReviewCase:
    told = CreditReviewCase(journal=Journal(case_id="credit_review:A1", account_id="A1"))
    told.refer_account(ReferralReason.BROKEN_PROMISES, moment(days - 2))
    verdict = GiveCreditVerdict(
        act_id="V1",
        actor="clara",
        ability=ability,
        willingness=WillingnessToPay.UNWILLING,
        insolvent=insolvent,
        limit=limit,
        currency=None if limit is None else "EUR",
        next_review_on=day_on(int(days) + 90),
    )
    give(told, verdict, moment(days))
    account.write_case(told.journal, "credit_review", days=days)
    return told


def journal_suspension(account: JournalledAccount) -> None:
    """Asked on day 0, warned on 1, delivered on 2, signed off and suspended on 17, handed over on 47; two people signed the sign-off."""
    told = Suspended(Receivable(invoice_id="I1", version=1, currency="EUR", open_balance=100_000)).drive_to(SuspensionStage.HANDED_OVER)
    account.write_case(told.case.journal, "suspension", stage="handed_over")
    for number, matter, signers in ((1, ApprovalType.SUSPENSION_WARNING, ("mona",)), (2, ApprovalType.SUSPENSION, ("mona", "dora"))):
        journal_approval(account, f"suspension:A1:{number}", matter, signers, day=1 if number == 1 else 17)


def journal_approval(account: JournalledAccount, subject: str, matter: ApprovalType, signers: tuple[str, ...], day: int = 1) -> None:
    matrix = MatrixSnapshot.from_matrix(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX)))
    question = ApprovalRequest(matter=matter, amount=100_000, currency="EUR", segment="key" if len(signers) > 1 else "standard")
    journal = Journal(case_id=f"approval:{subject}", account_id="A1")
    told = ApprovalCase.create(journal, question, "maria", ApprovalSubject(case_id=subject.rpartition(":")[0], invoice_ids=["I1"]), matrix)
    told.open(moment(day))
    for signer, role in zip(signers, (Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR), strict=False):
        decide(told, DecideApproval(act_id=f"{subject}-{signer}", actor=signer, role=role, verdict=ApprovalVerdict.APPROVE), moment(day))
    account.write_case(journal, "approval", outcome="approved")


def journal_write_off(account: JournalledAccount, amount: int = 30_000) -> None:
    told = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    told.apply_hand_over([Receivable(invoice_id="I1", version=1, currency="EUR", open_balance=100_000)], moment(47))
    part = ProposeWriteOff(act_id="W1", actor="will", decision=WriteOffDecision.PART, amounts={"I1": amount})
    propose(told, part, moment(50))
    told.apply_approval_outcome(ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="dora"), moment(52))
    told.apply_booking("I1", amount, moment(53))
    account.write_case(told.journal, "write_off", stage="decided")
