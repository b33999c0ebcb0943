"""An approval: who may sign, in which order, until when; and that no order of decisions gets around the rules."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.approval.approval_case import ApprovalCase
from domain.approval.command_rules import apply_command, rejection_reason
from domain.approval.commands import ApprovalVerdict, DecideApproval, DecisionChannel, WithdrawApprovalRequest
from domain.approval.delegation import Delegation
from domain.approval.four_eyes import list_represented
from domain.approval.result import ApprovalOutcome, ApprovalResult, ApprovalSubject, LapseReason
from domain.approval.review import DecisionReview
from domain.approval.summary import ApprovalSummary, choose_authority_over
from domain.approval.view import build_case_view
from domain.case.case_view import AwaitedParties
from domain.clock import Moment
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.policy.approval_matrix import ApprovalMatrix, ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.roles import Actor, Role
from tests.domain.builders import moment
from tests.examples import count_examples

MANAGER, DIRECTOR = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR
TODAY = date(2013, 3, 1)

MATRIX = ApprovalMatrix.model_validate(
    {
        "version": 3,
        "title": "For tests",
        "levels": {"low": {"EUR": 1000}, "high": {"EUR": 10000}},
        "signatories": {
            "manager": {"role": "collections_manager", "deadline_days": 3, "escalate_to": "finance_director"},
            "directors": {"role": "finance_director", "quorum": 2, "deadline_days": 5, "remind_days": 2, "escalate_to": "finance_director"},
        },
        "rules": [
            {"rule": "small", "act": "payment_plan", "amount": {"up_to": "low"}, "sign": ["manager"]},
            {"rule": "large", "act": "payment_plan", "amount": {"over": "low"}, "sign": ["manager", "directors"]},
        ],
    }
)


def asked(amount: int = 50_000, acting_for: tuple[str, ...] = ()) -> ApprovalCase:
    """Kim asks on 1 March 2013 for a plan: 500.00 EUR needs one manager, 5,000.00 EUR also two directors."""
    case = ApprovalCase.create(
        Journal(case_id="approval:plan:A1:1:1", account_id="A1"),
        plan(amount),
        "kim",
        ApprovalSubject(case_id="plan:A1:1", invoice_ids=["I1"]),
        MatrixSnapshot.from_matrix(MATRIX),
        acting_for,
    )
    case.open(moment())
    return case


def plan(amount: int) -> ApprovalRequest:
    return ApprovalRequest(matter=ApprovalType.PAYMENT_PLAN, amount=amount, currency="EUR")


def says(
    actor: str, role: Role = MANAGER, verdict: ApprovalVerdict = ApprovalVerdict.APPROVE, act_id: str | None = None, **more: Any
) -> DecideApproval:
    return DecideApproval(act_id=act_id or f"{actor}-{role.value}-{verdict.value}", actor=actor, role=role, verdict=verdict, **more)


def delegated(giver: str, taker: str, role: Role = MANAGER, first: int = -2, last: int = 2) -> Delegation:
    day = timedelta(days=1)
    return Delegation(
        delegation_id="D1", from_user=giver, to_user=taker, role=role, first_day=TODAY + first * day, last_day=TODAY + last * day
    )


def do(case: ApprovalCase, *acts: DecideApproval, on: float = 0) -> ApprovalCase:
    for command in acts:
        apply_command(case, command, moment(on))
    return case


def kinds(case: ApprovalCase) -> list[str]:
    return [entry.kind.value for entry in case.journal.pending]


# --- deciding


def test_one_signature_grants_what_one_tier_guards() -> None:
    case = do(asked(), says("anna"))

    assert case.ending is not None
    assert case.ending.build_outcome(4) == ApprovalOutcome(number=4, result=ApprovalResult.APPROVED, by="anna")
    assert kinds(case) == ["approval.requested", "approval.asked", "approval.signed", "approval.granted"]
    assert case.journal.pending[0].actor == "kim"
    assert case.waiting_for == "nothing"


def test_tiers_are_asked_one_after_the_other_and_a_quorum_is_waited_for() -> None:
    case = do(asked(500_000), says("anna"))
    assert (case.awaited_roles, case.due_on) == ([DIRECTOR], date(2013, 3, 6))

    do(case, says("dora", DIRECTOR))
    assert not case.is_ended

    do(case, says("dirk", DIRECTOR))
    assert case.ended_sentence == "the payment plan was approved by anna and dora and dirk on 2013-03-01"


@pytest.mark.parametrize(
    ("verdict", "result", "word"),
    [(ApprovalVerdict.REJECT, ApprovalResult.REJECTED, "rejected"), (ApprovalVerdict.RETURN, ApprovalResult.RETURNED, "returned")],
)
def test_a_rejection_or_a_return_ends_it_in_any_tier_with_its_comment(verdict: ApprovalVerdict, result: ApprovalResult, word: str) -> None:
    case = do(asked(500_000), says("anna"), says("dora", DIRECTOR, verdict, note_id="N1"))

    assert case.ending is not None
    assert (case.ending.result, case.ending.note_id) == (result, "N1")
    assert kinds(case)[-1] == f"approval.{word}"
    assert case.ended_sentence == f"the payment plan was {word} by dora on 2013-03-01"


@pytest.mark.parametrize("verdict", [ApprovalVerdict.REJECT, ApprovalVerdict.RETURN])
def test_a_rejection_or_a_return_without_a_comment_is_refused(verdict: ApprovalVerdict) -> None:
    assert "needs a comment" in (rejection_reason(asked(), says("anna", verdict=verdict), TODAY) or "")


def test_a_decided_approval_refuses_further_decisions_and_says_who_decided_and_when() -> None:
    case = do(asked(), says("anna"))

    assert rejection_reason(case, says("bert"), TODAY) == "the payment plan was approved by anna on 2013-03-01"


def test_the_same_decision_sent_twice_counts_once_and_is_no_mistake() -> None:
    case = do(asked(500_000), says("anna"))
    before = case.model_copy(deep=True)

    assert rejection_reason(case, says("anna"), TODAY) is None
    assert apply_command(case, says("anna"), moment()) is None
    assert case == before


def test_a_refused_decision_that_came_as_a_signal_is_journalled_with_its_reason_and_changes_nothing_else() -> None:
    case = do(asked(), says("kim"))

    entry = case.journal.pending[-1]
    assert (entry.kind, entry.actor) == (EntryKind.ACT_REFUSED, "kim")
    assert entry.facts["reason"] == "kim asked for this payment plan and cannot decide it"
    assert case.signatures == []


@pytest.mark.parametrize("channel", DecisionChannel)
def test_the_journal_names_the_way_by_which_a_decision_came(channel: DecisionChannel) -> None:
    case = do(asked(), says("anna", channel=channel))

    assert case.journal.pending[2].facts["channel"] == channel.value


def test_a_decision_that_does_not_say_how_it_came_was_written_to_temporal_directly() -> None:
    assert says("anna").channel is DecisionChannel.TEMPORAL


# --- who may


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (says("kim"), "kim asked for this payment plan and cannot decide it"),
        (says("Kim "), "Kim  asked for this payment plan and cannot decide it"),
        (says("kim", DIRECTOR), "kim asked for this payment plan and cannot decide it"),
        (says("kim", delegation=delegated("anna", "kim")), "kim asked for this payment plan and cannot decide it"),
        (says("bert", delegation=delegated("kim", "bert")), "kim asked for this payment plan; nobody decides it in their place"),
        (says("boss"), "kim, who asked for this payment plan, acts for boss; someone else must decide it"),
        (says("bert", delegation=delegated("boss", "bert")), "acts for boss; someone else must decide it"),
        (says("dora", DIRECTOR), "this waits for collections_manager, not for finance_director"),
        (says("cole", Role.COLLECTOR), "this waits for collections_manager, not for collector"),
        (says("bert", delegation=delegated("anna", "carl")), "anna delegated to carl, not to bert"),
        (says("bert", delegation=delegated("dora", "bert", DIRECTOR)), "dora delegated the role finance_director, not collections_manager"),
        (says("bert", delegation=delegated("anna", "bert", first=1)), "from 2013-03-02 to 2013-03-03, and today is 2013-03-01"),
        (says("bert", delegation=delegated("anna", "bert", last=-1)), "from 2013-02-27 to 2013-02-28, and today is 2013-03-01"),
    ],
)
def test_who_may_not_sign_is_told_why(command: DecideApproval, said: str) -> None:
    case = asked(acting_for=("boss",))

    assert said in (rejection_reason(case, command, TODAY) or "")


@pytest.mark.parametrize(("first", "last"), [(-2, 0), (0, 2), (0, 0)])
def test_a_delegate_signs_from_the_first_day_to_the_last_and_the_journal_names_both(first: int, last: int) -> None:
    case = do(asked(), says("bert", delegation=delegated("anna", "bert", first=first, last=last)))

    facts = case.journal.pending[2].facts
    assert (case.journal.pending[2].actor, facts["on_behalf_of"], facts["delegation"]) == ("bert", "anna", "D1")
    assert case.state == "approved"


@pytest.mark.parametrize(
    "second",
    [
        says("anna", DIRECTOR),
        says("ANNA", DIRECTOR),
        says("dora", DIRECTOR, delegation=delegated("anna", "dora", DIRECTOR)),
        says("anna", DIRECTOR, delegation=delegated("dora", "anna", DIRECTOR)),
    ],
)
def test_nobody_has_a_say_in_two_tiers_not_even_through_a_delegate(second: DecideApproval) -> None:
    case = do(asked(500_000), says("anna"))

    assert "anna has signed already" in (rejection_reason(case, second, TODAY) or "").lower()


def test_nobody_counts_twice_in_one_tier() -> None:
    case = do(asked(500_000), says("anna"), says("dora", DIRECTOR, act_id="1"), says("dora", DIRECTOR, act_id="2"))

    assert [signature.actor for signature in case.signatures] == ["anna", "dora"]
    assert not case.is_ended


def test_the_second_of_two_managers_hears_who_signed_and_whom_it_waits_for() -> None:
    case = do(asked(500_000), says("anna"))

    said = rejection_reason(case, says("bert"), TODAY)
    assert said == "this waits for finance_director, not for collections_manager (signed: collections_manager: anna on 2013-03-01)"


def test_nobody_delegates_to_themselves_or_backwards_in_time() -> None:
    with pytest.raises(ValueError, match="cannot delegate to themselves"):
        delegated("anna", "Anna")
    with pytest.raises(ValueError, match="before it begins"):
        delegated("anna", "bert", first=1, last=0)


def test_it_asks_for_each_currency_and_lapses_when_another_one_outgrows_those_who_were_asked() -> None:
    """EUR 1,000.00 is the manager's alone; in pounds, which the levels do not name, everything is for the directors too."""
    case = asked(100_000)
    assert case.journal.pending[0].facts.keys().isdisjoint({"other_amounts"})
    both = plan(100_000).model_copy(update={"other_amounts": {"GBP": 1}})
    assert case.apply_request_change(both, moment(1))
    renewed = ApprovalCase.create(case.journal, both, "kim", ApprovalSubject(case_id="plan:A1:1"), MatrixSnapshot.from_matrix(MATRIX))
    renewed.open(moment(2))
    assert [tier.role for tier in renewed.tiers] == [MANAGER, DIRECTOR]
    assert [entry.facts.get("other_amounts") for entry in renewed.journal.pending[-2:]] == ["GBP:1", None]


@settings(max_examples=count_examples(300, few=100), deadline=None)
@given(
    requester=st.sampled_from(["kim", "anna", "ANNA"]),
    acting_for=st.lists(st.sampled_from(["boss", "Dora", "anna"]), max_size=2),
    also_asked=st.lists(st.sampled_from(["bert", "Carl"]), max_size=2),
    signed=st.lists(st.sampled_from([says("anna"), says("bert"), says("eve", delegation=delegated("carl", "eve"))]), max_size=1),
    reader=st.sampled_from(
        [Actor(user=user, role=role) for user in ("anna", "bert", "carl", "dora", "kim") for role in (MANAGER, DIRECTOR)]
    ),
    givers=st.lists(st.tuples(st.sampled_from(["boss", "carl", "dora", "kim"]), st.sampled_from([MANAGER, DIRECTOR])), max_size=3),
)
def test_a_list_offers_an_approval_to_those_whose_decision_is_not_refused(
    requester: str,
    acting_for: list[str],
    also_asked: list[str],
    signed: list[DecideApproval],
    reader: Actor,
    givers: list[tuple[str, Role]],
) -> None:
    """In the reader's own role or under one of their delegations, as the summary that lists read says it."""
    case = ApprovalCase.create(
        Journal(case_id="approval:plan:A1:1:1", account_id="A1"),
        plan(500_000),
        requester,
        ApprovalSubject(case_id="plan:A1:1"),
        MatrixSnapshot.from_matrix(MATRIX),
        acting_for,
        also_asked,
    )
    case.open(moment())
    do(case, *signed)
    delegations = [delegated(giver, reader.user, role) for giver, role in givers if giver != reader.user]
    ways = [(reader.role, None), *((delegation.role, delegation) for delegation in delegations)]
    decisions = [says(reader.user, role, delegation=delegation, act_id="new") for role, delegation in ways]

    authority = choose_authority_over(ApprovalSummary.model_validate(build_case_view(case, "run").summary), reader, delegations)

    assert (authority is not None) == any(rejection_reason(case, decision, TODAY) is None for decision in decisions)
    if authority is not None:
        chosen = says(reader.user, authority.role, delegation=authority.delegation, act_id="new")
        assert rejection_reason(case, chosen, TODAY) is None


@pytest.mark.parametrize("asker", ["kim", "KIM", "bert"])
def test_a_delegation_to_an_asker_that_was_made_later_takes_it_off_the_list_and_is_refused(asker: str) -> None:
    case = ApprovalCase.create(
        *(Journal(case_id="approval:plan:A1:1:1", account_id="A1"), plan(50_000), "kim", ApprovalSubject(case_id="plan:A1:1")),
        *(MatrixSnapshot.from_matrix(MATRIX), (), ("bert",)),
    )
    case.open(moment())
    given, reader = delegated("anna", asker), Actor(user="anna", role=MANAGER)
    summary = ApprovalSummary.model_validate(build_case_view(case, "run").summary)
    assert choose_authority_over(summary, reader, []) is not None
    assert choose_authority_over(summary, reader, [given]) is None
    case.apply_review(DecisionReview(acting_for=list_represented(case.participants.askers, [given])))
    assert "acts for anna" in (rejection_reason(case, says("anna"), TODAY) or "")


def test_after_a_missed_deadline_two_roles_are_awaited_and_after_the_end_none() -> None:
    case = asked()
    assert build_case_view(case, "run").awaited == AwaitedParties(roles=[MANAGER])
    case.run_due_actions(moment(9))
    assert build_case_view(case, "run").awaited == AwaitedParties(roles=[MANAGER, DIRECTOR])
    do(case, says("anna"), on=9)
    assert build_case_view(case, "run").awaited is None


# --- time


def test_a_reminder_goes_before_the_deadline_and_the_missed_deadline_escalates() -> None:
    case = asked()
    assert case.wakes_at == moment(2).business

    assert case.run_due_actions(moment(2)) is EntryKind.APPROVAL_REMINDED
    assert case.wakes_at == moment(4).business
    assert case.run_due_actions(moment(3.9)) is None

    assert case.run_due_actions(moment(4)) is EntryKind.APPROVAL_ESCALATED
    assert case.awaited_roles == [MANAGER, DIRECTOR]
    assert case.waiting_for == "finance_director"


def test_before_the_deadline_the_escalation_role_may_not_sign_and_after_it_both_may() -> None:
    case = asked()
    assert rejection_reason(case, says("dora", DIRECTOR), TODAY)

    case.run_due_actions(moment(4))

    assert rejection_reason(case, says("anna"), TODAY) is None
    assert do(case, says("dora", DIRECTOR), on=4).state == "approved"


def test_an_escalated_approval_is_brought_to_mind_again_and_again() -> None:
    case = asked()
    case.run_due_actions(moment(4))

    assert case.wakes_at == moment(7).business
    assert case.run_due_actions(moment(7)) is EntryKind.APPROVAL_REMINDED
    assert case.wakes_at == moment(10).business


def test_after_an_outage_one_reminder_goes_and_not_one_for_each_that_was_missed() -> None:
    case = asked()
    case.run_due_actions(moment(4))
    case.run_due_actions(moment(30))

    assert kinds(case).count("approval.reminded") == 1
    assert case.wakes_at == moment(31).business


def test_the_next_tier_has_its_own_time() -> None:
    case = asked(500_000)
    case.run_due_actions(moment(4))
    do(case, says("anna"), on=5)

    assert case.awaited_roles == [DIRECTOR]
    assert case.due_on == date(2013, 3, 11)
    assert case.wakes_at == moment(8).business


def test_once_ended_nothing_happens_by_itself() -> None:
    case = do(asked(), says("anna"))

    assert case.wakes_at is None
    assert case.run_due_actions(moment(90)) is None


# --- when the facts change


@pytest.mark.parametrize(
    ("now", "reason", "said"),
    [
        (plan(0), LapseReason.SETTLED, "the balance was settled"),
        (plan(100_001), LapseReason.OUTGROWN, "more is at stake than those who were asked may approve"),
    ],
)
def test_an_approval_lapses_when_it_was_paid_or_grew_past_the_tier(now: ApprovalRequest, reason: LapseReason, said: str) -> None:
    case = asked()

    assert case.apply_request_change(now, moment(1))
    assert case.ending is not None
    assert case.ending.lapse is reason
    assert rejection_reason(case, says("anna"), TODAY) == f"the approval of the payment plan lapsed on 2013-03-02: {said}"


@pytest.mark.parametrize(("before", "after"), [(50_000, 100_000), (500_000, 50_000)])
def test_it_stands_when_the_amount_stays_within_the_tier_or_falls(before: int, after: int) -> None:
    case = asked(before)

    assert not case.apply_request_change(plan(after), moment(1))
    assert (case.is_ended, case.question.amount) == (False, after)


def test_only_who_asked_withdraws() -> None:
    case = asked()
    assert rejection_reason(case, WithdrawApprovalRequest(act_id="W", actor="anna"), TODAY) == "only kim, who asked for it, can withdraw it"

    apply_command(case, WithdrawApprovalRequest(act_id="W", actor="kim"), moment())

    assert case.ending is not None
    assert case.ending.build_outcome(1) == ApprovalOutcome(number=1, result=ApprovalResult.LAPSED, by="kim", reason="withdrawn")


def test_what_has_ended_does_not_lapse() -> None:
    case = do(asked(), says("anna"))

    assert not case.lapse(LapseReason.REVISED, moment(1))
    assert not case.apply_request_change(plan(0), moment(1))
    assert case.state == "approved"


# --- any order

PEOPLE = ["anna", "bert", "dora", "dirk", "Dora", "kim", "KIM", "boss"]
PAIRS = [(giver, taker) for giver in ("anna", "dora", "kim", "boss") for taker in ("bert", "dirk", "KIM") if giver != taker.lower()]
DELEGATIONS = st.builds(
    lambda pair, role, first, last: delegated(pair[0], pair[1], role, first, last),
    st.sampled_from(PAIRS),
    st.sampled_from([MANAGER, DIRECTOR]),
    st.sampled_from([-3, -2, -1, 0, 4]),
    st.integers(4, 30),
)


@st.composite
def decisions(draw: st.DrawFn) -> DecideApproval:
    """Mostly of the right roles, and under a delegation mostly by the one who holds it, so that many get through."""
    delegation = draw(st.none() | DELEGATIONS)
    actors = [*PEOPLE, *([delegation.to_user] * 20 if delegation else [])]
    roles = [MANAGER, DIRECTOR, DIRECTOR, Role.COLLECTOR, *([delegation.role] * 8 if delegation else [])]
    verdict = draw(st.sampled_from([*[ApprovalVerdict.APPROVE] * 20, ApprovalVerdict.REJECT, ApprovalVerdict.RETURN]))
    return DecideApproval(
        act_id=str(draw(st.integers(0, 60))),
        actor=draw(st.sampled_from(actors)),
        role=draw(st.sampled_from(roles)),
        verdict=verdict,
        note_id=draw(st.sampled_from([None, "N1"])),
        delegation=delegation,
    )


NEW_FACTS = st.sampled_from([*[20_000] * 4, *[500_000] * 2, 0]).map(plan)
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 3]), st.integers(0, 19).flatmap(lambda one: decisions() if one else NEW_FACTS)),
    min_size=12,
    max_size=30,
)


@settings(max_examples=count_examples(300, few=100))
@given(st.sampled_from([50_000, 500_000, 500_000]), HAPPENINGS)
def test_no_order_of_decisions_gets_around_the_rules(amount: int, happenings: list[tuple[int, DecideApproval | ApprovalRequest]]) -> None:
    case, days, applied = asked(amount, acting_for=("boss",)), 0, set[str]()
    for later, happening in happenings:
        days += later
        at: Moment = moment(days)
        case.run_due_actions(at)
        ended, signed = case.ending, len(case.signatures)
        if isinstance(happening, ApprovalRequest):
            case.apply_request_change(happening, at)
        else:
            awaiting, tier = case.awaited_roles, case.tier
            reason = rejection_reason(case, happening, at.business.date())
            done = apply_command(case, happening, at)
            assert (done is None) == (happening.act_id in applied)
            applied.add(happening.act_id)
            if len(case.signatures) > signed:
                given_now, delegation = case.signatures[-1], happening.delegation
                assert reason is None
                assert (given_now.tier, given_now.role in awaiting) == (tier, True)
                assert delegation is None or (
                    delegation.to_user.lower() == given_now.actor.lower()
                    and delegation.role is given_now.role
                    and delegation.first_day <= at.business.date() <= delegation.last_day
                )
        if ended is not None:
            assert (case.ending, len(case.signatures)) == (ended, signed)

    people = [person.lower() for signature in case.signatures for person in signature.signers]
    assert len(people) == len(set(people))
    assert not {"kim", "boss"} & set(people)
    if case.ending is not None and case.ending.result is ApprovalResult.APPROVED:
        assert [sum(signature.tier == number for signature in case.signatures) for number in range(len(case.tiers))] == [
            tier.quorum for tier in case.tiers
        ]
    assert find_broken_entry(case.journal.pending) is None
    assert ApprovalCase.model_validate_json(case.model_dump_json()) == case
