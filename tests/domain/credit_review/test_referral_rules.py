"""Which accounts the rules refer to a credit analyst, and which they leave alone."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.credit_review.commands import ReferralReason
from domain.credit_review.referral_rules import LIMIT_GRACE_DAYS, LastCreditVerdict, ReferralIndicators, list_referral_reasons

TODAY = date(2013, 6, 1)
LONG_AGO = TODAY - timedelta(LIMIT_GRACE_DAYS + 1)
BROKEN, EXPOSURE = ReferralReason.BROKEN_PROMISES, ReferralReason.EXPOSURE_OVER_LIMIT


def verdict(limit: int | None = 1_000, **changes: Any) -> LastCreditVerdict:
    return LastCreditVerdict(**({"given_on": LONG_AGO, "limit": limit, "currency": "EUR" if limit is not None else None} | changes))


def facts(**changes: Any) -> ReferralIndicators:
    """Owes 20.00 EUR; nothing else is known."""
    return ReferralIndicators(**({"open_amounts": {"EUR": 2_000}} | changes))


@pytest.mark.parametrize(
    ("known", "reasons"),
    [
        (facts(), []),
        (facts(broken_promises=1), []),
        (facts(broken_promises=2), [BROKEN]),
        (facts(broken_promises=3), [BROKEN]),
        (facts(verdict=verdict(1_999)), [EXPOSURE]),
        (facts(verdict=verdict(2_000)), []),
        (facts(verdict=verdict(0)), [EXPOSURE]),
        (facts(verdict=verdict(None)), []),
        (facts(verdict=verdict(), open_amounts={"GBP": 9_000}), []),
        (facts(verdict=verdict(), broken_promises=2), [EXPOSURE, BROKEN]),
    ],
    ids=[
        "nothing known",
        "one promise broken",
        "as many as the policy allows",
        "more",
        "over the limit",
        "at the limit",
        "limit of nothing",
        "no limit",
        "another currency",
        "both",
    ],
)
def test_an_account_is_referred_for_broken_promises_or_for_owing_more_than_its_limit(
    known: ReferralIndicators, reasons: list[ReferralReason]
) -> None:
    assert list_referral_reasons(known, most_broken=2, today=TODAY) == reasons


@pytest.mark.parametrize(
    "known",
    [
        facts(broken_promises=9, verdict=verdict(), awaits_verdict=True),
        facts(broken_promises=9, verdict=verdict(insolvent=True)),
        facts(broken_promises=9, verdict=verdict(), open_amounts={"EUR": 0}),
        facts(broken_promises=9, verdict=verdict(), open_amounts={}),
    ],
    ids=["awaits a verdict", "insolvent", "owes nothing", "never owed"],
)
def test_an_account_is_left_alone_that_is_looked_at_already_or_has_nothing_to_look_at(known: ReferralIndicators) -> None:
    assert list_referral_reasons(known, most_broken=2, today=TODAY) == []


def test_a_limit_is_not_called_exceeded_by_those_who_just_set_it() -> None:
    given = TODAY - timedelta(LIMIT_GRACE_DAYS)
    assert list_referral_reasons(facts(verdict=verdict(given_on=given)), 2, TODAY) == []
    assert list_referral_reasons(facts(verdict=verdict(given_on=given)), 2, TODAY + timedelta(1)) == [EXPOSURE]


def test_a_policy_that_accepts_no_promise_refers_nobody_who_broke_none() -> None:
    assert list_referral_reasons(facts(), most_broken=0, today=TODAY) == []
    assert list_referral_reasons(facts(broken_promises=1), most_broken=0, today=TODAY) == [BROKEN]
