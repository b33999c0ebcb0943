"""Synthetic lives of accounts: the real rules write the journal, and Hypothesis decides what happens when."""

from datetime import timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from adapters.config.settings import PROJECT
from domain.approval.approval_case import ApprovalCase
from domain.approval.command_rules import apply_command as decide
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.result import ApprovalOutcome, ApprovalResult, ApprovalSubject, LapseReason
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceStatus
from domain.billing.receivables import Receivable
from domain.case.effects import MarkDisputed
from domain.clock import Moment
from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
from domain.dispute.commands import RaiseDispute
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.invoice.dispute_record import DisputeRecord
from domain.invoice.disputes import apply_dispute_update
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.account_entries import AccountEntry
from domain.journal.entry import Entry
from domain.journal.journal import Journal
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot, StepAction
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from domain.suspension.events import apply_reinstatement, update_receivable
from domain.suspension.state import SuspensionStage
from domain.timeline.holds import Hold, HoldKind
from domain.write_off.command_rules import apply_command as propose
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase
from tests.domain.builders import DUE, build_facts, build_policy, moment
from tests.domain.projection.naive_account_state import read_account_entries
from tests.domain.suspension.builders import SuspensionDriver

MATRIX_FILE = PROJECT / "policies" / "approvals.yaml"
POLICIES = {
    ("standard", 1): build_policy(),
    ("standard", 2): build_policy(version=2, catch_up_days=5),
    ("key", 1): build_policy(policy="key"),
}
DOINGS = (
    "step",
    "step",
    "step",
    "sent",
    "sent",
    "dropped",
    "lapsed",
    "refused",
    "unknown",
    "withdrawn",
    "pay",
    "pay",
    "bounce",
    "promise",
    "pause",
    "resume",
    "dispute",
    "less_disputed",
    "resolved",
    "hold",
    "release",
    "adopt",
    "call",
    "due",
)


class InvoiceLife:
    """One invoice: what cannot happen now, does not."""

    def __init__(self, number: int, opened: int, currency: str) -> None:
        journal = Journal(case_id=f"invoice:I{number}", account_id="A1", invoice_id=f"I{number}")
        self.currency, self.version, self.due, self.asked, self.paid, self.disputes = currency, 1, DUE, 0, list[int](), 0
        self.case = InvoiceCase(journal=journal, facts=build_facts(currency=currency), snapshot=PolicySnapshot.from_policy(build_policy()))
        self.case.open(moment(opened))
        self.waiting: str | None = None
        self.news: list[LetterOutcome] = []

    def apply_action(self, doing: str, at: Moment, number: int) -> None:
        """A letter that ended is heard of the next time that anything happens: its fate is older than its entry."""
        if self.case.closed_at:
            return
        for news in self.news:
            self.case.apply_letter_outcome(news, at)
        self.news = []
        self.case.run_due_actions(at)
        self._do(doing, at, number)
        if self.case.is_settled and not self.waiting:
            self.case.close(at)

    def _do(self, doing: str, at: Moment, number: int) -> None:
        case, act = self.case, f"{self.case.journal.case_id}-{last_seq(self.case)}"
        match doing:
            case "step" if not (case.is_settled or case.holds.is_on_hold or self.waiting) and (step := case.next_step(at.business.date())):
                case.take_step(step, at)
                self.waiting = step.step if step.act is StepAction.LETTER else None
                self.asked += 1
            case "sent" | "dropped" | "lapsed" | "refused" | "unknown" if self.waiting:
                reason = {"dropped": DropReason.NOT_DUE, "lapsed": DropReason.LAPSED}.get(doing, "")
                result = LetterResult.DROPPED if reason else LetterResult(doing)
                self.news.append(
                    LetterOutcome(step=self.waiting, attempt=self.asked, fate=result, at=at.business, on=at.business.date(), reason=reason)
                )
                self.waiting = None
            case "withdrawn" if self.waiting:
                case.record_letter_withdrawal(self.waiting, DropReason.ON_HOLD, at)
                self.waiting = None
            case "pay" if not case.is_settled:
                amount = min(1_000 * (1 + number), case.facts.open_balance)
                self.paid.append(amount)
                self.apply_billing(BillingEventKind.PAYMENT_RECEIVED, at, case.facts.open_balance - amount, amount)
            case "bounce" if self.paid:
                amount = self.paid.pop()
                self.apply_billing(BillingEventKind.PAYMENT_REVERSED, at, case.facts.open_balance + amount, amount)
            case "due" if not case.is_settled:
                self.due = DUE + timedelta(days=number)
                self.apply_billing(BillingEventKind.INVOICE_CHANGED, at, case.facts.open_balance)
            case "promise":
                by = at.business.date() + timedelta(days=number)
                apply_command(case, MakePromise(act_id=act, actor="mia", amount=1_000, by=by), at)
            case "pause" if not case.is_settled:
                until = at.business.date() + timedelta(days=number) if number else None
                apply_command(case, PauseCollection(act_id=act, actor="mia", reason="asked", until=until), at)
            case "resume":
                apply_command(case, ResumeCollection(act_id=act, actor="mia"), at)
            case "call":
                apply_command(case, LogCall(act_id=act, actor="mia", outcome=CallOutcome.NO_ANSWER), at)
            case "dispute" if not case.is_settled and not case.disputed:
                reason_of = DisputeReason.WRONG_PRICE
                apply_command(case, RaiseDispute(act_id=act, actor="mia", role=Role.COLLECTOR, reason=reason_of, amount=1_000), at)
            case "less_disputed" | "resolved":
                self._dispute_goes_on(doing, at)
            case "hold" if not case.is_settled:
                case.place_hold(Hold(hold_id="plan:A1:1", kind=HoldKind.PAYMENT_PLAN, since=at.business), at)
            case "release":
                case.lift_hold("plan:A1:1", at)
            case "adopt" if not case.is_settled:
                case.adopt_policy(PolicySnapshot.from_policy(POLICIES["standard", 1 + number % 2]), at)

    def _dispute_goes_on(self, doing: str, at: Moment) -> None:
        latest: list[DisputeRecord] = self.case.disputes[-1:]
        for past in latest:
            case_id = f"dispute:{self.case.journal.invoice_id}:{past.number}"
            ended = DisputeResolution.REJECTED if doing == "resolved" else None
            amount = 0 if ended else 400
            apply_dispute_update(
                self.case, MarkDisputed(invoice_id=self.case.journal.invoice_id or "", case_id=case_id, amount=amount, resolution=ended), at
            )

    def apply_billing(self, kind: BillingEventKind, at: Moment, left: int, amount: int = 0) -> None:
        self.version += 1
        status = InvoiceStatus.OPEN if left else InvoiceStatus.PAID
        after = build_facts(version=self.version, open_balance=left, currency=self.currency, due_date=self.due, status=status)
        event_id = f"{kind}:{self.case.journal.invoice_id}:{self.version}"
        apply_billing_event(self.case, BillingEvent(event_id=event_id, kind=kind, occurred_at=at.business, facts=after, amount=amount), at)


def last_seq(case: InvoiceCase) -> int:
    return case.journal.seq


def simulate_approval(number: int, answers: list[str], first_day: int) -> list[Entry]:
    """One approval of two tiers after another day, each with one answer a day."""
    matrix = MatrixSnapshot.from_matrix(parse_matrix(MATRIX_FILE.read_text(encoding="utf-8"), str(MATRIX_FILE)))
    question = ApprovalRequest(matter=ApprovalType.SUSPENSION, amount=100_000, currency="EUR", segment="key")
    subject = ApprovalSubject(case_id="suspension:A1", invoice_ids=["I1"])
    case = ApprovalCase.create(Journal(case_id=f"approval:suspension:A1:{number}", account_id="A1"), question, "mia", subject, matrix)
    case.open(moment(first_day))
    for passed, answer in enumerate(answers, 1):
        at = moment(first_day + 4 * passed)
        case.run_due_actions(at)
        if case.is_ended:
            break
        if answer == "lapse":
            case.lapse(LapseReason.SETTLED, at)
        elif answer != "silence":
            role, actor = case.awaited_roles[0], f"boss{len(case.signatures)}"
            decide(
                case, DecideApproval(act_id=f"{number}-{passed}", actor=actor, role=role, verdict=ApprovalVerdict(answer), note_id="n"), at
            )
    return list(case.journal.pending)


def simulate_suspension(stage: SuspensionStage, reinstated: bool) -> list[Entry]:
    account = SuspensionDriver(Receivable(invoice_id="I1", version=1, currency="EUR", open_balance=10_000)).drive_to(stage)
    if reinstated and stage in (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER):
        update_receivable(account.case, Receivable(invoice_id="I1", version=2, currency="EUR", open_balance=0, settled=True), moment(50))
        apply_reinstatement(account.case, moment(51))
    return list(account.case.journal.pending)


def simulate_write_off(approved: bool) -> list[Entry]:
    case = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    case.apply_hand_over([Receivable(invoice_id="I1", version=1, currency="EUR", open_balance=10_000)], moment(47))
    propose(case, ProposeWriteOff(act_id="W1", actor="will", decision=WriteOffDecision.WHOLE), moment(50))
    result = ApprovalResult.APPROVED if approved else ApprovalResult.REJECTED
    case.apply_approval_outcome(ApprovalOutcome(number=1, result=result, by="dora"), moment(52))
    if approved:
        case.apply_booking("I1", 10_000, moment(53))
    return list(case.journal.pending)


class AccountLife(NamedTuple):
    entries: list[AccountEntry]
    days: int


@st.composite
def account_lives(draw: st.DrawFn) -> AccountLife:
    """Up to three invoices in two currencies, an approval or two, and perhaps a suspension and a write-off."""
    entries: list[Entry] = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        life = InvoiceLife(number, draw(st.integers(-12, 25)), draw(st.sampled_from(["EUR", "EUR", "CHF"])))
        day: float = (life.case.journal.pending[0].business_at - moment(0).business).days
        doings: Any = st.tuples(st.integers(0, 6), st.sampled_from(DOINGS), st.integers(0, 9))
        for wait, doing, how in draw(st.lists(doings, min_size=5, max_size=25)):
            day += wait + how / 40
            life.apply_action(doing, moment(day), how)
        entries += life.case.journal.pending
    words = st.sampled_from(["silence", "silence", "approve", "approve", "reject", "return", "lapse"])
    for number in range(1, draw(st.integers(0, 2)) + 1):
        entries += simulate_approval(number, draw(st.lists(words, max_size=6)), draw(st.integers(0, 20)))
    stage = draw(
        st.none()
        | st.sampled_from([stage for stage in SuspensionStage if stage not in (SuspensionStage.ENDED, SuspensionStage.REINSTATING)])
    )
    if stage is not None:
        entries += simulate_suspension(stage, draw(st.booleans()))
    if stage is SuspensionStage.HANDED_OVER:
        entries += simulate_write_off(draw(st.booleans()))
    return AccountLife(read_account_entries(entries), (max(one.business_at for one in entries) - moment(0).business).days)
