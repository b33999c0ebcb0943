"""Every question has exactly one answer, more at stake never needs less authority, and every mistake in a matrix is named with its line."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.shipped_files import PROJECT
from domain.policy.approval_matrix import (
    AmbiguousApprovalRuleError,
    ApprovalMatrix,
    ApprovalRequest,
    ApprovalTier,
    MatrixSnapshot,
    NoApproverError,
    merge_tiers,
    requires_more_authority,
)
from domain.policy.approval_type import ApprovalType
from domain.policy.matrix_parsing import parse_matrix
from domain.policy.matrix_validation import describe_defects
from domain.policy.policy_parsing import PolicyError
from domain.roles import Role

FILE = PROJECT / "policies" / "approvals.yaml"
TEXT = FILE.read_text(encoding="utf-8")
STANDARD = parse_matrix(TEXT, str(FILE))

AMOUNTS = st.one_of(st.integers(0, 10_000_000), st.sampled_from([99_999, 100_000, 100_001, 1_000_000, 1_000_001, 5_000_000, 5_000_001]))
QUESTIONS = st.builds(
    ApprovalRequest,
    matter=st.sampled_from(ApprovalType),
    amount=AMOUNTS,
    currency=st.sampled_from(["EUR", "USD", "GBP", "CHF", "JPY", "KWD"]),
    term_days=st.one_of(st.integers(0, 4000), st.sampled_from([179, 180, 181])),
    broken_plans=st.integers(0, 5),
    segment=st.sampled_from(["standard", "key", "public", ""]),
)

SIGNATORIES = {
    "manager": {"role": "collections_manager", "deadline_days": 3, "escalate_to": "finance_director"},
    "director": {"role": "finance_director", "deadline_days": 5, "escalate_to": "finance_director"},
}
LEVELS = {"low": {"EUR": 10, "GBP": 8}, "high": {"EUR": 100, "GBP": 80}}


def matrix(*rules: dict[str, Any]) -> ApprovalMatrix:
    """A matrix whose other acts are all the director's."""
    ours = {rule.get("act", "credit_note") for rule in rules}
    rest = [{"rule": f"any_{other.value}", "act": other.value, "sign": ["director"]} for other in ApprovalType if other.value not in ours]
    named = [{"rule": f"r{number}", "act": "credit_note", "sign": ["manager"], **rule} for number, rule in enumerate(rules)]
    return ApprovalMatrix.model_validate(
        {"version": 1, "title": "For tests", "levels": LEVELS, "signatories": SIGNATORIES, "rules": [*named, *rest]}
    )


def question(matter: ApprovalType = ApprovalType.CREDIT_NOTE, amount: int = 500, currency: str = "EUR", **more: Any) -> ApprovalRequest:
    return ApprovalRequest(matter=matter, amount=amount, currency=currency, **more)


def signers(found: ApprovalMatrix, asked: ApprovalRequest) -> list[str]:
    return [tier.role.value for tier in found.list_required_tiers(asked)]


# --- the standard matrix


@given(QUESTIONS)
def test_any_question_is_answered_by_exactly_one_rule_of_the_standard_matrix(asked: ApprovalRequest) -> None:
    assert STANDARD.find_rule(asked).act is asked.matter
    assert all(tier.role not in (Role.COLLECTOR, Role.AUDITOR, Role.ADMIN) for tier in STANDARD.list_required_tiers(asked))


@given(QUESTIONS, st.integers(0, 10_000_000), st.integers(0, 500), st.integers(0, 3))
def test_more_at_stake_never_needs_less_authority(asked: ApprovalRequest, more: int, longer: int, worse: int) -> None:
    larger = asked.model_copy(
        update={"amount": asked.amount + more, "term_days": asked.term_days + longer, "broken_plans": asked.broken_plans + worse}
    )
    assert not requires_more_authority(STANDARD.list_required_tiers(asked), than=STANDARD.list_required_tiers(larger))


@given(QUESTIONS)
def test_a_pinned_matrix_answers_as_the_one_it_was_made_from(asked: ApprovalRequest) -> None:
    assert MatrixSnapshot.from_matrix(STANDARD).load_matrix().list_required_tiers(asked) == STANDARD.list_required_tiers(asked)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (question(ApprovalType.SUSPENSION_WARNING, 10_000_000), ["collections_manager"]),
        (question(ApprovalType.SUSPENSION, 5_000_000), ["collections_manager"]),
        (question(ApprovalType.SUSPENSION, 5_000_001), ["collections_manager", "finance_director"]),
        (question(ApprovalType.SUSPENSION, 1, segment="key"), ["collections_manager", "finance_director"]),
        (question(ApprovalType.PAYMENT_PLAN, 1_000_000, term_days=180), ["collections_manager"]),
        (question(ApprovalType.PAYMENT_PLAN, 1_000_000, term_days=181), ["credit_analyst", "collections_manager"]),
        (question(ApprovalType.PAYMENT_PLAN, 1_000_001, term_days=181), ["collections_manager", "finance_director"]),
        (question(ApprovalType.PAYMENT_PLAN, 100, broken_plans=1), ["collections_manager", "finance_director"]),
        (question(ApprovalType.PAYMENT_PLAN, 850_000, "GBP"), ["collections_manager"]),
        (question(ApprovalType.PAYMENT_PLAN, 850_001, "GBP"), ["collections_manager", "finance_director"]),
        (question(ApprovalType.CREDIT_NOTE, 1), ["collections_manager"]),
        (question(ApprovalType.FEE_WAIVER, 100_001), ["collections_manager", "finance_director"]),
        (question(ApprovalType.WRITE_OFF, 100_000), ["collections_manager"]),
        (question(ApprovalType.WRITE_OFF, 100_001), ["collections_manager", "finance_director"]),
        (question(ApprovalType.POLICY_CHANGE, 0), ["finance_director"]),
    ],
)
def test_the_standard_matrix_asks_those_whom_finance_wrote_down(asked: ApprovalRequest, expected: list[str]) -> None:
    assert signers(STANDARD, asked) == expected


def test_a_large_write_off_takes_two_directors() -> None:
    assert [tier.quorum for tier in STANDARD.list_required_tiers(question(ApprovalType.WRITE_OFF, 5_000_001))] == [1, 2]


@pytest.mark.parametrize(
    "matter",
    [ApprovalType.SUSPENSION, ApprovalType.CREDIT_NOTE, ApprovalType.FEE_WAIVER, ApprovalType.WRITE_OFF, ApprovalType.PAYMENT_PLAN],
)
def test_an_amount_in_a_currency_that_no_level_names_counts_as_over_the_highest_level(matter: ApprovalType) -> None:
    assert STANDARD.list_required_tiers(question(matter, 1, "JPY")) == STANDARD.list_required_tiers(question(matter, 5_000_001, "EUR"))


# --- the proof


def test_a_gap_between_two_levels_is_named() -> None:
    found = matrix({"amount": {"up_to": "low"}}, {"amount": {"over": "high"}, "sign": ["director"]})

    assert describe_defects(found) == ["nobody approves a credit note with an amount over low up to high; add a rule for it"]
    with pytest.raises(NoApproverError, match="names nobody for this credit note"):
        found.list_required_tiers(question(amount=1_001))


def test_an_overlap_is_named_with_both_rules_and_where() -> None:
    found = matrix({"amount": {"up_to": "high"}}, {"amount": {"over": "low"}, "sign": ["director"]})

    assert describe_defects(found) == [
        "'r0' and 'r1' both answer for a credit note with an amount over low up to high; leave it to one of them"
    ]
    with pytest.raises(AmbiguousApprovalRuleError, match="r0 and r1"):
        found.list_required_tiers(question(amount=1_001))


def test_an_act_without_any_rule_is_named() -> None:
    rules = [rule for rule in matrix({}).rules if rule.act is not ApprovalType.FEE_WAIVER]

    assert describe_defects(matrix({}).model_copy(update={"rules": rules})) == ["nobody approves any fee waiver; add a rule for it"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"term_days": {"up_to": 30}}, {"term_days": {"over": 60}}], "with a term in days over 30 up to 60"),
        ([{"broken_plans": {"up_to": 0}}], "with broken plans over 0"),
        ([{"segments": ["key"]}], "of every other segment"),
        ([{"except_segments": ["key", "public"]}, {"segments": ["public"]}], "of the segment key"),
        ([{"term_days": {"over": 0}}], "with a term in days up to 0"),
    ],
)
def test_a_gap_in_term_broken_plans_or_segment_is_named(rules: list[dict[str, Any]], message: str) -> None:
    assert describe_defects(matrix(*rules)) == [f"nobody approves a credit note {message}; add a rule for it"]


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ({"amount": {"up_to": "low"}}, {"amount": {"over": "low"}}, "the amount"),
        ({"term_days": {"up_to": 30}}, {"term_days": {"over": 30}}, "the term"),
        ({"broken_plans": {"up_to": 0}}, {"broken_plans": {"over": 0}}, "the number of broken plans"),
    ],
)
def test_less_authority_where_more_is_at_stake_is_named(low: dict[str, Any], high: dict[str, Any], message: str) -> None:
    found = matrix({**low, "sign": ["director"]}, {**high, "sign": ["manager"]})

    assert describe_defects(found) == [f"'r1' needs less authority than 'r0' though {message} is larger; let it need as much"]


BETWEEN = st.tuples(st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, 0, 1, 2])).map(
    lambda ends: {key: end for key, end in zip(("over", "up_to"), ends, strict=True) if end is not None}
)
AMOUNT = st.sampled_from([{}, {"up_to": "low"}, {"over": "low"}, {"over": "low", "up_to": "high"}, {"over": "high"}, {"up_to": "high"}])
SEGMENTS = st.sampled_from([{}, {"segments": ["key"]}, {"except_segments": ["key"]}, {"segments": ["key", "public"]}])


@st.composite
def any_rule(draw: st.DrawFn) -> dict[str, Any]:
    sound = BETWEEN.filter(lambda ends: ends.get("over", -1) < ends.get("up_to", 9))
    return {"amount": draw(AMOUNT), "term_days": draw(sound), "broken_plans": draw(sound), **draw(SEGMENTS)}


@given(st.lists(any_rule(), min_size=1, max_size=4))
def test_the_proof_agrees_with_asking_every_question(rules: list[dict[str, Any]]) -> None:
    found = matrix(*rules)

    gaps = overlaps = False
    for amount, days, broken, segment in product((0, 1_000, 1_001, 10_000, 10_001), range(4), range(4), ("key", "public", "else")):
        try:
            found.find_rule(question(amount=amount, term_days=days, broken_plans=broken, segment=segment))
        except NoApproverError:
            gaps = True
        except AmbiguousApprovalRuleError:
            overlaps = True

    message = describe_defects(found)
    assert any("nobody approves" in sentence for sentence in message) == gaps
    assert any("both answer" in sentence for sentence in message) == overlaps


def test_small_credit_notes_may_need_nobody_and_nothing_larger_needs_less() -> None:
    found = matrix({"amount": {"up_to": "low"}, "sign": []}, {"amount": {"over": "low"}})
    assert signers(found, question(ApprovalType.CREDIT_NOTE, 100, "EUR")) == []
    assert describe_defects(found) == []
    turned = matrix({"amount": {"up_to": "low"}}, {"amount": {"over": "low"}, "sign": []})
    assert describe_defects(turned) == ["'r1' needs less authority than 'r0' though the amount is larger; let it need as much"]


# --- reading


@pytest.mark.parametrize(
    ("good", "bad", "at", "advice"),
    [
        ("quorum: 2", "quroum: 2", "two_directors:", "unknown key 'quroum'; did you mean 'quorum'?"),
        ("role: credit_analyst", "role: collector", "analyst:", "collector approves nothing; write one of: sales_ops"),
        ("role: credit_analyst", "role: clerk", "analyst:", "signatories.analyst.role cannot be 'clerk'; write one of"),
        (
            "deadline_days: 5, remind_days: 2, escalate_to: finance_director}",
            "deadline_days: 5, escalate_to: sales}",
            "director:",
            "sales stands below finance_director; escalate to a role above",
        ),
        ("sign: [analyst, manager]", "sign: [analist]", "sign: [analist]", "there is no signatory 'analist'; write one of: analyst"),
        ("amount: {over: small}", "amount: {over: smal}", "rule: large_fee_waiver", "there is no level 'smal'; write one of: small"),
        ("{over: small, up_to: large}", "{over: large, up_to: small}", "rule: write_off,", "put the lower level under 'over'"),
        ("act: policy_change, sign", "act: coup, sign", "rule: policy_change", "act cannot be 'coup'; write one of: 'suspension_warning'"),
        (
            "act: policy_change, sign: [director]",
            "act: policy_change, sign: []",
            "rule: policy_change",
            "only a credit note may need nobody",
        ),
        ("rule: policy_change,", "rule: write_off,", "act: policy_change", "two rules are called 'write_off'; give each a name of its own"),
        ("{over: 180}", "{over: 180, up_to: 180}", "term_days: {over: 180,", "nothing is over 180 and up to 180"),
        (", segments: [key], sign", ", segments: [key], except_segments: [x], sign", "rule: warning_of_key", "not both; remove one"),
        ("USD: 11000", "USD: 1000", "middle:", "'middle' must be above 'small' in USD; put the levels in order"),
        (", CHF: 50000", "", "large:", "'middle' and 'large' do not name the same currencies; see CHF"),
        ("{over: 180}", "{over: 181}", "rule: plan\n", "nobody approves a payment plan"),
    ],
)
def test_a_mistake_in_the_matrix_is_named_with_its_line(good: str, bad: str, at: str, advice: str) -> None:
    assert good in TEXT
    text = TEXT.replace(good, bad, 1)
    line = text[: text.index(at)].count("\n") + 1

    with pytest.raises(PolicyError) as refused:
        parse_matrix(text, "a.yaml")
    assert any(message.startswith(f"a.yaml:{line}: ") and advice in message for message in str(refused.value).splitlines()), str(
        refused.value
    )


def test_each_currency_asks_its_own_signatories_whichever_number_is_larger() -> None:
    """USD 50,000 is the manager's alone, GBP 45,000 the director's too."""
    asked = question(ApprovalType.SUSPENSION, 5_000_000, "USD")
    assert signers(STANDARD, asked) == ["collections_manager"]
    assert signers(STANDARD, asked.model_copy(update={"other_amounts": {"GBP": 4_500_000}})) == ["collections_manager", "finance_director"]


def test_nothing_is_asked_for_a_currency_in_which_nothing_is_at_stake() -> None:
    """The levels do not name the yen: any amount of it would be the director's."""
    asked = question(ApprovalType.SUSPENSION, 100, "EUR", other_amounts={"JPY": 0})
    assert signers(STANDARD, asked) == ["collections_manager"]


@given(QUESTIONS, st.dictionaries(st.sampled_from(["EUR", "USD", "GBP", "CHF", "JPY", "KWD"]), AMOUNTS))
def test_several_currencies_never_need_less_authority_than_one_of_them(asked: ApprovalRequest, others: dict[str, int]) -> None:
    others.pop(asked.currency, None)
    together = STANDARD.list_required_tiers(asked.model_copy(update={"other_amounts": others}))
    for currency, amount in ({asked.currency: asked.amount} | others).items():
        alone = asked.model_copy(update={"currency": currency, "amount": amount})
        assert amount == 0 != asked.amount or not requires_more_authority(STANDARD.list_required_tiers(alone), than=together)


def test_merged_tiers_keep_the_order_of_the_strictest_and_the_highest_quorum_of_each_role() -> None:
    analyst, manager, director, two = (
        ApprovalTier(role=role, quorum=quorum, deadline_days=3, escalate_to=Role.FINANCE_DIRECTOR)
        for role, quorum in (
            (Role.CREDIT_ANALYST, 1),
            (Role.COLLECTIONS_MANAGER, 1),
            (Role.FINANCE_DIRECTOR, 1),
            (Role.FINANCE_DIRECTOR, 2),
        )
    )
    assert merge_tiers([[manager, director]]) == [manager, director]
    assert merge_tiers([[manager], [director]]) == [manager, director]
    assert merge_tiers([[analyst, director], [manager], [two]]) == [analyst, manager, two]
    assert merge_tiers([[manager, manager], [director]]) == [manager, manager, director]
