"""The human gate through its real workflow: who may sign, in what order, until when, and when nobody need any more.

Each approval is for a credit note: of EUR 25 it takes a manager, of EUR 20,000 a manager and a director. It is asked on a Wednesday.
"""

import asyncio
from datetime import date

import pytest
from temporalio.client import WorkflowUpdateFailedError

from adapters.identity.users_and_tokens import Identity
from domain.approval.commands import Decision, Verdict, Withdrawal
from domain.approval.delegation import Delegation
from domain.case.effects import ReviseApproval, WithdrawApproval
from domain.policy.dispute_rules import Resolution
from domain.roles import Role
from tests.workflows.dispute_commands import Cases, act_id
from tests.workflows.stage import DAY, Stage
from workflows.approval import Approval

MANAGER, DIRECTOR = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR


@pytest.fixture
def cases(stage: Stage) -> Cases:
    return Cases(stage)


async def asked(stage: Stage, cases: Cases, amount: int = 2_500, total: str = "100.00") -> tuple[str, str, date]:
    """The dispute that asks (by ben), its approval, and the Wednesday."""
    invoice, monday = await stage.reminded(total=total)
    dispute = await cases.dispute(invoice, amount)
    await cases.resolve(dispute, Resolution.CREDIT_NOTE, amount)
    return dispute, await cases.asked(dispute), monday + 2 * DAY


async def refused(cases: Cases, approval: str, actor: str, role: Role = MANAGER) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.decide(approval, actor, role)
    return str(caught.value.cause)


async def test_one_tier_takes_one_signature_and_the_case_hears_of_it(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases)
    assert (cases.row(approval).awaiting_role, cases.row(approval).stage) == ("collections_manager", "asked")
    receipt = await cases.decide(approval, "anna")
    assert not receipt.repeated
    await cases.heard(dispute, "dispute.resolved")
    assert cases.kinds(approval) == ["approval.requested", "approval.asked", "approval.signed", "approval.granted"]
    await stage.until(lambda: cases.row(approval).outcome == "approved")
    assert "by anna on" in cases.row(approval).summary["ended"]


async def test_two_tiers_sign_one_after_the_other_and_nobody_signs_both(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases, 2_000_000, "30000.00")
    assert "waits for collections_manager" in await refused(cases, approval, "dora", DIRECTOR)
    await cases.decide(approval, "anna")
    await stage.until(lambda: cases.row(approval).awaiting_role == "finance_director")
    assert "has signed already" in await refused(cases, approval, "anna", DIRECTOR)
    assert cases.row(dispute).stage == "approval"
    await cases.decide(approval, "dora", DIRECTOR)
    await cases.heard(dispute, "dispute.resolved")


async def test_whoever_asked_cannot_sign_in_any_role_nor_through_another(stage: Stage, cases: Cases) -> None:
    _, approval, today = await asked(stage, cases)
    for role in (MANAGER, DIRECTOR):
        assert "asked for this credit note" in await refused(cases, approval, "ben", role)
    assert "asked for this credit note" in await refused(cases, approval, "Ben")
    own = Delegation(delegation_id="d", from_user="ben", to_user="anna", role=MANAGER, first_day=today, last_day=today)
    act = Decision(act_id=act_id(), actor="anna", role=MANAGER, verdict=Verdict.APPROVE, delegation=own)
    with pytest.raises(WorkflowUpdateFailedError):
        await cases.of_approval(approval).execute_update(Approval.decide, act)
    await cases.of_approval(approval).signal(Approval.decided, act)
    await cases.heard(approval, "act.refused")
    assert cases.row(approval).stage == "asked"


async def test_a_rejection_needs_a_reason_and_gives_the_case_back(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.decide(approval, "anna", verdict=Verdict.REJECT)
    assert "needs a comment" in str(caught.value.cause)
    await cases.decide(approval, "anna", verdict=Verdict.REJECT, note="note:1")
    await cases.heard(dispute, "dispute.returned")
    assert cases.facts(dispute, "dispute.returned")[0]["result"] == "rejected"


async def test_it_reminds_before_the_deadline_and_escalates_after_it_and_then_the_role_above_may_sign(stage: Stage, cases: Cases) -> None:
    dispute, approval, wednesday = await asked(stage, cases)
    await stage.pass_to(wednesday + 4 * DAY)
    await cases.heard(approval, "approval.escalated")
    assert cases.on(approval, "approval.reminded") == [wednesday + 2 * DAY]
    assert cases.on(approval, "approval.escalated") == [wednesday + 4 * DAY]
    assert cases.row(approval).awaiting_role == "finance_director"
    await cases.decide(approval, "dora", DIRECTOR)
    await cases.heard(dispute, "dispute.resolved")


async def test_it_lapses_when_more_is_at_stake_than_its_tiers_may_approve(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases)
    await cases.of_approval(approval).signal(Approval.facts_changed, ReviseApproval(number=1, amount=1_000_000, currency="EUR"))
    await cases.of_approval(approval).signal(Approval.facts_changed, ReviseApproval(number=1, amount=1_000_001, currency="EUR"))
    await cases.heard(dispute, "dispute.returned")
    assert cases.facts(approval, "approval.lapsed")[0]["reason"] == "outgrown"
    assert cases.facts(dispute, "dispute.returned")[0]["result"] == "lapsed"


async def test_a_lapse_for_an_unknown_reason_counts_as_withdrawn_and_stops_nothing(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases)
    await cases.of_approval(approval).signal(Approval.lapse, WithdrawApproval(number=1, reason="a whim"))
    await cases.heard(dispute, "dispute.returned")
    assert cases.facts(approval, "approval.lapsed")[0]["reason"] == "withdrawn"


async def test_whoever_asked_can_withdraw_it(stage: Stage, cases: Cases) -> None:
    dispute, approval, _ = await asked(stage, cases)
    with pytest.raises(WorkflowUpdateFailedError):
        await cases.of_approval(approval).execute_update(Approval.withdraw, Withdrawal(act_id=act_id(), actor="anna"))
    await cases.of_approval(approval).execute_update(Approval.withdraw, Withdrawal(act_id=act_id(), actor="ben"))
    await cases.heard(dispute, "dispute.returned")


async def test_two_managers_in_the_same_moment_one_wins_and_the_other_sees_who_decided(stage: Stage, cases: Cases) -> None:
    _, approval, _ = await asked(stage, cases)
    answers = await asyncio.gather(
        cases.decide(approval, "anna"), cases.decide(approval, "otto", verdict=Verdict.REJECT, note="n"), return_exceptions=True
    )
    lost = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(lost) == 1
    await stage.until(lambda: cases.row(approval).outcome is not None)
    kinds = cases.kinds(approval)
    assert kinds.count("approval.signed") + kinds.count("approval.rejected") == 1


async def test_a_decision_sent_twice_counts_once_and_says_by_which_way_it_came(stage: Stage, cases: Cases) -> None:
    _, approval, _ = await asked(stage, cases, 2_000_000, "30000.00")
    act = Decision(act_id=act_id(), actor="anna", role=MANAGER, verdict=Verdict.APPROVE)
    await cases.of_approval(approval).signal(Approval.decided, act)
    again = await cases.of_approval(approval).execute_update(Approval.decide, act)
    assert again.repeated
    assert [facts["channel"] for facts in cases.facts(approval, "approval.signed")] == ["temporal"]


async def test_those_who_are_asked_get_a_message_with_a_link(stage: Stage, cases: Cases) -> None:
    Identity(stage.database).add_user("petra", MANAGER, email="petra@ours.test")
    dispute, _, _ = await asked(stage, cases)
    inbox = stage.play.parts.inbox
    assert inbox is not None
    await stage.until(lambda: any("Please decide" in mail.subject and "petra@ours.test" in str(mail) for mail in inbox.list(limit=10_000)))
    mail = next(mail for mail in inbox.list(limit=10_000) if "Please decide" in mail.subject)
    assert dispute.split(":")[1] in mail.text
    assert "€25.00" in mail.text
