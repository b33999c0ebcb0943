"""A payment plan through its real workflow: negotiated, approved, offered, accepted; then kept, missed, broken, or called off.

Unless a test says otherwise invoices are in EUR, fall due by a Monday, are reminded on Tuesday, and the plan is proposed on Wednesday, for
two weekly instalments. The standard policy recalls three days ahead, and gives five days of grace and two weeks for an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio import workflow
from temporalio.client import WorkflowUpdateFailedError

from adapters.database.tables import Invoice
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.case.command import Command
from domain.credit_review.commands import ReferralReason
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan, Side
from domain.payment_plan.instalments import InstalmentFrequency, InstalmentTerms
from domain.roles import Role
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import next_act_id
from workflows.approval import Approval
from workflows.invoice_collection import InvoiceCollection
from workflows.payment_plan import PaymentPlan

MANAGER, DIRECTOR, ANALYST = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.CREDIT_ANALYST


async def owing(environment: CollectionEnvironment, account: str, *totals: str) -> tuple[list[str], date]:
    """The account's invoices, the oldest first, each reminded on Tuesday. It is Wednesday; the Monday is given."""
    monday = await environment.pass_to_monday()
    await environment.pass_to(monday + DAY)
    dues = [monday - older * DAY for older in reversed(range(len(totals)))]
    invoices = await environment.open_invoices(
        *[InvoiceSpec(due, account=account, total=total) for due, total in zip(dues, totals, strict=True)]
    )
    await environment.play.run_morning(monday + DAY)
    await environment.pass_to(monday + 2 * DAY)
    return invoices, monday


def letters(environment: CollectionEnvironment, account: str) -> list[tuple[str, date]]:
    """What went since the reminder on Tuesday."""
    return [(letter.letter, letter.on) for letter in environment.sent_letters(account)][1:]


def reads(environment: CollectionEnvironment, account: str, letter: str) -> str:
    """The last letter of that name as it lies in the inbox, on one line."""
    return " ".join([sent.text for sent in environment.sent_letters(account) if sent.letter == letter][-1].split())


async def let_go(environment: CollectionEnvironment, cases: AccountCommands, *invoices: str) -> None:
    await environment.wait_until(lambda: all(cases.hold_ids(invoice) == [] for invoice in invoices))


async def refused(answer: Awaitable[Any]) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await answer
    return str(caught.value.cause)


# --- terms

TERMS: list[tuple[dict[str, Any], list[tuple[int, int, int]]]] = [
    ({"equal": 3}, [(9, 3_334, 0), (16, 3_333, 0), (23, 3_333, 0)]),
    ({"equal": 2, "first_payment": 4_000}, [(9, 4_000, 0), (16, 3_000, 0), (23, 3_000, 0)]),
    ({"equal": 2, "interest_percent": "12"}, [(9, 5_023, 23), (16, 5_012, 12)]),
]


@pytest.mark.parametrize(("terms", "instalments"), TERMS)
async def test_the_offer_lists_the_instalments_that_the_terms_make(
    environment: CollectionEnvironment, cases: AccountCommands, terms: dict[str, Any], instalments: list[tuple[int, int, int]]
) -> None:
    account = f"TERMS{TERMS.index((terms, instalments))}"
    (invoice,), monday = await owing(environment, account, "100.00")
    plan = await cases.bring_to_offered(account, invoice, first_on=monday + 9 * DAY, **terms)
    await environment.wait_until(lambda: cases.row(plan).stage == "offered")
    days = [f"{(monday + day * DAY).isoformat()}:{amount}:{interest}" for day, amount, interest in instalments]
    assert cases.row(plan).summary["schedule"] == " ".join(days)
    await environment.play.run_morning(monday + 2 * DAY)
    offer = environment.sent_letters(account)[-1]
    assert (offer.letter, offer.on) == ("plan_offer", monday + 2 * DAY)
    assert all(f"€{amount / 100:.2f}" in offer.text for _, amount, _ in instalments)


async def test_custom_instalments_fall_due_as_they_were_named(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "CUSTOM", "100.00")
    custom = [{"due_on": monday + 5 * DAY, "amount": 7_000}, {"due_on": monday + 60 * DAY, "amount": 3_000}]
    plan = await cases.bring_to_agreed("CUSTOM", invoice, first_on=monday + 5 * DAY, equal=None, custom=custom)  # type: ignore[arg-type]
    await environment.wait_until(lambda: cases.row(plan).stage == "active")
    assert cases.row(plan).summary["instalments"] == 2
    await environment.pay(invoice, 7_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    (paid,) = cases.entry_facts(plan, "plan.instalment_paid")
    assert (paid["instalment"], paid["amount"], paid["late"]) == (1, 7_000, False)


# --- a plan that is kept


async def test_a_plan_that_is_kept_holds_its_invoices_and_says_each_thing_once(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (older, younger), monday = await owing(environment, "KEPT", "60.00", "40.00")
    plan = await cases.propose_plan("KEPT", older, younger, first_on=monday + 9 * DAY)
    await environment.wait_until(lambda: cases.hold_ids(older) == cases.hold_ids(younger) == [plan])
    await cases.decide(await cases.wait_for_approval(plan), "anna")
    await cases.wait_for_entries(plan, "plan.offered")
    await environment.play.run_morning(monday + 2 * DAY)
    await environment.pass_to(monday + 3 * DAY)
    await cases.accept_plan(plan)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    await environment.pass_to(monday + 9 * DAY)
    await cases.pay_account("KEPT", 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    ledger = environment.play.parts.billing
    assert [ledger.get_invoice_facts(invoice).open_balance for invoice in (older, younger)] == [1_000, 4_000]
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    await environment.pass_to(monday + 15 * DAY)
    await cases.pay_account("KEPT", 5_000)
    await cases.wait_for_entries(plan, "plan.completed")
    assert [await environment.outcome(invoice) for invoice in (older, younger)] == ["paid", "paid"]
    await environment.play.run_morning(monday + 15 * DAY)
    # both instalments are recalled on a Sunday: the letters go on Monday
    assert letters(environment, "KEPT") == [
        ("plan_offer", monday + 2 * DAY),
        ("plan_confirmation", monday + 3 * DAY),
        ("plan_instalment_due", monday + 7 * DAY),
        ("plan_instalment_due", monday + 14 * DAY),
        ("plan_completed", monday + 15 * DAY),
    ]
    assert "you will pay €100.00 in 2 instalments" in reads(environment, "KEPT", "plan_confirmation")
    assert "instalment 2 of your payment plan, €50.00, falls due on" in reads(environment, "KEPT", "plan_instalment_due")
    assert "The plan is complete" in reads(environment, "KEPT", "plan_completed")
    assert [fact["late"] for fact in cases.entry_facts(plan, "plan.instalment_paid")] == [False, False]
    assert (cases.row(plan).outcome, cases.hold_ids(older), cases.hold_ids(younger)) == ("completed", [], [])
    assert environment.steps(younger) == ["reminder"]


async def test_an_invoice_outside_the_plan_goes_on_being_chased(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (one, other, outside), monday = await owing(environment, "THIRD", "60.00", "40.00", "30.00")
    plan = await cases.bring_to_agreed("THIRD", one, other, first_on=monday + 20 * DAY)
    await environment.wait_until(lambda: cases.hold_ids(one) == cases.hold_ids(other) == [plan])
    await environment.play.run_mornings(monday + 2 * DAY, monday + 8 * DAY)
    assert [len(environment.steps(invoice)) for invoice in (one, other, outside)] == [1, 1, 2]
    reminder = environment.sent_letters("THIRD")[-1]
    assert (reminder.on, reminder.lines) == (monday + 8 * DAY, frozenset({(outside, "second_reminder")}))


async def test_interest_is_charged_as_each_instalment_falls_due_and_its_payment_counts(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "INTEREST", "5000.00")
    plan = await cases.bring_to_agreed("INTEREST", invoice, first_on=monday + 9 * DAY, interest_percent="12")
    charges = [f"interest:{plan}:1:{number}" for number in (1, 2)]
    await environment.pass_to(monday + 9 * DAY)
    ledger = environment.play.parts.billing
    await environment.wait_until(lambda: charged(environment, "INTEREST") == charges[:1])
    await cases.pay_account("INTEREST", 250_000 + 1_151)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    assert ledger.get_invoice_facts(charges[0]).open_balance == 1_151, "the older invoice is paid first"
    await environment.pass_to(monday + 16 * DAY)
    await environment.wait_until(lambda: charged(environment, "INTEREST") == charges)
    await cases.pay_account("INTEREST", 250_000 + 575)
    await cases.wait_for_entries(plan, "plan.completed")
    assert [ledger.get_invoice_facts(charge).total for charge in charges] == [1_151, 575]
    assert all(ledger.get_invoice_facts(charge).is_settled for charge in charges)
    (completed,) = cases.entry_facts(plan, "plan.completed")
    assert (completed["total"], completed["received"]) == (501_726, 501_726)
    assert not any(cases.entry_kinds(ids.invoice_case_id(charge)) for charge in charges), "the plan asks for it, no timeline does"


async def test_interest_that_was_paid_ahead_waits_as_credit_until_it_is_charged(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "AHEAD", "5000.00")
    plan = await cases.bring_to_agreed("AHEAD", invoice, first_on=monday + 9 * DAY, equal=1, interest_percent="12")
    await cases.pay_account("AHEAD", 500_000 + 1_151)
    await cases.wait_for_entries(plan, "plan.money_counted")
    assert environment.play.parts.billing.get_unapplied_credit("AHEAD") == {"EUR": 1_151}
    await environment.pass_to(monday + 9 * DAY)
    await environment.wait_until(lambda: charged(environment, "AHEAD"))
    await environment.play.sync()
    await cases.wait_for_entries(plan, "plan.completed")


def charged(environment: CollectionEnvironment, account: str) -> list[str]:
    """The invoices by which interest was charged."""
    with environment.database.reading() as session:
        mine = select(col(Invoice.id)).where(col(Invoice.account_id) == account, col(Invoice.charged_by).is_not(None))
        return list(session.scalars(mine.order_by(col(Invoice.id))))


# --- negotiation


async def test_a_counter_offer_takes_the_place_of_the_terms_and_needs_approval_anew(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "COUNTER", "100.00")
    plan = await cases.propose_plan("COUNTER", invoice, first_on=monday + 9 * DAY)
    first = await cases.wait_for_approval(plan)
    await cases.revise_plan(plan, first_on=monday + 16 * DAY, equal=4, by="max")
    await cases.wait_for_entries(first, "approval.lapsed")
    assert cases.entry_facts(first, "approval.lapsed")[0]["reason"] == "revised"
    (revised,) = cases.entry_facts(plan, "plan.revised")
    assert (revised["revision"], revised["asked_by"], revised["why"]) == (2, "customer", "cash comes later")
    second = await cases.wait_for_approval(plan, 2)
    assert "not approved yet" in await refused(cases.accept_plan(plan, 2))
    assert "asked for this" in await refused(cases.decide(second, "max"))
    await cases.decide(second, "anna")
    await cases.wait_for_entries(plan, "plan.offered")
    assert "revision 2 is on offer" in await refused(cases.accept_plan(plan, 1))
    await environment.play.run_morning(monday + 2 * DAY)
    await cases.accept_plan(plan, 2)
    await environment.play.run_morning(monday + 3 * DAY)
    assert letters(environment, "COUNTER") == [("plan_offer", monday + 2 * DAY), ("plan_confirmation", monday + 3 * DAY)]
    assert "takes the place of any earlier one" not in environment.sent_letters("COUNTER")[1].text, "no terms were offered before"
    assert (cases.row(plan).summary["by"], cases.row(plan).summary["instalments"]) == ("max", 4)


async def test_a_plan_in_force_holds_until_its_revision_is_accepted(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "ANEW", "100.00")
    plan = await cases.bring_to_agreed("ANEW", invoice, first_on=monday + 4 * DAY)
    await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    await cases.revise_plan(plan, first_on=monday + 25 * DAY, equal=1)
    await cases.decide(await cases.wait_for_approval(plan, 2), "anna")
    await cases.wait_for_entries(plan, "plan.offered", 2)
    await cases.decline_plan(plan, 2)
    await environment.wait_until(lambda: cases.row(plan).stage == "active")
    assert cases.row(plan).summary["agreed"] == 1
    await cases.revise_plan(plan, first_on=monday + 26 * DAY, equal=1)
    await cases.decide(await cases.wait_for_approval(plan, 3), "anna")
    await cases.wait_for_entries(plan, "plan.offered", 3)
    await cases.accept_plan(plan, 3)
    await environment.wait_until(lambda: cases.row(plan).summary["agreed"] == 3)
    assert cases.row(plan).summary["agreed_schedule"] == f"{(monday + 26 * DAY).isoformat()}:5000:0"
    assert cases.hold_ids(invoice) == [plan]


async def test_returned_terms_are_revised_by_their_author_and_approved(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "RETURNED", "100.00")
    plan = await cases.propose_plan("RETURNED", invoice, first_on=monday + 9 * DAY)
    await cases.reject_request(plan, verdict=ApprovalVerdict.RETURN)
    await cases.wait_for_entries(plan, "plan.returned")
    await environment.wait_until(lambda: (cases.row(plan).stage, cases.row(plan).awaiting_role) == ("proposed", "collector"))
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [plan])
    await cases.revise_plan(plan, first_on=monday + 9 * DAY, equal=3)
    await cases.approve_request(plan, 2)
    await cases.wait_for_entries(plan, "plan.offered")


TIERS: list[tuple[str, dict[str, Any], list[tuple[str, Role]]]] = [
    ("20000.00", {}, [("anna", MANAGER), ("dora", DIRECTOR)]),
    ("100.00", {"equal": 8, "rhythm": InstalmentFrequency.MONTHLY}, [("ana", ANALYST), ("anna", MANAGER)]),
]


@pytest.mark.parametrize(("total", "terms", "people"), TIERS)
async def test_a_large_or_long_plan_takes_two_signatures(
    environment: CollectionEnvironment, cases: AccountCommands, total: str, terms: dict[str, Any], people: list[tuple[str, Role]]
) -> None:
    account = f"TIERS-{people[0][0]}"
    (invoice,), monday = await owing(environment, account, total)
    plan = await cases.propose_plan(account, invoice, first_on=monday + 9 * DAY, **terms)
    approval, (first, second) = await cases.wait_for_approval(plan), people
    assert f"waits for {first[1].value}" in await refused(cases.decide(approval, *second))
    await cases.decide(approval, *first)
    await cases.wait_for_entries(approval, "approval.asked", 2)
    assert "has signed already" in await refused(cases.decide(approval, first[0], second[1]))
    assert cases.entry_kinds(plan)[1:] == []
    await cases.decide(approval, *second)
    await cases.wait_for_entries(plan, "plan.offered")


async def rejected(cases: AccountCommands, plan: str, monday: date) -> None:
    await cases.reject_request(plan)


async def declined(cases: AccountCommands, plan: str, monday: date) -> None:
    await cases.approve_request(plan)
    await cases.wait_for_entries(plan, "plan.offered")
    await cases.decline_plan(plan)


async def unanswered(cases: AccountCommands, plan: str, monday: date) -> None:
    await cases.approve_request(plan)
    await cases.wait_for_entries(plan, "plan.offered")
    await cases.environment.pass_to(monday + 16 * DAY)
    assert "plan.lapsed" not in cases.entry_kinds(plan)
    await cases.environment.pass_to(monday + 17 * DAY)


async def left_unrevised(cases: AccountCommands, plan: str, monday: date) -> None:
    await cases.reject_request(plan, verdict=ApprovalVerdict.RETURN)
    await cases.wait_for_entries(plan, "plan.returned")
    await cases.environment.pass_to(monday + 17 * DAY)


async def called_off(cases: AccountCommands, plan: str, monday: date) -> None:
    approval = await cases.wait_for_approval(plan)
    await cases.cancel_plan(plan)
    await cases.wait_for_entries(approval, "approval.lapsed")


NEGOTIATIONS: list[tuple[Callable[[AccountCommands, str, date], Awaitable[None]], list[str], tuple[str, str]]] = [
    (rejected, ["plan.rejected"], ("rejected", "not_approved")),
    (declined, ["plan.offered", "plan.declined"], ("rejected", "declined")),
    (unanswered, ["plan.offered", "plan.lapsed"], ("cancelled", "offer_lapsed")),
    (left_unrevised, ["plan.returned", "plan.lapsed"], ("cancelled", "not_revised")),
    (called_off, ["plan.cancelled"], ("cancelled", "other terms")),
]


@pytest.mark.parametrize(("comes_to_nothing", "kinds", "end"), NEGOTIATIONS)
async def test_a_negotiation_that_comes_to_nothing_lets_the_timeline_go_on_where_it_stopped(
    environment: CollectionEnvironment,
    cases: AccountCommands,
    comes_to_nothing: Callable[[AccountCommands, str, date], Awaitable[None]],
    kinds: list[str],
    end: tuple[str, str],
) -> None:
    account = f"NO-{comes_to_nothing.__name__}".upper()
    (invoice,), monday = await owing(environment, account, "100.00")
    plan = await cases.propose_plan(account, invoice, first_on=monday + 20 * DAY)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [plan])
    await comes_to_nothing(cases, plan, monday)
    await let_go(environment, cases, invoice)
    await environment.wait_until(lambda: cases.row(plan).outcome is not None)
    assert (cases.entry_kinds(plan)[1:], cases.row(plan).outcome, cases.row(plan).summary["reason"]) == (kinds, *end)
    assert (environment.steps(invoice), environment.entry_facts(invoice, "timeline.hastened")) == (["reminder"], [])
    assert [kind for kind in cases.entry_kinds(ids.approval_case_id(plan, 1)) if kind == "approval.lapsed"] == (
        ["approval.lapsed"] if comes_to_nothing is called_off else []
    )


async def test_a_debt_that_is_paid_while_it_is_negotiated_needs_no_plan_and_no_approval(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "SETTLED", "100.00")
    plan = await cases.propose_plan("SETTLED", invoice, first_on=monday + 9 * DAY)
    approval = await cases.wait_for_approval(plan)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(approval, "approval.lapsed")
    assert cases.entry_facts(approval, "approval.lapsed")[0]["reason"] == "settled"
    await cases.wait_for_entries(plan, "plan.cancelled")
    await environment.wait_until(lambda: cases.row(plan).summary["reason"] == "settled")
    await environment.play.run_morning(monday + 2 * DAY)
    assert letters(environment, "SETTLED") == []


async def test_invoices_that_are_settled_in_the_moment_in_which_a_plan_is_proposed_take_it_back(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (one, other), monday = await owing(environment, "MOMENT", "60.00", "40.00")
    plan = await cases.propose_plan("MOMENT", one, other, first_on=monday + 9 * DAY)
    await cases.pay_account("MOMENT", 10_000)
    await cases.wait_for_entries(plan, "plan.cancelled")
    approval = ids.approval_case_id(plan, 1)
    await cases.wait_for_entries(approval, "approval.lapsed")
    assert cases.row(approval).outcome == "lapsed"


# --- a plan that is not kept


async def test_an_instalment_that_is_paid_within_its_grace_breaks_nothing(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "GRACE", "100.00")
    plan = await cases.bring_to_agreed("GRACE", invoice, first_on=monday + 3 * DAY)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 4 * DAY)
    (missed,) = cases.entry_facts(plan, "plan.instalment_missed")
    assert (missed["due_on"], missed["grace_until"]) == ((monday + 3 * DAY).isoformat(), (monday + 8 * DAY).isoformat())
    await environment.pass_to(monday + 8 * DAY)
    await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    assert cases.entry_facts(plan, "plan.instalment_paid")[0]["late"]
    await environment.pass_to(monday + 10 * DAY)
    assert "plan.broken" not in cases.entry_kinds(plan)
    assert cases.hold_ids(invoice) == [plan]
    recall, confirmation = "plan_instalment_due", "plan_confirmation"
    assert sorted(letters(environment, "GRACE")[:2]) == sorted((name, monday + 2 * DAY) for name in (confirmation, recall))
    assert letters(environment, "GRACE")[2:] == [("plan_missed", monday + 4 * DAY)]


async def test_a_broken_plan_lets_the_timeline_go_on_at_once_one_step_harsher(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (one, other), monday = await owing(environment, "BROKEN", "60.00", "40.00")
    plan = await cases.bring_to_agreed("BROKEN", one, other, first_on=monday + 3 * DAY)
    await environment.pay(one, 3_000)
    await environment.play.run_mornings(monday + 4 * DAY, monday + 8 * DAY)
    assert "plan.broken" not in cases.entry_kinds(plan)
    await environment.play.run_morning(monday + 9 * DAY)
    await cases.wait_for_entries(plan, "plan.broken")
    await let_go(environment, cases, one, other)
    for invoice in (one, other):
        assert environment.entry_facts(invoice, "timeline.hastened") == [{"case": plan}]
        # held for a week: without the haste day 7 would come a week later
        assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 9 * DAY)]
    await environment.wait_until(lambda: cases.row(plan).outcome == "broken")
    last = [(letter.letter, letter.lines) for letter in environment.sent_letters("BROKEN") if letter.on == monday + 9 * DAY]
    assert sorted(last) == [(letter, frozenset({(one, letter), (other, letter)})) for letter in ("plan_broken", "second_reminder")]
    assert "we have received €30.00 of it; €20.00 remains to be paid" in reads(environment, "BROKEN", "plan_missed")
    assert "The plan has therefore ended" in reads(environment, "BROKEN", "plan_broken")
    again = await cases.propose_plan("BROKEN", one, other, first_on=monday + 20 * DAY)
    (question,) = cases.entry_facts(await cases.wait_for_approval(again), "approval.requested")
    assert (again, question["broken_plans"], question["tiers"]) == ("plan:BROKEN:2", 1, 2)


async def test_a_payment_that_bounces_leaves_its_instalment_open_with_grace_from_then(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await owing(environment, "BOUNCED", "100.00")
    plan = await cases.bring_to_agreed("BOUNCED", invoice, first_on=monday + 3 * DAY)
    payment = await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    await environment.pass_to(monday + 7 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    await cases.wait_for_entries(plan, "plan.instalment_missed")
    assert [fact["amount"] for fact in cases.entry_facts(plan, "plan.money_counted")] == [5_000, -5_000]
    assert cases.entry_facts(plan, "plan.instalment_missed")[0]["grace_until"] == (monday + 11 * DAY).isoformat()
    await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid", 2)
    assert [fact["late"] for fact in cases.entry_facts(plan, "plan.instalment_paid")] == [False, True]


async def test_a_payment_that_settled_an_invoice_and_bounces_has_the_plan_hold_it_again(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (one, other), monday = await owing(environment, "AGAIN", "60.00", "40.00")
    plan = await cases.bring_to_agreed("AGAIN", one, other, first_on=monday + 9 * DAY)
    payment = await environment.pay(one, 6_000)
    await environment.outcome(one)
    await cases.wait_for_entries(plan, "plan.money_counted")
    await environment.pass_to(monday + 4 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(one, "payment.reversed")
    await cases.wait_for_entries(plan, "plan.money_counted", 2)
    await environment.wait_until(lambda: cases.hold_ids(one) == [plan])
    assert "case.reopened" in environment.entry_kinds(one)


async def test_a_plan_that_is_called_off_ends_without_reproach(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "OFF", "100.00")
    plan = await cases.bring_to_agreed("OFF", invoice, first_on=monday + 20 * DAY)
    await environment.play.run_morning(monday + 2 * DAY)
    await environment.pass_to(monday + 4 * DAY)
    await cases.cancel_plan(plan)
    await let_go(environment, cases, invoice)
    await environment.play.run_mornings(monday + 4 * DAY, monday + 9 * DAY)
    # held for two days: day 7 comes two days later
    assert letters(environment, "OFF")[1:] == [("plan_cancelled", monday + 4 * DAY), ("second_reminder", monday + 9 * DAY)]
    assert "Your payment plan is no longer in force" in reads(environment, "OFF", "plan_cancelled")
    assert (cases.row(plan).outcome, environment.entry_facts(invoice, "timeline.hastened")) == ("cancelled", [])


async def test_insolvency_cancels_the_plan_and_nobody_chases(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "INSOLVENT", "100.00")
    plan = await cases.bring_to_agreed("INSOLVENT", invoice, first_on=monday + 9 * DAY)
    await cases.refer_account("INSOLVENT", ReferralReason.INSOLVENCY_NOTICE)
    await cases.wait_for_entries(plan, "plan.cancelled")
    assert cases.entry_facts(plan, "plan.cancelled")[0]["reason"] == "insolvency"
    await environment.wait_until(lambda: cases.hold_ids(invoice) == ["credit_review:INSOLVENT"])
    await environment.pass_to(monday + 12 * DAY)
    assert environment.steps(invoice) == ["reminder"]


# --- whose word it is


async def test_whoever_proposed_a_plan_cannot_approve_it_by_any_way(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "OWN", "100.00")
    plan = await cases.propose_plan("OWN", invoice, first_on=monday + 9 * DAY)
    approval = await cases.wait_for_approval(plan)
    assert "mia asked for this payment plan" in await refused(cases.decide(approval, "mia"))
    own = [DecideApproval(act_id=next_act_id(), actor="mia", role=MANAGER, verdict=ApprovalVerdict.APPROVE) for _ in range(3)]
    await cases.approval_handle(approval).signal(Approval.decided, own[0])
    await cases.plan_handle(plan).signal(PaymentPlan.decided, own[1])
    await environment.case(invoice).signal(InvoiceCollection.decide_payment_plan, own[2])
    await cases.wait_for_entries(approval, "act.refused", 3)
    assert {fact["act"] for fact in cases.entry_facts(approval, "act.refused")} == {decision.act_id for decision in own}
    assert cases.row(approval).outcome is None
    assert cases.entry_kinds(plan)[1:] == []


@pytest.mark.parametrize("verdict", [ApprovalVerdict.APPROVE, ApprovalVerdict.REJECT, ApprovalVerdict.RETURN])
async def test_a_decision_that_is_sent_to_the_invoice_reaches_the_approval(
    environment: CollectionEnvironment, cases: AccountCommands, verdict: ApprovalVerdict
) -> None:
    account = f"BY-INVOICE-{verdict.value}".upper()
    (one, other), monday = await owing(environment, account, "60.00", "40.00")
    plan = await cases.propose_plan(account, one, other, first_on=monday + 9 * DAY)
    approval = await cases.wait_for_approval(plan)
    await environment.wait_until(lambda: cases.hold_ids(other) == [plan])
    decision = DecideApproval(act_id=next_act_id(), actor="anna", role=MANAGER, verdict=verdict, note_id="note:1")
    await environment.case(other).signal(InvoiceCollection.decide_payment_plan, decision)
    ends = {ApprovalVerdict.APPROVE: "plan.offered", ApprovalVerdict.REJECT: "plan.rejected", ApprovalVerdict.RETURN: "plan.returned"}
    await cases.wait_for_entries(plan, ends[verdict])
    (signed,) = [facts for kind, facts in environment.play.case_journal(approval) if facts.get("act") == decision.act_id]
    assert signed["channel"] == "temporal"


async def test_a_decision_for_which_no_plan_waits_is_journalled_as_refused(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await owing(environment, "NOTHING", "100.00")
    decision = DecideApproval(act_id=next_act_id(), actor="anna", role=MANAGER, verdict=ApprovalVerdict.APPROVE)
    await environment.case(invoice).signal(InvoiceCollection.decide_payment_plan, decision)
    await environment.wait_until(lambda: environment.entry_facts(invoice, "act.refused"))
    assert environment.entry_facts(invoice, "act.refused")[0]["reason"] == "no payment plan of this invoice waits for a decision"


# --- signals that stand in for acts

MEANT_ONCE: list[tuple[str, Callable[[date], Command], str]] = [
    (
        "revised",
        lambda day: RevisePlan(
            act_id=next_act_id(), actor="mia", terms=InstalmentTerms(first_on=day, equal=1), asked_by=Side.CUSTOMER, why="later"
        ),
        "plan.revised",
    ),
    ("accepted", lambda _: AcceptPlan(act_id=next_act_id(), actor="mia", revision=1), "plan.accepted"),
    ("declined", lambda _: DeclinePlan(act_id=next_act_id(), actor="mia", revision=1), "plan.declined"),
    ("cancelled", lambda _: CancelPlan(act_id=next_act_id(), actor="mia", why="other terms"), "plan.cancelled"),
]


@pytest.mark.parametrize(("signal", "command", "kind"), MEANT_ONCE, ids=[signal for signal, _, _ in MEANT_ONCE])
async def test_an_act_that_comes_twice_as_a_signal_is_done_once(
    environment: CollectionEnvironment, cases: AccountCommands, signal: str, command: Callable[[date], Command], kind: str
) -> None:
    account = f"TWICE-{signal}".upper()
    (invoice,), monday = await owing(environment, account, "100.00")
    plan = await cases.bring_to_offered(account, invoice, first_on=monday + 9 * DAY)
    once, handle = command(monday + 16 * DAY), cases.plan_handle(plan)
    await asyncio.gather(handle.signal(signal, once), handle.signal(signal, once))
    await cases.wait_for_entries(plan, kind)
    await environment.pass_to(monday + 3 * DAY)
    assert [facts["act"] for facts in cases.entry_facts(plan, kind)] == [once.act_id]
    assert "act.refused" not in cases.entry_kinds(plan)


async def test_a_signal_that_is_ruled_out_is_journalled_as_refused(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "TOO-EARLY", "100.00")
    plan = await cases.propose_plan("TOO-EARLY", invoice, first_on=monday + 9 * DAY)
    await cases.plan_handle(plan).signal(PaymentPlan.accepted, AcceptPlan(act_id="early", actor="mia", revision=1))
    await cases.wait_for_entries(plan, "act.refused")
    (fact,) = cases.entry_facts(plan, "act.refused")
    assert (fact["act"], fact["what"]) == ("early", "AcceptPlan")
    assert "not approved yet" in fact["reason"]


async def test_a_decision_that_comes_twice_as_a_signal_counts_once(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "TWO-TIERS", "20000.00")
    plan = await cases.propose_plan("TWO-TIERS", invoice, first_on=monday + 9 * DAY)
    approval = await cases.wait_for_approval(plan)
    decision = DecideApproval(act_id=next_act_id(), actor="anna", role=MANAGER, verdict=ApprovalVerdict.APPROVE)
    for _ in range(2):
        await cases.approval_handle(approval).signal(Approval.decided, decision)
    await environment.case(invoice).signal(InvoiceCollection.decide_payment_plan, decision)
    again = await cases.approval_handle(approval).execute_update(Approval.decide, decision)
    assert again.repeated
    assert cases.entry_kinds(approval).count("approval.signed") == 1
    assert cases.row(approval).awaiting_role == "finance_director"


# --- how it looks, and how long it lives


async def test_queries_show_whose_turn_it_is_at_each_stage(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), monday = await owing(environment, "QUERIES", "100.00")
    plan = await cases.propose_plan("QUERIES", invoice, first_on=monday + 9 * DAY)
    handle = cases.plan_handle(plan)

    async def shown() -> tuple[str, str, str | None, date | None]:
        coming = await handle.query(PaymentPlan.next_step)
        stage_now = (await handle.query(PaymentPlan.snapshot)).stage
        return stage_now, await handle.query(PaymentPlan.waiting_for), coming.step, coming.due_at.date() if coming.due_at else None

    assert await shown() == ("approval", "approval", "approval", None)
    await cases.decide(await cases.wait_for_approval(plan), "anna")
    await cases.wait_for_entries(plan, "plan.offered")
    assert await shown() == ("offered", "customer", "lapse", monday + 17 * DAY)
    await cases.accept_plan(plan)
    assert await shown() == ("active", "payment", "instalment_due", monday + 6 * DAY)


async def test_a_plan_is_the_same_through_many_runs(
    environment: CollectionEnvironment, cases: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", lambda _: True)
    (invoice,), monday = await owing(environment, "LONG", "100.00")
    plan = await cases.bring_to_agreed("LONG", invoice, first_on=monday + 4 * DAY)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 6 * DAY)
    await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.instalment_paid")
    await environment.play.run_mornings(monday + 7 * DAY, monday + 10 * DAY)
    await environment.pay(invoice, 5_000)
    await cases.wait_for_entries(plan, "plan.completed")
    await environment.play.run_morning(monday + 11 * DAY)
    assert letters(environment, "LONG") == [
        ("plan_confirmation", monday + 2 * DAY),
        ("plan_instalment_due", monday + 2 * DAY),
        ("plan_instalment_due", monday + 8 * DAY),
        ("plan_completed", monday + 11 * DAY),
    ]
    told = {entry.seq: entry.facts["letter"] for entry in cases.entries(plan) if entry.kind == "letter.sent"}
    assert sorted(told.values()) == sorted(letter for letter, _ in letters(environment, "LONG")[:-1]), (
        "the last one went when the plan was over"
    )
    first_run = cases.row(plan).run_id
    assert (await cases.plan_handle(plan).describe()).run_id != first_run
