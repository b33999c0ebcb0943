"""An account's suspension, rule by rule."""

import pytest

from domain.approval.result import ApprovalResult
from domain.case.billing_results import BillingAnswer
from domain.case.command import Act
from domain.case.effects import (
    AskApproval,
    HandOver,
    LiftHold,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    ReviseApproval,
    TellInvoice,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.correspondence.letter_outcome import LetterFate
from domain.journal.journal import broken_at
from domain.suspension.command_rules import carry_out, refusal
from domain.suspension.commands import AskAgain, AskSuspension, ExtendNotice, HandOverNow, Reinstate, SendWarningAgain, WithdrawSuspension
from domain.suspension.state import BEFORE_BILLING, Ending, Stage
from domain.suspension.suspension_case import SuspensionCase
from tests.domain.builders import midnight, moment
from tests.domain.suspension.builders import Account, claim, disputed, paid

APPROVED, REJECTED, RETURNED, LAPSED = ApprovalResult.APPROVED, ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED


def on(day: int) -> str:
    return midnight(day).date().isoformat()


def extend(to: int, act_id: str = "x1") -> ExtendNotice:
    return ExtendNotice(act_id=act_id, actor="mia", until=midnight(to).date(), reason="a letter of credit is under way")


def test_the_straight_way_asks_twice_writes_twice_and_hands_over() -> None:
    account = Account(claim()).brought_to(Stage.HANDED_OVER)
    assert account.approvals() == ["suspension_warning", "suspension"]
    assert account.letters() == ["suspension_warning", "suspended"]
    assert [order.invoice_ids for order in account.orders] == [["I1"]]
    assert [effect.invoice_ids for effect in account.asked(HandOver)] == [["I1"]]
    assert broken_at(account.case.journal.pending) is None


def test_five_invoices_of_one_day_make_one_question_one_warning_and_one_suspension_and_each_is_told() -> None:
    names = ["I1", "I2", "I3", "I4", "I5"]
    account = Account(*(claim(name) for name in names)).brought_to(Stage.SUSPENDED)
    assert [(question.amount, question.invoice_ids) for question in account.asked(AskApproval)] == [(50_000, names), (50_000, names)]
    assert (len(account.warnings), len(account.orders)) == (1, 1)
    for what in ("suspension.asked", "suspension.warning_delivered", "suspension.suspended"):
        assert [told.invoice_id for told in account.asked(TellInvoice) if told.what == what] == names


def test_an_invoice_is_held_while_the_case_runs_and_let_go_when_it_ends() -> None:
    account = Account(claim())
    assert [(effect.invoice_id, effect.hold.hold_id, effect.hold.kind.value) for effect in account.asked(PlaceHold)] == [
        ("I1", "suspension:A1", "suspension")
    ]
    assert account.asked(LiftHold) == []
    account.case.hear_of(paid(), moment(0.5))
    assert [(effect.invoice_id, effect.hold_id) for effect in account.asked(LiftHold)] == [("I1", "suspension:A1")]


def test_a_person_who_asks_is_not_kept_waiting_and_is_the_requester() -> None:
    account = Account()
    carry_out(account.case, AskSuspension(act_id="a1", actor="mia", claims=[claim()]), moment(0.5))
    assert [(question.requester, question.also_asked) for question in account.asked(AskApproval)] == [("mia", [])]


def test_one_who_asks_later_may_not_approve_either() -> None:
    account = Account()
    carry_out(account.case, AskSuspension(act_id="a1", actor="mia", claims=[claim()]), moment(0.5))
    carry_out(account.case, AskSuspension(act_id="a2", actor="tom", claims=[claim("I2")]), moment(0.6))
    assert [taken.number for taken in account.asked(WithdrawApproval)] == [1]
    last = account.asked(AskApproval)[-1]
    assert (last.number, last.requester, last.also_asked, last.amount) == (2, "tom", ["mia"], 20_000)


def test_the_amount_asked_is_the_weightiest_currencys_and_the_others_are_shown() -> None:
    account = Account(claim(), claim("I2", currency="JPY", open_balance=9_000)).brought_to(Stage.WARNING_APPROVAL)
    question = account.asked(AskApproval)[0]
    assert (question.amount, question.currency, question.details) == (9_000, "JPY", {"owed_EUR": 10_000, "owed_JPY": 9_000})


@pytest.mark.parametrize("fate", [LetterFate.REFUSED, LetterFate.UNKNOWN, LetterFate.DROPPED])
def test_a_warning_that_did_not_arrive_starts_no_notice_and_asks_a_person(fate: LetterFate) -> None:
    account = Account(claim()).brought_to(Stage.WARNING)
    account.letter(fate, 2)
    account.until(100)
    assert (account.case.stage, account.case.waiting_for, account.orders) == (Stage.WARNING, "address", [])
    assert [(told.role.value, told.template) for told in account.asked(NotifyRole)] == [("collector", "suspension_warning_undelivered")]
    carry_out(account.case, SendWarningAgain(act_id="s1", actor="mia"), moment(100))
    account.letter(LetterFate.SENT, 101)
    assert (account.case.stage, account.case.notice_ends) == (Stage.NOTICE, midnight(115).date())
    assert len({warning.key for warning in account.warnings}) == len(account.warnings) == 2


def test_an_unknown_warning_that_a_person_found_delivered_counts_from_the_day_it_came() -> None:
    account = Account(claim()).brought_to(Stage.WARNING)
    account.letter(LetterFate.UNKNOWN, 2)
    account.letter(LetterFate.SENT, 5)
    assert (account.case.stage, account.case.notice_ends) == (Stage.NOTICE, midnight(19).date())


@pytest.mark.parametrize("stage", [Stage.NOTICE, Stage.SIGN_OFF])
def test_a_warning_that_bounces_afterwards_was_not_delivered(stage: Stage) -> None:
    account = Account(claim()).brought_to(stage)
    account.letter(LetterFate.REFUSED, 18)
    assert (account.case.stage, account.case.undelivered, account.case.approval_open) == (Stage.WARNING, True, False)


@pytest.mark.parametrize("fate", [None, LetterFate.REFUSED])
def test_a_warning_that_no_longer_counts_when_the_account_pays_is_taken_back(fate: LetterFate | None) -> None:
    """Also one that was refused: somebody may have asked the letter desk to send it again."""
    account = Account(claim()).brought_to(Stage.WARNING)
    if fate:
        account.letter(fate, 2)
    account.case.hear_of(paid(), moment(2))
    assert [taken.key for taken in account.asked(WithdrawLetter)] == [account.warnings[0].key]


def test_news_of_an_earlier_warning_change_nothing() -> None:
    account = Account(claim()).brought_to(Stage.WARNING)
    account.letter(LetterFate.REFUSED, 2)
    carry_out(account.case, SendWarningAgain(act_id="s1", actor="mia"), moment(3))
    account.letter(LetterFate.SENT, 4, number=1)
    assert account.case.stage is Stage.WARNING


def test_the_notice_is_of_full_days_after_the_delivery() -> None:
    account = Account(claim()).brought_to(Stage.NOTICE)
    account.until(16.99)
    assert account.approvals() == ["suspension_warning"]
    account.until(17)
    assert account.approvals() == ["suspension_warning", "suspension"]


def test_an_extension_puts_the_sign_off_off_and_takes_back_one_that_was_asked() -> None:
    account = Account(claim()).brought_to(Stage.SIGN_OFF)
    carry_out(account.case, extend(to=20), moment(17))
    account.answer(APPROVED, 18)
    assert (account.case.stage, account.orders) == (Stage.NOTICE, [])
    account.until(21)
    assert (account.case.stage, account.approvals()) == (Stage.SIGN_OFF, ["suspension_warning", "suspension", "suspension"])


def test_extensions_have_their_measure() -> None:
    case = Account(claim()).brought_to(Stage.NOTICE).case
    assert "the notice runs until " + on(16) in str(refusal(case, extend(to=16), midnight(3).date()))
    assert refusal(case, extend(to=46), midnight(3).date()) is None
    assert "30 days in all" in str(refusal(case, extend(to=47), midnight(3).date()))
    carry_out(case, extend(to=30), moment(3))
    assert "30 days in all" in str(refusal(case, extend(to=47, act_id="x2"), midnight(3).date()))


def test_a_rejected_approval_ends_the_case_and_lets_the_invoices_go_on() -> None:
    for stage in (Stage.WARNING_APPROVAL, Stage.SIGN_OFF):
        account = Account(claim()).brought_to(stage)
        account.answer(REJECTED, 18)
        assert (account.case.ending, len(account.asked(LiftHold)), account.orders) == (Ending.REJECTED, 1, [])


def test_a_returned_approval_waits_for_its_requester_and_is_asked_again_under_the_askers_name() -> None:
    account = Account(claim()).brought_to(Stage.SIGN_OFF)
    account.answer(RETURNED, 18)
    assert account.case.waiting_for == "requester"
    carry_out(account.case, AskAgain(act_id="g1", actor="mia"), moment(19))
    last = account.asked(AskApproval)[-1]
    assert (last.number, last.matter.value, last.requester) == (3, "suspension", "mia")


def test_a_lapsed_approval_is_asked_anew_unless_it_was_withdrawn() -> None:
    account = Account(claim()).brought_to(Stage.WARNING_APPROVAL)
    account.answer(LAPSED, 2, reason="outgrown")
    assert [question.number for question in account.asked(AskApproval)] == [1, 2]
    account.answer(LAPSED, 3, reason="withdrawn")
    assert account.case.ending is Ending.WITHDRAWN


def test_an_answer_to_an_earlier_approval_changes_nothing() -> None:
    account = Account(claim()).brought_to(Stage.WARNING_APPROVAL)
    account.answer(LAPSED, 2, reason="outgrown")
    account.answer(APPROVED, 2, number=1)
    assert (account.case.stage, account.warnings) == (Stage.WARNING_APPROVAL, [])


def test_the_approval_hears_that_the_amount_has_grown() -> None:
    account = Account(claim()).brought_to(Stage.WARNING_APPROVAL)
    account.case.join(claim("I2"), moment(2))
    assert [(revised.number, revised.amount) for revised in account.asked(ReviseApproval)] == [(1, 20_000)]


@pytest.mark.parametrize("stage", BEFORE_BILLING)
def test_payment_before_the_suspension_cures(stage: Stage) -> None:
    account = Account(claim()).brought_to(stage)
    account.case.hear_of(paid(), moment(18))
    assert (account.case.ending, account.orders) == (Ending.CURED, [])
    assert [taken.reason for taken in account.asked(WithdrawApproval)] == ["settled"] * (stage in (Stage.WARNING_APPROVAL, Stage.SIGN_OFF))


def test_what_is_left_below_the_policys_minimum_is_no_arrears() -> None:
    account = Account(claim()).brought_to(Stage.NOTICE)
    account.case.hear_of(claim(version=2, open_balance=500), moment(3))
    assert account.case.ending is None
    account.case.hear_of(claim(version=3, open_balance=499), moment(3))
    assert account.case.ending is Ending.CURED


def test_an_account_paid_between_sign_off_and_billing_call_is_not_suspended() -> None:
    account = Account(claim()).brought_to(Stage.SUSPENDING)
    account.case.hear_of(paid(), moment(17))
    account.billing(BillingAnswer.NOT_IN_ARREARS, 17)
    assert (account.case.ending, account.letters(), account.asked(ReinstateInBilling)) == (Ending.CURED, ["suspension_warning"], [])


def test_an_account_paid_while_billing_suspended_it_is_reinstated_without_a_letter_in_between() -> None:
    account = Account(claim()).brought_to(Stage.SUSPENDING)
    account.case.hear_of(paid(), moment(17))
    account.billing(BillingAnswer.SUSPENDED, 17)
    account.case.billing_reinstated(moment(17))
    assert (account.case.ending, account.letters()) == (Ending.REINSTATED, ["suspension_warning", "reinstated"])


@pytest.mark.parametrize(("stage", "day"), [(Stage.SUSPENDED, 20), (Stage.HANDED_OVER, 50)])
def test_payment_after_the_suspension_reinstates_at_once_with_a_confirmation(stage: Stage, day: int) -> None:
    account = Account(claim(), claim("I2")).brought_to(stage)
    account.case.hear_of(paid("I1"), moment(day))
    assert (account.case.stage, account.asked(ReinstateInBilling)) == (stage, [])
    account.case.hear_of(paid("I2"), moment(day))
    assert (account.case.stage, len(account.asked(ReinstateInBilling))) == (Stage.REINSTATING, 1)
    account.case.billing_reinstated(moment(50))
    account.case.billing_reinstated(moment(51))
    assert (account.case.ending, account.letters()[-1], len(account.letters())) == (Ending.REINSTATED, "reinstated", 3)


def test_what_the_warning_did_not_name_needs_a_warning_of_its_own() -> None:
    account = Account(claim()).brought_to(Stage.SIGN_OFF)
    account.case.join(claim("I2"), moment(18))
    assert account.asked(AskApproval)[-1].invoice_ids == ["I1"]
    account.case.hear_of(paid("I1"), moment(19))
    account.answer(APPROVED, 19, number=2)
    assert (account.case.stage, account.orders) == (Stage.WARNING_APPROVAL, [])
    account.answer(APPROVED, 20)
    assert [warning.invoice_ids for warning in account.warnings] == [["I1"], ["I2"]]


@pytest.mark.parametrize("stage", BEFORE_BILLING)
def test_an_account_that_disputes_all_is_spared_until_the_dispute_is_over(stage: Stage) -> None:
    account = Account(claim()).brought_to(stage)
    account.case.hear_of(disputed(), moment(18))
    account.until(200)
    assert (account.case.waiting_for, account.case.approval_open, account.orders) == ("dispute", False, [])
    account.case.hear_of(claim(version=3), moment(200))
    assert (account.case.waiting_for, account.case.ending) != ("dispute", None)


def test_a_dispute_of_a_part_spares_nobody() -> None:
    account = Account(claim(), claim("I2")).brought_to(Stage.NOTICE)
    account.case.hear_of(disputed("I2"), moment(3))
    account.case.hear_of(disputed("I1", amount=9_500), moment(3))
    account.until(17)
    assert (account.case.stage, account.asked(AskApproval)[-1].amount) == (Stage.SIGN_OFF, 500)


def test_days_on_which_all_was_disputed_do_not_count_as_notice() -> None:
    account = Account(claim()).brought_to(Stage.NOTICE)
    account.case.hear_of(disputed(), moment(5))
    account.case.hear_of(claim(version=3), moment(15))
    assert account.case.notice_ends == midnight(26).date()


def test_a_dispute_after_the_suspension_switches_nothing_by_itself_but_a_manager_is_told_and_nothing_is_handed_over() -> None:
    account = Account(claim()).brought_to(Stage.SUSPENDED)
    account.case.hear_of(disputed(), moment(20))
    account.until(100)
    assert (account.case.stage, account.asked(HandOver)) == (Stage.SUSPENDED, [])
    assert account.asked(NotifyRole)[-1].template == "suspended_account_disputed"


def test_a_prepaid_account_is_never_warned_and_is_handed_over_without_suspension() -> None:
    account = Account(claim(), prepaid=True)
    assert (account.case.ending, account.approvals()) == (Ending.SPARED, [])
    late = Account(prepaid=True)
    late.case.ask_hand_over(claim(), moment(90))
    assert (late.case.ending, len(late.asked(HandOver)), late.orders) == (Ending.SPARED, 1, [])


def test_an_account_handed_back_is_collected_again_stays_suspended_and_can_be_handed_over_anew() -> None:
    account = Account(claim()).brought_to(Stage.HANDED_OVER)
    account.case.handed_back(moment(60))
    account.until(400)
    assert (account.case.stage, account.case.waiting_for, len(account.asked(LiftHold))) == (Stage.SUSPENDED, "payment", 1)
    account.case.ask_hand_over(claim(), moment(401))
    assert (account.case.stage, len(account.asked(HandOver)), len(account.asked(PlaceHold))) == (Stage.HANDED_OVER, 2, 3)


def test_what_was_written_off_ends_the_case_with_the_service_off() -> None:
    account = Account(claim()).brought_to(Stage.HANDED_OVER)
    account.case.written_off(moment(60))
    account.case.hear_of(paid(), moment(61))
    assert (account.case.ending, account.asked(ReinstateInBilling)) == (Ending.WRITTEN_OFF, [])


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in (Stage.REINSTATING, Stage.ENDED)])
def test_people_may_withdraw_before_the_suspension_and_reinstate_after_it(stage: Stage) -> None:
    case = Account(claim()).brought_to(stage).case
    withdraw, reinstate = WithdrawSuspension(act_id="w", actor="mia", reason="agreed"), Reinstate(act_id="r", actor="mia", reason="agreed")
    today = midnight(50).date()
    assert (refusal(case, withdraw, today) is None) == (stage in BEFORE_BILLING)
    assert (refusal(case, reinstate, today) is None) == (stage in (Stage.SUSPENDED, Stage.HANDED_OVER))
    carry_out(case, withdraw, moment(50))
    carry_out(case, reinstate, moment(50))
    assert case.ending is Ending.WITHDRAWN or case.stage is Stage.REINSTATING or case.stage is Stage.SUSPENDING


@pytest.mark.parametrize(
    "act",
    [
        AskAgain(act_id="a", actor="mia"),
        SendWarningAgain(act_id="a", actor="mia"),
        extend(to=20, act_id="a"),
        HandOverNow(act_id="a", actor="mia"),
        Reinstate(act_id="a", actor="mia", reason=""),
    ],
)  # fmt: skip
def test_an_act_that_the_state_rules_out_is_journalled_as_refused_and_changes_nothing(act: Act) -> None:
    case = Account(claim()).brought_to(Stage.WARNING_APPROVAL).case
    before = case.model_dump(exclude={"journal", "seen"})
    assert refusal(case, act, midnight(1).date())
    carry_out(case, act, moment(1))
    assert case.journal.pending[-1].kind.value == "act.refused"
    assert case.model_dump(exclude={"journal", "seen"}) == before
    assert (carry_out(case, act, moment(1)), refusal(case, act, midnight(1).date())) == (None, None)


def test_a_case_of_the_same_account_follows_on_the_earlier_one() -> None:
    account = Account(claim()).brought_to(Stage.SIGN_OFF)
    account.case.hear_of(paid(), moment(18))
    later = Account()
    fresh = SuspensionCase(journal=later.case.journal.model_copy(update={"pending": [], "seq": 0}), snapshot=account.case.snapshot)
    fresh.take_up(account.case.leaves())
    later.case = fresh
    fresh.open(moment(30))
    fresh.join(claim("I2"), moment(30))
    later.until(31)
    assert [question.number for question in later.asked(AskApproval)] == [3]
    assert broken_at([*account.case.journal.pending, *fresh.journal.pending]) is None


def test_a_case_reads_back_whole() -> None:
    case = Account(claim(), claim("I2")).brought_to(Stage.HANDED_OVER).case
    assert SuspensionCase.model_validate_json(case.model_dump_json()) == case
    assert case.wakes_at() is None
