from datetime import time
from decimal import Decimal

import pytest
from pydantic import ValidationError

from domain.policy.collection_policy import PolicySnapshot, StepAction
from tests.domain.builders import TIMELINE, build_policy, find_step


def test_a_snapshot_reads_back_as_the_policy_it_was_made_of() -> None:
    original = build_policy(segments=["public"], timeline=[*TIMELINE, {"day": 40, "step": "last", "act": "call"}])
    assert PolicySnapshot.from_policy(original).load_policy() == original


def test_a_snapshots_hash_changes_with_its_policy_and_only_then() -> None:
    assert PolicySnapshot.from_policy(build_policy()).sha256 == PolicySnapshot.from_policy(build_policy()).sha256
    assert PolicySnapshot.from_policy(build_policy()).sha256 != PolicySnapshot.from_policy(build_policy(catch_up_days=4)).sha256


def test_snapshots_of_one_text_share_one_policy() -> None:
    assert PolicySnapshot.from_policy(build_policy()).load_policy() is PolicySnapshot.from_policy(build_policy()).load_policy()


@pytest.mark.parametrize(
    ("minimum", "currency", "minor"),
    [({"EUR": "5.00"}, "EUR", 500), ({"EUR": "5.00"}, "USD", 1), ({}, "EUR", 1), ({"JPY": "500"}, "JPY", 500), ({"EUR": "0"}, "EUR", 1)],
)
def test_the_minimum_is_in_minor_units_and_at_least_one(minimum: dict[str, str], currency: str, minor: int) -> None:
    assert build_policy(minimum_balance=minimum).minimum_open_balance(currency) == minor


def test_contact_hours_are_read_from_clock_times() -> None:
    rules = build_policy(contact={"hours": "08:30-12:00", "days_between_letters": 1}).contact
    assert (rules.hours.opens, rules.hours.closes) == (time(8, 30), time(12))


def test_a_step_up_to_the_due_date_makes_sense_only_before_it() -> None:
    on_the_day = build_policy(timeline=[{"day": 0, "step": "due_today", "act": "call"}]).timeline[0]
    assert (find_step("courtesy_note").is_before_due, on_the_day.is_before_due, find_step("reminder").is_before_due) == (True, True, False)


@pytest.mark.parametrize("act", list(StepAction))
def test_every_act_can_be_a_step_and_only_a_letter_has_a_template(act: StepAction) -> None:
    bare: dict[str, object] = {"day": 1, "step": "only", "act": act.value}
    right, wrong = (bare | {"letter": "reminder"}, bare) if act is StepAction.LETTER else (bare, bare | {"letter": "reminder"})
    assert build_policy(timeline=[right]).timeline[0].act is act
    with pytest.raises(ValidationError, match="whose act is"):
        build_policy(timeline=[wrong])


def test_a_policy_that_says_nothing_of_suspension_has_the_rules_that_finance_may_rely_on() -> None:
    rules = build_policy().suspension
    assert (rules.notice_days, rules.most_extension_days, rules.hand_over_days) == (14, 30, 30)
    assert "suspension" not in PolicySnapshot.from_policy(build_policy()).text, (
        "the text, and so the hash, of the policies in force must not change"
    )


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        build_policy().catch_up_days = 1  # type: ignore[misc]


def test_tolerance_is_a_percentage() -> None:
    assert build_policy().promise.tolerance_percent == Decimal(2)
