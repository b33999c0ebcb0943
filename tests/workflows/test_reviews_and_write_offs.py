"""Credit reviews, write-offs and escalations through their real workflows."""

import shutil
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateFailedError

from adapters.shipped_files import PROJECT
from domain.approval.commands import ApprovalVerdict
from domain.billing.billing_events import InvoiceStatus
from domain.credit_review.commands import CloseCreditReview, ReferralReason
from domain.invoice.commands import AnswerEscalation, EscalateInvoice
from domain.roles import Role
from domain.write_off.commands import WriteOffDecision
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.dispute_commands import next_act_id
from workflows.credit_review import CreditReview
from workflows.invoice_collection import InvoiceCollection

# --- credit reviews


@pytest.mark.parametrize(
    ("ability", "willingness", "course"),
    [("able", "willing", "gentle"), ("able", "unwilling", "firm"), ("unable", "willing", "plan"), ("unable", "unwilling", "hand_over")],
)
async def test_a_verdict_places_the_account_on_the_grid(
    environment: CollectionEnvironment, cases: AccountCommands, ability: str, willingness: str, course: str
) -> None:
    account = f"GRID-{course}"
    (invoice,), monday = await cases.open_overdue_invoices(account, 5)
    review = await cases.refer_account(account)
    assert (cases.row(review).waiting_for, cases.row(review).awaiting_role) == ("verdict", "credit_analyst")
    await cases.give_verdict(account, ability, willingness, limit=50_000, currency="EUR", next_review_on=monday + 30 * DAY)
    shown = cases.row(review)
    assert (shown.stage, shown.waiting_for, shown.summary["course"], shown.summary["limit"]) == ("reviewed", "time", course, 50_000)
    assert cases.hold_ids(invoice) == []
    await environment.pass_to(monday + 30 * DAY)
    await cases.wait_for_entries(review, "credit_review.due")
    assert cases.row(review).awaiting_role == "credit_analyst"
    await cases.review_handle(account).execute_update(CreditReview.close, CloseCreditReview(act_id=next_act_id(), actor="ana"))
    await cases.wait_for_entries(review, "credit_review.ended")


async def test_a_verdict_changes_the_policy_that_the_invoices_follow_until_the_review_is_closed(
    environment: CollectionEnvironment, cases: AccountCommands, tmp_path: Path
) -> None:
    shutil.copytree(PROJECT / "policies", tmp_path, dirs_exist_ok=True)
    standard = (tmp_path / "standard.yaml").read_text(encoding="utf-8")
    watched = standard.replace("policy: standard", "policy: watched").replace("segments: []", "segments: [watched]")
    (tmp_path / "watched.yaml").write_text(watched, encoding="utf-8")
    environment.play.parts.policies.load_folder(tmp_path)
    (invoice,), monday = await cases.open_overdue_invoices("VARIANT", 5)
    await cases.refer_account("VARIANT")
    await cases.give_verdict("VARIANT", "able", "unwilling", segment="watched", next_review_on=monday + 30 * DAY)
    await environment.wait_for_entries(invoice, "policy.adopted")
    assert environment.row(invoice).policy == "watched"
    await cases.review_handle("VARIANT").execute_update(CreditReview.close, CloseCreditReview(act_id=next_act_id(), actor="ana"))
    await environment.wait_for_entries(invoice, "policy.adopted", 2)
    assert environment.row(invoice).policy == "standard"


async def test_insolvency_stops_everything_and_makes_the_proof_of_claim(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (first, second), monday = await cases.open_overdue_invoices("INSOLVENT", 40, "100.00", "200.00")
    plan = await cases.propose_plan("INSOLVENT", second, first_on=monday + 10 * DAY)
    suspension = await cases.request_suspension("INSOLVENT", first)
    approval = await cases.wait_for_approval(suspension)
    review = await cases.refer_account("INSOLVENT", ReferralReason.INSOLVENCY_NOTICE)
    await cases.wait_for_entries(review, "dossier.made")
    assert cases.entry_facts(review, "dossier.made")[0]["purpose"] == "proof_of_claim"
    await environment.wait_until(lambda: review in cases.hold_ids(first) and review in cases.hold_ids(second))
    await cases.wait_for_entries(plan, "plan.cancelled")
    await cases.wait_for_entries(suspension, "suspension.spared")
    await cases.wait_for_entries(approval, "approval.lapsed")
    await environment.play.run_mornings(monday, monday + 4 * DAY)
    assert environment.sent_letters("INSOLVENT") == []


async def test_an_invoice_issued_to_an_insolvent_account_is_held_like_the_others(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await cases.open_overdue_invoices("STOPPED", 5)
    review = await cases.refer_account("STOPPED", ReferralReason.INSOLVENCY_NOTICE)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [review])
    fresh = await environment.open_invoice(monday - DAY, account="STOPPED")
    await environment.wait_until(lambda: cases.hold_ids(fresh) == [review])
    await cases.give_verdict("STOPPED", "able", "willing")
    await environment.wait_until(lambda: cases.hold_ids(fresh) == [] and cases.hold_ids(invoice) == [])


async def test_an_account_that_owes_more_than_its_limit_is_referred_by_rule_and_once(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), monday = await cases.open_overdue_invoices("OVER", 5, "1000.00")
    review = await cases.refer_account("OVER")
    await cases.give_verdict("OVER", "able", "willing", limit=1_000, currency="EUR")
    environment.play.parts.billing.change_invoice(invoice, total=200_000, at=await environment.play.now())
    await environment.pass_to(monday + 40 * DAY)
    assert await cases.refer_by_rule() == 1
    await cases.wait_for_entries(review, "credit_review.referred", 2)
    assert cases.entry_facts(review, "credit_review.referred")[1]["reason"] == "exposure_over_limit"
    await environment.wait_until(lambda: cases.row(review).waiting_for == "verdict")
    assert await cases.refer_by_rule() == 0


# --- write-offs

ENDS = [
    (WriteOffDecision.WHOLE, {}, 0),
    (WriteOffDecision.PART, {"amount": 4_000}, 6_000),
    (WriteOffDecision.AGENCY, {}, 10_000),
    (WriteOffDecision.LEGAL, {}, 10_000),
    (WriteOffDecision.BACK_TO_COLLECTIONS, {}, 10_000),
]


@pytest.mark.parametrize(("decision", "amounts", "left"), ENDS)
async def test_each_decision_of_the_team_is_approved_and_carried_out(
    environment: CollectionEnvironment, cases: AccountCommands, decision: WriteOffDecision, amounts: dict[str, int], left: int
) -> None:
    account = f"TEAM-{decision}"
    (invoice,), _ = await cases.open_overdue_invoices(account, 60)
    case = await cases.bring_to_handed_over(account, invoice)
    assert (cases.row(case).stage, cases.row(case).awaiting_role) == ("deciding", "write_off_analyst")
    await cases.propose_write_off(account, decision, {invoice: amounts["amount"]} if amounts else {})
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "write_off.decided")
    await environment.wait_until(lambda: environment.play.parts.billing.get_invoice_facts(invoice).open_balance == left)
    if decision is WriteOffDecision.WHOLE:
        await environment.play.sync()
        assert await environment.outcome(invoice) == InvoiceStatus.WRITTEN_OFF
        assert "write_off.booked" in environment.entry_kinds(invoice)
        assert await cases.wait_for_suspension_end(account) == "written_off"
    if decision in (WriteOffDecision.PART, WriteOffDecision.BACK_TO_COLLECTIONS):
        await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
    if decision in (WriteOffDecision.AGENCY, WriteOffDecision.LEGAL):
        await cases.wait_for_entries(case, "dossier.made", 2)
        assert [facts["purpose"] for facts in cases.entry_facts(case, "dossier.made")] == ["write_off", decision.value]


async def test_a_decision_that_is_rejected_goes_back_to_the_team(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("TEAM-NO", 60)
    case = await cases.bring_to_handed_over("TEAM-NO", invoice)
    await cases.propose_write_off("TEAM-NO", WriteOffDecision.WHOLE)
    await cases.reject_request(case, verdict=ApprovalVerdict.REJECT)
    await environment.wait_until(lambda: cases.row(case).stage == "deciding")
    assert environment.play.parts.billing.get_invoice_facts(invoice).open_balance == 10_000


async def test_money_that_comes_after_a_write_off_is_a_recovery(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("RECOVERED", 60)
    case = await cases.bring_to_handed_over("RECOVERED", invoice)
    await cases.propose_write_off("RECOVERED", WriteOffDecision.WHOLE)
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "write_off.booked")
    await environment.play.sync()
    assert await environment.outcome(invoice) == InvoiceStatus.WRITTEN_OFF
    now = await environment.play.now()
    environment.play.parts.billing.record_payment("P-REC", "RECOVERED", "EUR", 2_500, now.date(), invoice_id=invoice, at=now)
    await environment.play.sync()
    await cases.wait_for_entries(case, "write_off.recovered")
    assert cases.entry_facts(case, "write_off.recovered")[0]["amount"] == 2_500
    assert cases.row(case).summary[f"recovered_{invoice}"] == 2_500


async def test_a_payment_before_the_decision_takes_the_account_back_by_itself(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("TEAM-PAID", 60)
    case = await cases.bring_to_handed_over("TEAM-PAID", invoice)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "write_off.ended")
    assert await cases.wait_for_suspension_end("TEAM-PAID") == "reinstated"


# --- escalation by hand


async def test_an_escalation_tells_its_role_and_keeps_the_answer(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices("ESCALATED", 5)
    environment.play.parts.identity.add_user("sam", Role.SALES, email="sam@house.test")
    command = EscalateInvoice(act_id=next_act_id(), actor="mia", role=Role.SALES, note_id="note:why")
    await environment.case(invoice).execute_update(InvoiceCollection.escalate, command)
    await environment.wait_for_entries(invoice, "escalation.told")
    assert environment.entry_facts(invoice, "escalation.told") == [{"escalation": command.act_id, "role": "sales", "told": "sam"}]
    assert ("escalation", "open") in [(kind, state) for kind, state, _ in environment.tasks(invoice)]
    answer = AnswerEscalation(act_id=next_act_id(), actor="sam", role=Role.SALES, escalation=command.act_id, note_id="note:answer")
    await environment.case(invoice).execute_update(InvoiceCollection.answer_escalation, answer)
    assert ("escalation", "done") in [(kind, state) for kind, state, _ in environment.tasks(invoice)]
    with pytest.raises(WorkflowUpdateFailedError):
        await environment.case(invoice).execute_update(
            InvoiceCollection.answer_escalation, answer.model_copy(update={"act_id": next_act_id(), "actor": "max"})
        )
