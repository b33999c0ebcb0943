"""An account's suspension, rule by rule."""

import pytest

from domain.approval.result import ApprovalResult
from domain.case.billing_results import SuspensionOrderOutcome
from domain.case.case_view import AwaitedParties
from domain.case.command import Command
from domain.case.effects import (
    HandOverAccount,
    LiftHold,
    NotifyInvoice,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    RequestApproval,
    ReviseApproval,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.chain_check import find_broken_entry
from domain.suspension.command_rules import apply_command, rejection_reason
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
    apply_hand_back,
    apply_reinstatement,
    apply_write_off,
    open_case,
    request_hand_over,
    update_receivable,
)
from domain.suspension.state import PRE_SUSPENSION_STAGES, SuspensionEnding, SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.view import build_case_view
from tests.domain.builders import midnight, moment
from tests.domain.suspension.builders import SuspensionDriver, build_disputed_receivable, build_paid_receivable, build_receivable

APPROVED, REJECTED, RETURNED, LAPSED = ApprovalResult.APPROVED, ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED


def on(day: int) -> str:
    return midnight(day).date().isoformat()


def extend(to: int, act_id: str = "x1") -> ExtendNotice:
    return ExtendNotice(act_id=act_id, actor="mia", until=midnight(to).date(), reason="a letter of credit is under way")


def test_the_straight_way_asks_twice_writes_twice_and_hands_over() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.HANDED_OVER)
    assert account.approvals() == ["suspension_warning", "suspension"]
    assert account.letters() == ["suspension_warning", "suspended"]
    assert [order.invoice_ids for order in account.orders] == [["I1"]]
    assert [effect.invoice_ids for effect in account.list_effects(HandOverAccount)] == [["I1"]]
    assert find_broken_entry(account.case.journal.pending) is None


def test_five_invoices_of_one_day_make_one_question_one_warning_and_one_suspension_and_each_is_told() -> None:
    names = ["I1", "I2", "I3", "I4", "I5"]
    account = SuspensionDriver(*(build_receivable(name) for name in names)).drive_to(SuspensionStage.SUSPENDED)
    assert [(question.amount, question.invoice_ids) for question in account.list_effects(RequestApproval)] == [
        (50_000, names),
        (50_000, names),
    ]
    assert (len(account.warnings), len(account.orders)) == (1, 1)
    for what in ("suspension.asked", "suspension.warning_delivered", "suspension.suspended"):
        assert [told.invoice_id for told in account.list_effects(NotifyInvoice) if told.what == what] == names


def test_an_invoice_is_held_while_the_case_runs_and_let_go_when_it_ends() -> None:
    account = SuspensionDriver(build_receivable())
    assert [(effect.invoice_id, effect.hold.hold_id, effect.hold.kind.value) for effect in account.list_effects(PlaceHold)] == [
        ("I1", "suspension:A1", "suspension")
    ]
    assert account.list_effects(LiftHold) == []
    update_receivable(account.case, build_paid_receivable(), moment(0.5))
    assert [(effect.invoice_id, effect.hold_id) for effect in account.list_effects(LiftHold)] == [("I1", "suspension:A1")]


def test_a_person_who_asks_is_not_kept_waiting_and_is_the_requester() -> None:
    account = SuspensionDriver()
    apply_command(account.case, RequestSuspension(act_id="a1", actor="mia", claims=[build_receivable()]), moment(0.5))
    assert [(question.requester, question.also_asked) for question in account.list_effects(RequestApproval)] == [("mia", [])]


def test_one_who_asks_later_may_not_approve_either() -> None:
    account = SuspensionDriver()
    apply_command(account.case, RequestSuspension(act_id="a1", actor="mia", claims=[build_receivable()]), moment(0.5))
    apply_command(account.case, RequestSuspension(act_id="a2", actor="tom", claims=[build_receivable("I2")]), moment(0.6))
    assert [taken.number for taken in account.list_effects(WithdrawApproval)] == [1]
    last = account.list_effects(RequestApproval)[-1]
    assert (last.number, last.requester, last.also_asked, last.amount) == (2, "tom", ["mia"], 20_000)


def test_the_amount_asked_is_the_weightiest_currencys_and_the_others_are_shown() -> None:
    account = SuspensionDriver(build_receivable(), build_receivable("I2", currency="JPY", open_balance=9_000)).drive_to(
        SuspensionStage.WARNING_APPROVAL
    )
    question = account.list_effects(RequestApproval)[0]
    assert (question.amount, question.currency, question.details) == (9_000, "JPY", {"owed_EUR": 10_000, "owed_JPY": 9_000})


def test_what_is_owed_in_another_currency_is_asked_for_beside_the_largest_number() -> None:
    """A smaller number in pounds may need higher authority than a larger one in dollars: the matrix is asked for each."""
    account = SuspensionDriver(
        build_receivable(currency="USD", open_balance=5_000_000), build_receivable("I2", currency="GBP", open_balance=4_500_000)
    ).drive_to(SuspensionStage.WARNING_APPROVAL)
    question = account.list_effects(RequestApproval)[0]
    assert (question.amount, question.currency, question.other_amounts) == (5_000_000, "USD", {"GBP": 4_500_000})


@pytest.mark.parametrize("result", [LetterResult.REFUSED, LetterResult.UNKNOWN, LetterResult.DROPPED])
def test_a_warning_that_did_not_arrive_starts_no_notice_and_asks_a_person(result: LetterResult) -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING)
    account.report_warning(result, 2)
    account.pass_time_until(100)
    assert (account.case.stage, account.case.waiting_for, account.orders) == (SuspensionStage.WARNING, "address", [])
    assert [(told.role.value, told.template) for told in account.list_effects(NotifyRole)] == [
        ("collector", "suspension_warning_undelivered")
    ]
    apply_command(account.case, ResendWarning(act_id="s1", actor="mia"), moment(100))
    account.report_warning(LetterResult.SENT, 101)
    assert (account.case.stage, account.case.notice_ends) == (SuspensionStage.NOTICE, midnight(115).date())
    assert len({warning.key for warning in account.warnings}) == len(account.warnings) == 2


def test_an_unknown_warning_that_a_person_found_delivered_counts_from_the_day_it_came() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING)
    account.report_warning(LetterResult.UNKNOWN, 2)
    account.report_warning(LetterResult.SENT, 5)
    assert (account.case.stage, account.case.notice_ends) == (SuspensionStage.NOTICE, midnight(19).date())


@pytest.mark.parametrize("stage", [SuspensionStage.NOTICE, SuspensionStage.SIGN_OFF])
def test_a_warning_that_bounces_afterwards_was_not_delivered(stage: SuspensionStage) -> None:
    account = SuspensionDriver(build_receivable()).drive_to(stage)
    account.report_warning(LetterResult.REFUSED, 18)
    assert (account.case.stage, account.case.undelivered, account.case.approval_open) == (SuspensionStage.WARNING, True, False)


@pytest.mark.parametrize("result", [None, LetterResult.REFUSED])
def test_a_warning_that_no_longer_counts_when_the_account_pays_is_taken_back(result: LetterResult | None) -> None:
    """Also one that was refused: somebody may have asked the letter desk to send it again."""
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING)
    if result:
        account.report_warning(result, 2)
    update_receivable(account.case, build_paid_receivable(), moment(2))
    assert [taken.key for taken in account.list_effects(WithdrawLetter)] == [account.warnings[0].key]


def test_news_of_an_earlier_warning_change_nothing() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING)
    account.report_warning(LetterResult.REFUSED, 2)
    apply_command(account.case, ResendWarning(act_id="s1", actor="mia"), moment(3))
    account.report_warning(LetterResult.SENT, 4, number=1)
    assert account.case.stage is SuspensionStage.WARNING


def test_the_notice_is_of_full_days_after_the_delivery() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.NOTICE)
    account.pass_time_until(16.99)
    assert account.approvals() == ["suspension_warning"]
    account.pass_time_until(17)
    assert account.approvals() == ["suspension_warning", "suspension"]


def test_an_extension_puts_the_sign_off_off_and_takes_back_one_that_was_asked() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SIGN_OFF)
    apply_command(account.case, extend(to=20), moment(17))
    account.answer_approval(APPROVED, 18)
    assert (account.case.stage, account.orders) == (SuspensionStage.NOTICE, [])
    account.pass_time_until(21)
    assert (account.case.stage, account.approvals()) == (SuspensionStage.SIGN_OFF, ["suspension_warning", "suspension", "suspension"])


def test_extensions_have_their_measure() -> None:
    case = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.NOTICE).case
    assert "the notice runs until " + on(16) in str(rejection_reason(case, extend(to=16), midnight(3).date()))
    assert rejection_reason(case, extend(to=46), midnight(3).date()) is None
    assert "30 days in all" in str(rejection_reason(case, extend(to=47), midnight(3).date()))
    apply_command(case, extend(to=30), moment(3))
    assert "30 days in all" in str(rejection_reason(case, extend(to=47, act_id="x2"), midnight(3).date()))


def test_a_rejected_approval_ends_the_case_and_lets_the_invoices_go_on() -> None:
    for stage in (SuspensionStage.WARNING_APPROVAL, SuspensionStage.SIGN_OFF):
        account = SuspensionDriver(build_receivable()).drive_to(stage)
        account.answer_approval(REJECTED, 18)
        assert (account.case.ending, len(account.list_effects(LiftHold)), account.orders) == (SuspensionEnding.REJECTED, 1, [])


def test_a_returned_approval_waits_for_its_requester_and_is_asked_again_under_the_askers_name() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SIGN_OFF)
    account.answer_approval(RETURNED, 18)
    assert account.case.waiting_for == "requester"
    account.case.askers = ["ben", "Anna Maria"]
    assert build_case_view(account.case, "run").awaited == AwaitedParties(people=["ben", "Anna Maria"])
    apply_command(account.case, RequestApprovalAgain(act_id="g1", actor="mia"), moment(19))
    assert build_case_view(account.case, "run").awaited is None
    last = account.list_effects(RequestApproval)[-1]
    assert (last.number, last.matter.value, last.requester) == (3, "suspension", "mia")


def test_a_lapsed_approval_is_asked_anew_unless_it_was_withdrawn() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING_APPROVAL)
    account.answer_approval(LAPSED, 2, reason="outgrown")
    assert [question.number for question in account.list_effects(RequestApproval)] == [1, 2]
    account.answer_approval(LAPSED, 3, reason="withdrawn")
    assert account.case.ending is SuspensionEnding.WITHDRAWN


def test_an_answer_to_an_earlier_approval_changes_nothing() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING_APPROVAL)
    account.answer_approval(LAPSED, 2, reason="outgrown")
    account.answer_approval(APPROVED, 2, number=1)
    assert (account.case.stage, account.warnings) == (SuspensionStage.WARNING_APPROVAL, [])


def test_the_approval_hears_that_the_amount_has_grown() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING_APPROVAL)
    add_receivable(account.case, build_receivable("I2"), moment(2))
    assert [(revised.number, revised.amount) for revised in account.list_effects(ReviseApproval)] == [(1, 20_000)]


@pytest.mark.parametrize("stage", PRE_SUSPENSION_STAGES)
def test_payment_before_the_suspension_cures(stage: SuspensionStage) -> None:
    account = SuspensionDriver(build_receivable()).drive_to(stage)
    update_receivable(account.case, build_paid_receivable(), moment(18))
    assert (account.case.ending, account.orders) == (SuspensionEnding.CURED, [])
    assert [taken.reason for taken in account.list_effects(WithdrawApproval)] == ["settled"] * (
        stage in (SuspensionStage.WARNING_APPROVAL, SuspensionStage.SIGN_OFF)
    )


def test_what_is_left_below_the_policys_minimum_is_no_arrears() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.NOTICE)
    update_receivable(account.case, build_receivable(version=2, open_balance=500), moment(3))
    assert account.case.ending is None
    update_receivable(account.case, build_receivable(version=3, open_balance=499), moment(3))
    assert account.case.ending is SuspensionEnding.CURED


def test_an_account_paid_between_sign_off_and_billing_call_is_not_suspended() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SUSPENDING)
    update_receivable(account.case, build_paid_receivable(), moment(17))
    account.report_billing(SuspensionOrderOutcome.NOT_IN_ARREARS, 17)
    assert (account.case.ending, account.letters(), account.list_effects(ReinstateInBilling)) == (
        SuspensionEnding.CURED,
        ["suspension_warning"],
        [],
    )


def test_an_account_paid_while_billing_suspended_it_is_reinstated_without_a_letter_in_between() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SUSPENDING)
    update_receivable(account.case, build_paid_receivable(), moment(17))
    account.report_billing(SuspensionOrderOutcome.SUSPENDED, 17)
    apply_reinstatement(account.case, moment(17))
    assert (account.case.ending, account.letters()) == (SuspensionEnding.REINSTATED, ["suspension_warning", "reinstated"])


@pytest.mark.parametrize(("stage", "day"), [(SuspensionStage.SUSPENDED, 20), (SuspensionStage.HANDED_OVER, 50)])
def test_payment_after_the_suspension_reinstates_at_once_with_a_confirmation(stage: SuspensionStage, day: int) -> None:
    account = SuspensionDriver(build_receivable(), build_receivable("I2")).drive_to(stage)
    update_receivable(account.case, build_paid_receivable("I1"), moment(day))
    assert (account.case.stage, account.list_effects(ReinstateInBilling)) == (stage, [])
    update_receivable(account.case, build_paid_receivable("I2"), moment(day))
    assert (account.case.stage, len(account.list_effects(ReinstateInBilling))) == (SuspensionStage.REINSTATING, 1)
    apply_reinstatement(account.case, moment(50))
    apply_reinstatement(account.case, moment(51))
    assert (account.case.ending, account.letters()[-1], len(account.letters())) == (SuspensionEnding.REINSTATED, "reinstated", 3)


def test_what_the_warning_did_not_name_needs_a_warning_of_its_own() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SIGN_OFF)
    add_receivable(account.case, build_receivable("I2"), moment(18))
    assert account.list_effects(RequestApproval)[-1].invoice_ids == ["I1"]
    update_receivable(account.case, build_paid_receivable("I1"), moment(19))
    account.answer_approval(APPROVED, 19, number=2)
    assert (account.case.stage, account.orders) == (SuspensionStage.WARNING_APPROVAL, [])
    account.answer_approval(APPROVED, 20)
    assert [warning.invoice_ids for warning in account.warnings] == [["I1"], ["I2"]]


@pytest.mark.parametrize("stage", PRE_SUSPENSION_STAGES)
def test_an_account_that_disputes_all_is_spared_until_the_dispute_is_over(stage: SuspensionStage) -> None:
    account = SuspensionDriver(build_receivable()).drive_to(stage)
    update_receivable(account.case, build_disputed_receivable(), moment(18))
    account.pass_time_until(200)
    assert (account.case.waiting_for, account.case.approval_open, account.orders) == ("dispute", False, [])
    update_receivable(account.case, build_receivable(version=3), moment(200))
    assert (account.case.waiting_for, account.case.ending) != ("dispute", None)


def test_a_dispute_of_a_part_spares_nobody() -> None:
    account = SuspensionDriver(build_receivable(), build_receivable("I2")).drive_to(SuspensionStage.NOTICE)
    update_receivable(account.case, build_disputed_receivable("I2"), moment(3))
    update_receivable(account.case, build_disputed_receivable("I1", amount=9_500), moment(3))
    account.pass_time_until(17)
    assert (account.case.stage, account.list_effects(RequestApproval)[-1].amount) == (SuspensionStage.SIGN_OFF, 500)


def test_days_on_which_all_was_disputed_do_not_count_as_notice() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.NOTICE)
    update_receivable(account.case, build_disputed_receivable(), moment(5))
    update_receivable(account.case, build_receivable(version=3), moment(15))
    assert account.case.notice_ends == midnight(26).date()


def test_a_dispute_after_the_suspension_switches_nothing_by_itself_but_a_manager_is_told_and_nothing_is_handed_over() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SUSPENDED)
    update_receivable(account.case, build_disputed_receivable(), moment(20))
    account.pass_time_until(100)
    assert (account.case.stage, account.list_effects(HandOverAccount)) == (SuspensionStage.SUSPENDED, [])
    assert account.list_effects(NotifyRole)[-1].template == "suspended_account_disputed"


def test_a_prepaid_account_is_never_warned_and_is_handed_over_without_suspension() -> None:
    account = SuspensionDriver(build_receivable(), prepaid=True)
    assert (account.case.ending, account.approvals()) == (SuspensionEnding.SPARED, [])
    late = SuspensionDriver(prepaid=True)
    request_hand_over(late.case, build_receivable(), moment(90))
    assert (late.case.ending, len(late.list_effects(HandOverAccount)), late.orders) == (SuspensionEnding.SPARED, 1, [])


def test_an_account_handed_back_is_collected_again_stays_suspended_and_can_be_handed_over_anew() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.HANDED_OVER)
    apply_hand_back(account.case, moment(60))
    account.pass_time_until(400)
    assert (account.case.stage, account.case.waiting_for, len(account.list_effects(LiftHold))) == (SuspensionStage.SUSPENDED, "payment", 1)
    request_hand_over(account.case, build_receivable(), moment(401))
    assert (account.case.stage, len(account.list_effects(HandOverAccount)), len(account.list_effects(PlaceHold))) == (
        SuspensionStage.HANDED_OVER,
        2,
        3,
    )


def test_what_was_written_off_ends_the_case_with_the_service_off() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.HANDED_OVER)
    apply_write_off(account.case, moment(60))
    update_receivable(account.case, build_paid_receivable(), moment(61))
    assert (account.case.ending, account.list_effects(ReinstateInBilling)) == (SuspensionEnding.WRITTEN_OFF, [])


@pytest.mark.parametrize("stage", [stage for stage in SuspensionStage if stage not in (SuspensionStage.REINSTATING, SuspensionStage.ENDED)])
def test_people_may_withdraw_before_the_suspension_and_reinstate_after_it(stage: SuspensionStage) -> None:
    case = SuspensionDriver(build_receivable()).drive_to(stage).case
    withdraw, reinstate = (
        WithdrawSuspension(act_id="w", actor="mia", reason="agreed"),
        ReinstateAccount(act_id="r", actor="mia", reason="agreed"),
    )
    today = midnight(50).date()
    assert (rejection_reason(case, withdraw, today) is None) == (stage in PRE_SUSPENSION_STAGES)
    assert (rejection_reason(case, reinstate, today) is None) == (stage in (SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER))
    apply_command(case, withdraw, moment(50))
    apply_command(case, reinstate, moment(50))
    assert (
        case.ending is SuspensionEnding.WITHDRAWN or case.stage is SuspensionStage.REINSTATING or case.stage is SuspensionStage.SUSPENDING
    )


@pytest.mark.parametrize(
    "command",
    [
        RequestApprovalAgain(act_id="a", actor="mia"),
        ResendWarning(act_id="a", actor="mia"),
        extend(to=20, act_id="a"),
        HandOverSuspendedAccount(act_id="a", actor="mia"),
        ReinstateAccount(act_id="a", actor="mia", reason=""),
    ],
)
def test_an_act_that_the_state_rules_out_is_journalled_as_refused_and_changes_nothing(command: Command) -> None:
    case = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.WARNING_APPROVAL).case
    before = case.model_dump(exclude={"journal", "seen"})
    assert rejection_reason(case, command, midnight(1).date())
    apply_command(case, command, moment(1))
    assert case.journal.pending[-1].kind.value == "act.refused"
    assert case.model_dump(exclude={"journal", "seen"}) == before
    assert (apply_command(case, command, moment(1)), rejection_reason(case, command, midnight(1).date())) == (None, None)


def test_a_case_of_the_same_account_follows_on_the_earlier_one() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SIGN_OFF)
    update_receivable(account.case, build_paid_receivable(), moment(18))
    later = SuspensionDriver()
    fresh = SuspensionCase(journal=later.case.journal.model_copy(update={"pending": [], "seq": 0}), snapshot=account.case.snapshot)
    fresh.continue_from(account.case.build_earlier_run())
    later.case = fresh
    open_case(fresh, moment(30))
    add_receivable(fresh, build_receivable("I2"), moment(30))
    later.pass_time_until(31)
    assert [question.number for question in later.list_effects(RequestApproval)] == [3]
    assert find_broken_entry([*account.case.journal.pending, *fresh.journal.pending]) is None


def test_a_case_reads_back_whole() -> None:
    case = SuspensionDriver(build_receivable(), build_receivable("I2")).drive_to(SuspensionStage.HANDED_OVER).case
    assert SuspensionCase.model_validate_json(case.model_dump_json()) == case
    assert case.wakes_at() is None
