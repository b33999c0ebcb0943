"""Whatever happens to an account, in whatever order: never suspended without an approved warning that was delivered, a full notice and a
sign-off; never two questions, warnings or orders under way at once; payment always ends the case or reinstates.

The machine keeps books of its own: which questions are open, which letters went, who was warned of what.
"""

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.receivables import Receivable
from domain.case.billing_results import SuspensionOrderOutcome
from domain.case.command import Command
from domain.case.effects import (
    Effect,
    HandOverAccount,
    LiftHold,
    PlaceHold,
    ReinstateInBilling,
    RequestApproval,
    SendLetter,
    SuspendInBilling,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from domain.journal.journal import Journal
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.command_rules import apply_command
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    RequestSuspension,
    ResendWarning,
    WithdrawSuspension,
)
from domain.suspension.events import (
    add_receivable,
    apply_approval_outcome,
    apply_billing_result,
    apply_hand_back,
    apply_reinstatement,
    apply_warning_outcome,
    open_case,
    update_receivable,
)
from domain.suspension.state import SuspensionEnding, SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import advance
from tests.domain.builders import DAY, build_policy, midnight
from tests.examples import count_examples

NAMES = ["I1", "I2", "I3"]
TOTAL, MINIMUM, NOTICE = 10_000, 500, 14


class Suspension(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = midnight()
        self.case = SuspensionCase(
            journal=Journal(case_id="suspension:A1", account_id="A1"), snapshot=PolicySnapshot.from_policy(build_policy())
        )
        open_case(self.case, self.at)
        self.entries: list[Entry] = []
        self.versions = dict.fromkeys(NAMES, 0)
        self.balances = dict.fromkeys(NAMES, TOTAL)
        self.contested = dict.fromkeys(NAMES, 0)
        self.joined: set[str] = set()
        self.held: set[str] = set()
        self.questions: dict[int, RequestApproval] = {}
        self.approved: dict[ApprovalType, bool] = dict.fromkeys(ApprovalType, False)
        self.letter: SendLetter | None = None
        self.under_way: list[SendLetter] = []
        self.delivered_on: date | None = None
        self.extended_to: date | None = None
        self.spared_days: set[date] = set()
        self.order: SuspendInBilling | None = None
        self.service_on = True
        self.reinstating = False
        self.acts = 0

    @property
    def at(self) -> Moment:
        return Moment(self.now, self.now)

    @property
    def today(self) -> date:
        return self.now.date()

    # --- the books

    def owed(self, names: set[str] | list[str]) -> set[str]:
        return {name for name in names if self.balances[name] >= MINIMUM}

    def chaseable(self, names: set[str] | list[str]) -> set[str]:
        return {name for name in names if self.balances[name] - self.contested[name] >= MINIMUM}

    def claim(self, name: str) -> Receivable:
        self.versions[name] += 1
        balance = self.balances[name]
        return Receivable(
            invoice_id=name,
            version=self.versions[name],
            currency="EUR",
            open_balance=balance,
            disputed=self.contested[name],
            settled=not balance,
        )

    def after(self) -> None:
        """Carry out what the case asks for, as its workflow would."""
        if self.joined and not self.chaseable(self.joined) and self.owed(self.joined):
            self.spared_days.add(self.today)
        for effect in self.case.take_effects():
            self.see(effect)
        self.entries += self.case.journal.pending
        self.case.journal.mark_written(self.case.journal.seq)

    def see(self, effect: Effect) -> None:
        match effect:
            case RequestApproval():
                assert not self.questions, "two questions are open at once"
                assert self.case.stage in (SuspensionStage.WARNING_APPROVAL, SuspensionStage.SIGN_OFF, SuspensionStage.ENDED)
                self.questions[effect.number] = effect
                if effect.matter is ApprovalType.SUSPENSION:
                    self.check_notice()
            case WithdrawApproval():
                del self.questions[effect.number]
            case SendLetter(template="suspension_warning"):
                assert self.approved[ApprovalType.SUSPENSION_WARNING], "a warning without approval"
                assert self.service_on
                assert not self.under_way, "two warnings are under way at once"
                self.letter, self.delivered_on, self.extended_to, self.spared_days = effect, None, None, set()
                self.under_way.append(effect)
            case WithdrawLetter():
                assert self.letter is not None, "no warning was asked for"
                assert effect.key == self.letter.key
                self.under_way = []
            case SuspendInBilling():
                self.check_order(effect)
                self.order = effect
            case ReinstateInBilling():
                assert not self.service_on
                assert not self.reinstating
                self.reinstating = True
            case HandOverAccount():
                assert not self.service_on
            case PlaceHold():
                self.held.add(effect.invoice_id)
            case LiftHold():
                self.held.discard(effect.invoice_id)
            case _:
                pass

    def check_order(self, order: SuspendInBilling) -> None:
        assert self.service_on, "suspended twice"
        assert self.order is None, "ordered twice"
        assert self.approved[ApprovalType.SUSPENSION_WARNING]
        assert self.approved[ApprovalType.SUSPENSION], "no sign-off"
        assert self.letter is not None
        assert self.delivered_on is not None, "no delivered warning"
        assert order.invoice_ids == self.letter.invoice_ids
        assert self.chaseable(order.invoice_ids), "nothing that was warned of is owed"
        self.check_notice()

    def check_notice(self) -> None:
        """Full days between the delivery and today, none of them with everything disputed."""
        assert self.delivered_on is not None
        full = [day for day in range(1, (self.today - self.delivered_on).days) if self.delivered_on + day * DAY not in self.spared_days]
        assert len(full) >= NOTICE, "the notice was cut short"
        assert self.extended_to is None or self.today > self.extended_to

    def do(self, command: Command) -> bool:
        """True when it was accepted."""
        apply_command(self.case, command, self.at)
        assert apply_command(self.case, command, self.at) is None
        refused = any(entry.kind.value == "act.refused" and entry.facts["act"] == command.act_id for entry in self.case.journal.pending)
        return not refused

    def next_act(self) -> str:
        self.acts += 1
        return f"act{self.acts}"

    # --- what happens

    @rule(days=st.sampled_from([1, 1, 2, 5, 14, 15, 31]))
    def time_passes(self, days: int) -> None:
        for _ in range(days):
            self.now += DAY
            advance(self.case, self.at)
            self.after()

    @rule(hours=st.integers(1, 20))
    def hours_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        advance(self.case, self.at)
        self.after()

    @rule(name=st.sampled_from(NAMES))
    def an_invoice_reaches_its_step(self, name: str) -> None:
        if not self.case.is_ended:
            self.joined.add(name)
        add_receivable(self.case, self.claim(name), self.at)
        self.after()

    @rule(name=st.sampled_from(NAMES), actor=st.sampled_from(["mia", "tom"]))
    def a_collector_asks(self, name: str, actor: str) -> None:
        claim = self.claim(name)
        if self.do(RequestSuspension(act_id=self.next_act(), actor=actor, claims=[claim])):
            self.joined.add(name)
        update_receivable(self.case, claim, self.at)
        self.after()

    @rule(name=st.sampled_from(NAMES), left=st.sampled_from([0, 499, 500, 4_000, TOTAL, TOTAL]))
    def the_balance_changes(self, name: str, left: int) -> None:
        """Money comes, or a payment bounces."""
        self.balances[name], self.contested[name] = left, min(self.contested[name], left)
        update_receivable(self.case, self.claim(name), self.at)
        self.after()

    @precondition(lambda self: self.acts % 3 == 2)
    @rule()
    def all_is_paid(self) -> None:
        for name in NAMES:
            self.the_balance_changes(name, 0)

    @rule(name=st.sampled_from(NAMES), part=st.sampled_from([0, 0, 3_000, TOTAL]))
    def a_dispute_is_raised_or_resolved(self, name: str, part: int) -> None:
        self.contested[name] = min(part, self.balances[name])
        update_receivable(self.case, self.claim(name), self.at)
        self.after()

    @precondition(lambda self: self.questions)
    @rule(
        result=st.sampled_from([*ApprovalResult, ApprovalResult.APPROVED, ApprovalResult.APPROVED]),
        reason=st.sampled_from(["outgrown", "withdrawn"]),
    )
    def an_approval_is_answered(self, result: ApprovalResult, reason: str) -> None:
        number, question = self.questions.popitem()
        if result is ApprovalResult.APPROVED:
            self.approved[question.matter] = True
            if question.matter is ApprovalType.SUSPENSION_WARNING:
                self.approved[ApprovalType.SUSPENSION] = False
        news = ApprovalOutcome(number=number, result=result, by="mona", reason=reason)
        apply_approval_outcome(self.case, news, self.at)
        apply_approval_outcome(self.case, news, self.at)
        self.after()
        self.approved[ApprovalType.SUSPENSION] = False

    def a_stale_approval_arrives(self, number: int) -> None:
        if number not in self.questions:
            apply_approval_outcome(self.case, ApprovalOutcome(number=number, result=ApprovalResult.APPROVED, by="mona"), self.at)
            self.after()

    @precondition(lambda self: self.under_way)
    @rule(result=st.sampled_from([*LetterResult, LetterResult.SENT, LetterResult.SENT]))
    def the_post_answers(self, result: LetterResult) -> None:
        letter = self.under_way.pop()
        if result is LetterResult.SENT and letter is self.letter:
            self.delivered_on = self.today
        apply_warning_outcome(self.case, letter.number, result, self.today, self.at)
        self.after()

    @precondition(lambda self: self.letter)
    @rule()
    def a_warning_bounces(self) -> None:
        assert self.letter is not None
        if self.delivered_on is not None and self.order is None and self.service_on:
            self.delivered_on = None
        self.under_way = [letter for letter in self.under_way if letter is not self.letter]
        apply_warning_outcome(self.case, self.letter.number, LetterResult.REFUSED, self.today, self.at)
        self.after()

    def the_warning_is_sent_again(self) -> None:
        self.do(ResendWarning(act_id=self.next_act(), actor="mia"))
        self.after()

    def a_returned_question_is_asked_again(self) -> None:
        self.do(RequestApprovalAgain(act_id=self.next_act(), actor="mia"))
        self.after()

    @rule(days=st.integers(0, 40))
    def the_notice_is_extended(self, days: int) -> None:
        until = (self.case.notice_ends or self.today) + days * DAY
        if self.do(ExtendNotice(act_id=self.next_act(), actor="mia", until=until, reason="asked")):
            self.extended_to = until
        self.after()

    @precondition(lambda self: self.order)
    @rule()
    def billing_answers(self) -> None:
        """It reads the account anew in the moment of the call."""
        order, self.order = self.order, None
        assert order is not None
        in_arrears = bool(self.chaseable(order.invoice_ids))
        self.service_on = not in_arrears
        apply_billing_result(
            self.case, order.number, SuspensionOrderOutcome.SUSPENDED if in_arrears else SuspensionOrderOutcome.NOT_IN_ARREARS, self.at
        )
        self.after()

    @precondition(lambda self: self.reinstating)
    @rule()
    def billing_reinstates(self) -> None:
        self.reinstating, self.service_on = False, True
        apply_reinstatement(self.case, self.at)
        self.after()

    @rule(times=st.integers(2, 9))
    def things_go_their_way(self, times: int) -> None:
        """Without it, few orders would come as far as the suspension."""
        for _ in range(times):
            if self.case.is_ended and self.service_on and self.order is None:
                self.the_account_falls_behind_again()
            elif not self.joined:
                self.balances["I2"], self.contested["I2"] = TOTAL, 0
                self.an_invoice_reaches_its_step("I2")
            elif self.questions:
                self.an_approval_is_answered(ApprovalResult.APPROVED, "")
            elif self.under_way:
                self.the_post_answers(LetterResult.SENT)
            elif self.order:
                self.billing_answers()
            elif self.case.stage in (SuspensionStage.ASKED, SuspensionStage.NOTICE, SuspensionStage.SUSPENDED):
                self.time_passes(15)

    def a_person_withdraws_it(self) -> None:
        self.do(WithdrawSuspension(act_id=self.next_act(), actor="mia", reason="agreed"))
        self.after()

    def a_person_reinstates(self) -> None:
        self.do(ReinstateAccount(act_id=self.next_act(), actor="mia", reason="agreed"))
        self.after()

    def a_person_hands_over(self) -> None:
        self.do(HandOverSuspendedAccount(act_id=self.next_act(), actor="mia"))
        self.after()

    def the_write_off_team_hands_back(self) -> None:
        apply_hand_back(self.case, self.at)
        self.after()

    def it_is_handed_on_to_a_new_run(self) -> None:
        handed_on = SuspensionCase.model_validate_json(self.case.model_dump_json())
        assert handed_on == self.case
        self.case = handed_on

    @precondition(lambda self: self.case.is_ended and self.service_on and self.order is None)
    @rule()
    def the_account_falls_behind_again(self) -> None:
        """A new case follows on the ended one."""
        earlier = self.case.build_earlier_run()
        self.case = SuspensionCase(journal=Journal(case_id="suspension:A1", account_id="A1"), snapshot=self.case.snapshot)
        self.case.continue_from(earlier)
        open_case(self.case, self.at)
        self.joined, self.letter, self.under_way, self.delivered_on = set(), None, [], None
        self.after()

    @rule(which=st.integers(0, 8), number=st.integers(0, 9))
    def a_rarer_thing_happens(self, which: int, number: int) -> None:
        match which:
            case 0:
                self.the_warning_is_sent_again()
            case 1:
                self.a_returned_question_is_asked_again()
            case 2:
                self.a_person_withdraws_it()
            case 3:
                self.a_person_reinstates()
            case 4:
                self.a_person_hands_over()
            case 5:
                self.the_write_off_team_hands_back()
            case 6:
                self.a_stale_approval_arrives(number)
            case _:
                self.it_is_handed_on_to_a_new_run()

    # --- what must hold

    @invariant()
    def payment_ends_or_reinstates(self) -> None:
        if not self.joined or self.case.is_ended:
            return
        if not self.owed(self.joined):
            assert self.case.stage in (SuspensionStage.SUSPENDING, SuspensionStage.REINSTATING)
        if self.case.stage in (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER):
            assert self.owed(self.case.warned)

    @invariant()
    def the_service_is_off_only_while_the_case_knows_it(self) -> None:
        assert self.service_on == (
            self.case.stage not in (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER, SuspensionStage.REINSTATING)
        )
        assert self.reinstating == (self.case.stage is SuspensionStage.REINSTATING)
        assert (self.order is not None) == (self.case.stage is SuspensionStage.SUSPENDING)

    @invariant()
    def the_question_is_open_where_the_case_waits_for_it(self) -> None:
        asked = self.case.stage in (SuspensionStage.WARNING_APPROVAL, SuspensionStage.SIGN_OFF)
        assert bool(self.questions) == self.case.approval_open == (asked and not self.case.returned)

    @invariant()
    def no_invoice_is_held_by_an_ended_case(self) -> None:
        if self.case.is_ended:
            assert self.held == set()
            assert not self.questions
            assert self.case.ending is not SuspensionEnding.SPARED

    @invariant()
    def nothing_is_due_that_is_not_done(self) -> None:
        due = self.case.wakes_at()
        assert due is None or due > self.now

    @invariant()
    def somebody_or_something_can_move_it(self) -> None:
        movers = {
            "nothing": self.case.is_ended,
            "time": self.case.wakes_at() is not None or not self.joined,
            "approval": bool(self.questions),
            "letter": bool(self.under_way),
            "billing": self.order is not None or self.reinstating,
            "dispute": not self.chaseable(self.joined),
        }
        assert movers.get(self.case.waiting_for, True)

    @invariant()
    def the_chain_goes_on(self) -> None:
        if self.entries:
            assert (self.case.journal.head, self.case.journal.seq) == (self.entries[-1].hash, len(self.entries))

    def teardown(self) -> None:
        assert find_broken_entry(self.entries) is None


TestSuspensionInAnyOrder = Suspension.TestCase
TestSuspensionInAnyOrder.settings = settings(max_examples=count_examples(100, few=50), stateful_step_count=50)
