"""Credit reviews: the grid, and what a verdict changes."""

from typing import Any

import pytest

from domain.case.effects import AdoptSegment, LiftHold, MakeDossier, NotifyRole, PlaceHold
from domain.credit_review.command_rules import apply_command, rejection_reason
from domain.credit_review.commands import (
    AbilityToPay,
    CloseCreditReview,
    CollectionCourse,
    GiveCreditVerdict,
    ReferralReason,
    WillingnessToPay,
)
from domain.credit_review.review_case import CreditReviewCase
from domain.journal.journal import Journal
from tests.domain.builders import midnight, moment


def verdict(act_id: str = "v1", **changes: Any) -> GiveCreditVerdict:
    content = {"ability": "able", "willingness": "willing", "next_review_on": midnight(30).date()}
    return GiveCreditVerdict.model_validate({"act_id": act_id, "actor": "ana"} | content | changes)


def review(reason: ReferralReason = ReferralReason.COLLECTOR) -> CreditReviewCase:
    case = CreditReviewCase(journal=Journal(case_id="credit_review:A1", account_id="A1"), invoice_ids=["I1", "I2"])
    case.refer_account(reason, moment())
    return case


def kinds(case: CreditReviewCase) -> list[type]:
    return [type(effect) for effect in case.take_effects()]


@pytest.mark.parametrize(
    ("ability", "willingness", "insolvent", "course"),
    [
        (AbilityToPay.ABLE, WillingnessToPay.WILLING, False, CollectionCourse.GENTLE),
        (AbilityToPay.ABLE, WillingnessToPay.UNWILLING, False, CollectionCourse.FIRM),
        (AbilityToPay.UNABLE, WillingnessToPay.WILLING, False, CollectionCourse.PLAN),
        (AbilityToPay.UNABLE, WillingnessToPay.UNWILLING, False, CollectionCourse.HAND_OVER),
        (AbilityToPay.ABLE, WillingnessToPay.WILLING, True, CollectionCourse.STOP),
    ],
)
def test_the_grid_says_the_course(ability: AbilityToPay, willingness: WillingnessToPay, insolvent: bool, course: CollectionCourse) -> None:
    case = review()
    apply_command(case, verdict(ability=ability, willingness=willingness, insolvent=insolvent), moment(1))
    assert (case.course, case.journal.pending[-1 - insolvent].facts["course"]) == (course, course.value)


def test_a_verdict_changes_the_policy_variant_until_the_review_is_closed() -> None:
    case = review()
    apply_command(case, verdict(segment="firm"), moment(1))
    apply_command(case, verdict("v2", segment="firm"), moment(1))
    apply_command(case, CloseCreditReview(act_id="c1", actor="ana"), moment(2))
    adopted = [effect.segment for effect in case.take_effects() if isinstance(effect, AdoptSegment)]
    assert adopted == ["firm", None]


@pytest.mark.parametrize("by_notice", [True, False])
def test_insolvency_holds_all_invoices_and_asks_for_the_proof_of_claim_once(by_notice: bool) -> None:
    case = review(ReferralReason.INSOLVENCY_NOTICE if by_notice else ReferralReason.COLLECTOR)
    apply_command(case, verdict(insolvent=True), moment(1))
    case.add_invoice("I3", moment(2))
    assert kinds(case) == [NotifyRole, PlaceHold, PlaceHold, MakeDossier, PlaceHold]


def test_a_verdict_that_finds_no_insolvency_lets_the_invoices_go() -> None:
    case = review(ReferralReason.INSOLVENCY_NOTICE)
    case.take_effects()
    apply_command(case, verdict(), moment(1))
    assert kinds(case) == [LiftHold, LiftHold]


def test_the_review_comes_due_once_on_its_day() -> None:
    case = review()
    apply_command(case, verdict(), moment(1))
    case.run_due_actions(moment(29))
    assert (case.waiting_for, case.wakes_at()) == ("time", midnight(30))
    case.run_due_actions(moment(30))
    case.run_due_actions(moment(31))
    assert [entry.kind.value for entry in case.journal.pending].count("credit_review.due") == 1
    assert (case.waiting_for, case.wakes_at()) == ("verdict", None)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"limit": 100}, "a limit needs its currency"),
        ({"next_review_on": midnight(1).date()}, "must be after today"),
        ({"next_review_on": None, "willingness": "unwilling"}, "needs a date for its next review"),
    ],
)
def test_a_verdict_that_is_not_whole_is_refused(changed: dict[str, Any], why: str) -> None:
    case = review()
    assert why in str(rejection_reason(case, verdict(**changed), midnight(1).date()))
    apply_command(case, verdict(**changed), moment(1))
    assert (case.verdict, case.journal.pending[-1].kind.value) == (None, "act.refused")


def test_a_verdict_is_given_once() -> None:
    case = review()
    assert apply_command(case, verdict(), moment(1)) is not None
    assert apply_command(case, verdict(), moment(1)) is None
