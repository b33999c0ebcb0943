from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.case_view import AwaitedParties
from domain.case.effects import (
    ChargeInterest,
    HastenTimeline,
    LiftHold,
    NotifyPerson,
    PlaceHold,
    RequestApproval,
    SendLetter,
    WithdrawApproval,
)
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.payment_plan.command_rules import apply_command, rejection_reason
from domain.payment_plan.commands import (
    AcceptPlan,
    CancelPlan,
    DeclinePlan,
    PlanInvoice,
    ProposePlan,
    RevisePlan,
    Side,
    proposal_rejection_reason,
)
from domain.payment_plan.instalments import InstalmentFrequency, InstalmentTerms
from domain.payment_plan.negotiation import apply_approval_outcome, open_plan
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.plan_progress import apply_interest_payment, apply_invoice_facts, run_due_actions
from domain.payment_plan.state import ENDED_STAGES, CoveredInvoice, PlanStage
from domain.payment_plan.view import build_case_view
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.plan_rules import PlanRules
from tests.domain.builders import DUE, build_facts, build_letter_outcome, build_policy, moment

ID = "plan:A1:1"


def on(days: int) -> date:
    return DUE + timedelta(days)


def terms(first: int = 10, **changes: Any) -> InstalmentTerms:
    """Three equal weekly instalments from so many days after the proposal."""
    return InstalmentTerms.model_validate({"first_on": on(first), "equal": 3, "rhythm": InstalmentFrequency.WEEKLY} | changes)


def proposal(**changes: Any) -> ProposePlan:
    content = {"act_id": "P1", "actor": "carl", "invoice_ids": ["I1", "I2"], "currency": "EUR", "terms": terms()}
    return ProposePlan.model_validate(content | changes)


def proposed(**changes: Any) -> PaymentPlanCase:
    """A plan over two invoices of 60.00 and 30.00 EUR."""
    case = PaymentPlanCase(
        journal=Journal(case_id=ID, account_id="A1"),
        snapshot=PolicySnapshot.from_policy(build_policy()),
        proposal=proposal(**changes),
        covered={"I1": CoveredInvoice(version=1, open_balance=6_000), "I2": CoveredInvoice(version=1, open_balance=3_000)},
    )
    open_plan(case, moment())
    return case


def answer(case: PaymentPlanCase, result: ApprovalResult, days: float = 1) -> None:
    apply_approval_outcome(case, ApprovalOutcome(number=len(case.revisions), result=result, by="mary"), moment(days))


def accept(case: PaymentPlanCase, days: float = 2) -> None:
    number = len(case.revisions)
    apply_command(case, AcceptPlan(act_id=f"A{number}", actor="carl", revision=number), moment(days))


def agreed(**changes: Any) -> PaymentPlanCase:
    case = proposed(**changes)
    answer(case, ApprovalResult.APPROVED)
    accept(case)
    return case


def active(**changes: Any) -> PaymentPlanCase:
    """In force since the second day; its instalments of 30.00 EUR are due on days 10, 17 and 24. What it asked for so far is done."""
    case = agreed(**changes)
    case.take_effects()
    return case


def owe(case: PaymentPlanCase, invoice_id: str, open_balance: int, days: float) -> None:
    """Billing reports a new balance."""
    known = case.covered[invoice_id]
    apply_invoice_facts(case, invoice_id, build_facts(version=known.version + 1, open_balance=open_balance), moment(days))


def revise(case: PaymentPlanCase, days: int, act_id: str = "V1", **changes: Any) -> int | None:
    command = RevisePlan(act_id=act_id, actor="cora", terms=terms(**changes), asked_by=Side.CUSTOMER, why="cash comes later")
    return apply_command(case, command, moment(days))


def wake_until(case: PaymentPlanCase, days: int, since: int = 0) -> None:
    """As the workflow does: at each moment at which something happens by itself."""
    for _ in range(100):
        at = case.wakes_at()
        if at is None or at > moment(days).business:
            return
        run_due_actions(case, moment(max((at - moment().business).days, since)))
    raise AssertionError("it wakes again and again for the same thing")


def kinds(case: PaymentPlanCase) -> list[EntryKind]:
    return [entry.kind for entry in case.journal.pending]


def all_of(case: PaymentPlanCase, kind: type) -> list[Any]:
    return [effect for effect in case.outbox if isinstance(effect, kind)]


def letters(case: PaymentPlanCase) -> list[tuple[str, date]]:
    return [(letter.template, letter.on) for letter in all_of(case, SendLetter)]


# --- negotiation


def test_a_proposal_holds_its_invoices_and_asks_the_matrix() -> None:
    case = proposed()
    assert [effect.invoice_id for effect in all_of(case, PlaceHold)] == ["I1", "I2"]
    (asked,) = all_of(case, RequestApproval)
    assert asked == case.pending_approval()
    assert (asked.amount, asked.term_days, asked.requester, asked.invoice_ids) == (9_000, 24, "carl", ["I1", "I2"])
    assert case.stage is PlanStage.APPROVAL


def test_approved_terms_are_offered_and_accepted_ones_come_into_force() -> None:
    case = proposed()
    answer(case, ApprovalResult.APPROVED)
    assert (case.stage, letters(case)) == (PlanStage.OFFERED, [("plan_offer", on(1))])
    accept(case)
    assert (case.stage, letters(case)[1:]) == (PlanStage.ACTIVE, [("plan_confirmation", on(2))])


def test_each_revision_needs_approval_anew_and_says_who_and_why() -> None:
    case = proposed()
    revise(case, 1, equal=2)
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["revised"]
    assert [(effect.number, effect.requester) for effect in all_of(case, RequestApproval)] == [(1, "carl"), (2, "cora")]
    apply_approval_outcome(case, ApprovalOutcome(number=1, result=ApprovalResult.APPROVED), moment(1))
    assert case.stage is PlanStage.APPROVAL, "the answer was to the terms before"
    entry = case.journal.pending[-1]
    assert (entry.kind, entry.actor, entry.facts["why"]) == (EntryKind.PLAN_REVISED, "cora", "cash comes later")


def test_an_offer_is_a_revised_one_only_where_an_earlier_offer_was_sent() -> None:
    case = proposed()
    answer(case, ApprovalResult.RETURNED)
    revise(case, 2, equal=2)
    answer(case, ApprovalResult.APPROVED)
    for number, result in enumerate([LetterResult.REFUSED, LetterResult.SENT, LetterResult.SENT], 1):
        sent = build_letter_outcome("plan_offer", result, days=2).model_copy(update={"message_id": f"<{number}@x>"})
        case.apply_letter_outcome(sent, moment(2))
        revise(case, 2, act_id=f"R{number}", equal=2)
        answer(case, ApprovalResult.APPROVED)
    offers = [letter.details for letter in all_of(case, SendLetter)]
    assert [(offer["revision"], offer["earlier_offers"]) for offer in offers] == [(2, 0), (3, 0), (4, 1), (5, 2)]


def test_an_offer_that_bounced_after_it_had_gone_reached_nobody() -> None:
    case = proposed()
    answer(case, ApprovalResult.APPROVED)
    for result in (LetterResult.SENT, LetterResult.REFUSED):
        outcome = build_letter_outcome("plan_offer", result, days=2).model_copy(update={"message_id": "<1@x>"})
        case.apply_letter_outcome(outcome, moment(2))
    revise(case, 2, equal=2)
    answer(case, ApprovalResult.APPROVED)
    assert [letter.details["earlier_offers"] for letter in all_of(case, SendLetter)] == [0, 0]


def test_the_customer_can_accept_only_what_is_on_offer() -> None:
    case = proposed()
    assert "not approved yet" in (rejection_reason(case, AcceptPlan(act_id="A", actor="c", revision=1), on(1)) or "")
    answer(case, ApprovalResult.APPROVED)
    revise(case, 2, equal=2)
    answer(case, ApprovalResult.APPROVED)
    assert "revision 1 was replaced" in (rejection_reason(case, AcceptPlan(act_id="A", actor="c", revision=1), on(2)) or "")
    assert "revise the plan" in (rejection_reason(case, AcceptPlan(act_id="A", actor="c", revision=2), on(11)) or "")
    assert rejection_reason(case, AcceptPlan(act_id="A", actor="c", revision=2), on(10)) is None


def test_returned_terms_wait_for_their_author_but_not_for_ever() -> None:
    case = proposed()
    answer(case, ApprovalResult.RETURNED)
    assert (case.stage, [effect.user for effect in all_of(case, NotifyPerson)]) == (PlanStage.PROPOSED, ["carl"])
    wake_until(case, 15)
    assert case.stage is PlanStage.PROPOSED
    wake_until(case, 16)
    assert (case.ending, case.reason) == (PlanStage.CANCELLED, "not_revised")


def test_only_terms_that_came_back_wait_for_whoever_put_them_forward() -> None:
    case = proposed()
    assert build_case_view(case, "run").awaited is None
    answer(case, ApprovalResult.RETURNED)
    assert build_case_view(case, "run").awaited == AwaitedParties(people=[case.revisions[-1].by])


def test_an_offer_that_nobody_accepts_lapses_and_lifts_the_holds() -> None:
    case = proposed()
    answer(case, ApprovalResult.APPROVED)
    case.take_effects()
    wake_until(case, 15)
    assert case.stage is PlanStage.OFFERED
    wake_until(case, 16)
    assert (case.ending, case.reason, len(all_of(case, LiftHold))) == (PlanStage.CANCELLED, "offer_lapsed", 2)
    assert not all_of(case, HastenTimeline)


def test_rejected_or_declined_terms_end_a_plan_that_has_no_others() -> None:
    by_us, by_them = proposed(), proposed()
    answer(by_us, ApprovalResult.REJECTED)
    answer(by_them, ApprovalResult.APPROVED)
    apply_command(by_them, DeclinePlan(act_id="D1", actor="carl", revision=1), moment(2))
    assert (by_us.ending, by_us.reason) == (PlanStage.REJECTED, "not_approved")
    assert (by_them.ending, by_them.reason) == (PlanStage.REJECTED, "declined")


def test_a_debt_paid_while_it_is_negotiated_needs_no_plan() -> None:
    case = proposed()
    owe(case, "I1", 0, 1)
    owe(case, "I2", 0, 1)
    assert (case.ending, case.reason) == (PlanStage.CANCELLED, "settled")
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["settled"]


def test_money_that_comes_while_it_is_negotiated_pays_the_first_instalments() -> None:
    case = proposed()
    owe(case, "I2", 0, 1)
    answer(case, ApprovalResult.APPROVED)
    accept(case)
    assert (case.paid, case.unpaid_instalments[0].number) == ([1], 2)


# --- kept, missed, broken


def test_each_instalment_is_recalled_once_ahead_of_its_day() -> None:
    case = active()
    wake_until(case, 9)
    assert letters(case) == [("plan_instalment_due", on(7))]
    owe(case, "I1", 0, 9)
    wake_until(case, 20)
    assert letters(case)[1:] == [], "two instalments are paid"
    wake_until(case, 21)
    assert letters(case)[1:] == [("plan_instalment_due", on(21))]


def test_a_plan_paid_in_full_is_completed_and_lifts_its_holds() -> None:
    case = active()
    owe(case, "I1", 0, 9)
    owe(case, "I2", 0, 12)
    assert (case.ending, letters(case)[-1], len(all_of(case, LiftHold))) == (PlanStage.COMPLETED, ("plan_completed", on(12)), 2)
    assert case.wakes_at() is None


def test_a_missed_instalment_paid_within_grace_breaks_nothing() -> None:
    case = active()
    wake_until(case, 11)
    assert letters(case)[-1] == ("plan_missed", on(11))
    owe(case, "I2", 0, 15)
    wake_until(case, 16)
    assert (case.stage, case.missed_on) == (PlanStage.ACTIVE, {})


def test_grace_is_over_after_its_last_day_and_the_timelines_go_on_one_step_harsher() -> None:
    case = active()
    owe(case, "I2", 0, 3)
    owe(case, "I1", 5_999, 4)
    wake_until(case, 22)
    assert case.stage is PlanStage.ACTIVE
    case.take_effects()
    wake_until(case, 23)
    assert (case.ending, case.reason) == (PlanStage.BROKEN, "instalment_2")
    assert [effect.invoice_id for effect in all_of(case, HastenTimeline)] == ["I1"], "nothing is left of the other"
    assert [type(effect) for effect in case.outbox] == [SendLetter, HastenTimeline, LiftHold, LiftHold]


def test_an_outage_shortens_nobodys_grace() -> None:
    case = active()
    run_due_actions(case, moment(16))
    assert (case.stage, letters(case)[0]) == (PlanStage.ACTIVE, ("plan_missed", on(16)))
    wake_until(case, 20)
    assert case.stage is PlanStage.ACTIVE
    wake_until(case, 21)
    assert case.ending is PlanStage.BROKEN


def test_a_payment_that_bounces_after_its_day_gives_grace_from_then() -> None:
    case = active()
    owe(case, "I2", 0, 9)
    owe(case, "I2", 3_000, 16)
    wake_until(case, 16, since=16)
    assert case.missed_on == {1: on(16)}
    wake_until(case, 20)
    assert case.stage is PlanStage.ACTIVE
    wake_until(case, 21)
    assert case.ending is PlanStage.BROKEN


def test_bargaining_puts_nothing_off() -> None:
    case = active()
    revise(case, 9, first=30)
    wake_until(case, 16)
    assert (case.ending, [effect.reason for effect in all_of(case, WithdrawApproval)]) == (PlanStage.BROKEN, ["withdrawn"])


def test_when_new_terms_come_to_nothing_the_old_ones_go_on() -> None:
    case = active()
    revise(case, 3, first=30)
    answer(case, ApprovalResult.REJECTED, 4)
    assert (case.stage, case.unpaid_instalments[0].due_on) == (PlanStage.ACTIVE, on(10))


def test_new_terms_for_a_running_plan_cover_exactly_what_is_left() -> None:
    case = active()
    owe(case, "I1", 2_000, 9)
    revise(case, 10, first=20, equal=2)
    answer(case, ApprovalResult.APPROVED, 11)
    accept(case, 12)
    assert [one.amount for one in case.unpaid_instalments] == [2_500, 2_500]
    assert case.agreed is not None
    assert case.agreed.schedule.total == 9_000


def test_interest_is_charged_once_as_it_falls_due_whatever_is_revised() -> None:
    case = active(terms=terms(interest_percent=Decimal(12), rhythm=InstalmentFrequency.MONTHLY, equal=2))
    assert case.agreed is not None
    first = case.agreed.schedule.instalments[0].interest
    wake_until(case, 11)
    revise(case, 11, first=30, equal=1, interest_percent=Decimal(12))
    answer(case, ApprovalResult.APPROVED, 12)
    accept(case, 12)
    wake_until(case, 31)
    charges = all_of(case, ChargeInterest)
    assert charges[0].amount == first
    assert sum(charge.amount for charge in charges) == case.agreed.schedule.interest
    assert len({charge.key for charge in charges}) == len(charges) == 2


def test_a_cancelled_plan_lifts_its_holds_without_reproach() -> None:
    case = active()
    apply_command(case, CancelPlan(act_id="C1", actor="mary", why="wrong account"), moment(5))
    assert (case.ending, len(all_of(case, LiftHold)), all_of(case, HastenTimeline)) == (PlanStage.CANCELLED, 2, [])
    assert letters(case) == [("plan_cancelled", on(5))]
    assert "the plan is cancelled" in (rejection_reason(case, CancelPlan(act_id="C2", actor="mary", why="again"), on(6)) or "")


def test_an_act_sent_twice_is_done_once() -> None:
    case = proposed()
    assert revise(case, 1)
    assert revise(case, 1) is None
    assert len(case.revisions) == 2


def test_facts_heard_late_or_twice_count_once() -> None:
    case = active()
    apply_invoice_facts(case, "I1", build_facts(version=3, open_balance=1_000), moment(3))
    apply_invoice_facts(case, "I1", build_facts(version=3, open_balance=1_000), moment(4))
    apply_invoice_facts(case, "I1", build_facts(version=2, open_balance=4_000), moment(4))
    apply_invoice_facts(case, "I9", build_facts(version=9, open_balance=0), moment(4))
    assert case.received == 5_000


# --- who may propose what


@pytest.mark.parametrize(
    ("command", "invoice", "more", "why"),
    [
        (proposal(invoice_ids=["I1", "I1"]), {}, {}, "named twice"),
        (proposal(invoice_ids=["I7"]), {}, {}, "no invoice I7"),
        (proposal(), {"currency": "USD"}, {}, "one currency"),
        (proposal(), {"status": "paid"}, {}, "leave it out"),
        (proposal(), {}, {"in_plans": {"I1"}}, "another plan"),
        (proposal(), {}, {"broken_plans": 3}, "no further one"),
        (proposal(terms=terms(equal=13)), {}, {}, "12 instalments"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_words(command: ProposePlan, invoice: Any, more: Any, why: str) -> None:
    invoices = [PlanInvoice(invoice_id=name, account_id="A1", facts=build_facts(**invoice)) for name in ("I1", "I2")]
    assert why in (proposal_rejection_reason(command, "A1", invoices, PlanRules(), DUE, **more) or "")


def test_only_invoices_of_the_account_can_be_in_its_plan() -> None:
    invoices = [PlanInvoice(invoice_id=name, account_id="A1", facts=build_facts()) for name in ("I1", "I2")]
    assert proposal_rejection_reason(proposal(), "A1", invoices, PlanRules(), DUE) is None
    assert "no invoice I1" in (proposal_rejection_reason(proposal(), "A2", invoices, PlanRules(), DUE) or "")


# --- any order of anything

moves = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay", "bounce", "wait", "wait", "revise", "approve", "return", "reject", "accept", "decline", "cancel"]),
        st.integers(1, 4_000),
    ),
    max_size=30,
)


@given(st.sampled_from([proposed, agreed]), moves, st.sampled_from([Decimal(0), Decimal("7.25")]))
def test_in_any_order_the_instalments_add_up_and_the_plan_ends_once(
    start: Callable[..., PaymentPlanCase], script: list[tuple[str, int]], percent: Decimal
) -> None:
    case, day = start(terms=terms(interest_percent=percent)), 2
    ends: list[PlanStage] = []
    for number, (move, size) in enumerate(script):
        match move:
            case "pay":
                for invoice_id, known in list(case.covered.items()):
                    paid = min(size, known.open_balance)
                    size -= paid
                    if paid:
                        owe(case, invoice_id, known.open_balance - paid, day)
                if size:
                    apply_interest_payment(case, f"interest{number}", min(size, 50), moment(day))
            case "bounce":
                owe(case, "I1", min(case.covered["I1"].open_balance + size, 6_000), day)
            case "wait":
                wake_until(case, day + size % 12, since=day)
                day += size % 12
            case "revise":
                revise(case, day, f"V{number}", first=day + size % 20, equal=size % 5 + 1, interest_percent=percent)
            case "approve" | "return" | "reject":
                results = {"approve": ApprovalResult.APPROVED, "return": ApprovalResult.RETURNED, "reject": ApprovalResult.REJECTED}
                answer(case, results[move], day)
            case "accept" | "decline":
                command = AcceptPlan if move == "accept" else DeclinePlan
                apply_command(case, command(act_id=f"M{number}", actor="carl", revision=len(case.revisions)), moment(day))
            case "cancel" if size > 3_800:
                apply_command(case, CancelPlan(act_id=f"M{number}", actor="mary", why="mistake"), moment(day))
        ends += [case.ending] if case.ending and not ends else []
        holds_good(case, day)
    assert ends == ([case.ending] if case.ending else [])
    assert sum(kind in (EntryKind.PLAN_BROKEN, EntryKind.PLAN_COMPLETED, EntryKind.PLAN_CANCELLED) for kind in kinds(case)) <= 1
    assert find_broken_entry(case.journal.pending) is None
    assert PaymentPlanCase.model_validate_json(case.model_dump_json()) == case


def holds_good(case: PaymentPlanCase, day: int) -> None:
    lifted = [effect.invoice_id for effect in all_of(case, LiftHold)]
    assert lifted == (["I1", "I2"] if case.is_over else [])
    assert (case.stage in ENDED_STAGES) == case.is_over
    assert build_case_view(case, "run").stage == case.stage
    assert case.is_over or case.pending_approval() or case.wakes_at(), "something or somebody moves it"
    if case.agreed is None:
        return
    schedule = case.agreed.schedule
    shares = schedule.paid_amounts(case.received)
    assert sum(one.amount for one in schedule.instalments) + schedule.paid_before == schedule.total
    assert schedule.total == 9_000 + schedule.interest + schedule.interest_before
    assert case.is_over or case.received + schedule.outstanding_amount(case.received) == schedule.total
    assert all(0 <= share <= one.amount for one, share in zip(schedule.instalments, shares, strict=True))
    assert case.is_over or [one.number for one in schedule.instalments if one.number not in case.paid] == [
        one.number for one in case.unpaid_instalments
    ]
    charged = [charge.amount for charge in all_of(case, ChargeInterest)]
    assert sum(charged) == case.interest_charged
    assert all(amount > 0 for amount in charged)
