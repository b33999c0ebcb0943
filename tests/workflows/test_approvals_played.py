"""The human gate through its real workflow: who may sign, in what order, until when, and when nobody need any more.

Each approval is for a credit note: of EUR 25 it takes a manager, of EUR 20,000 a manager and a director. It is asked on a Wednesday.
"""

import asyncio
from datetime import UTC, date, datetime
from urllib.parse import quote

import pytest
from temporalio.client import WorkflowUpdateFailedError

from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from domain.approval.commands import ApprovalVerdict, DecideApproval, WithdrawApprovalRequest
from domain.approval.delegation import Delegation
from domain.case.effects import ReviseApproval, WithdrawApproval
from domain.policy.approval_matrix import MatrixSnapshot
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.dispute_commands import DisputeCommands, next_act_id
from workflows.approval import Approval

MANAGER, DIRECTOR = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR


@pytest.fixture
def cases(environment: CollectionEnvironment) -> DisputeCommands:
    return DisputeCommands(environment)


async def asked(
    environment: CollectionEnvironment, cases: DisputeCommands, amount: int = 2_500, total: str = "100.00"
) -> tuple[str, str, date]:
    """The dispute that asks (by ben), its approval, and the Wednesday."""
    invoice, monday = await environment.open_reminded_invoice(total=total)
    dispute = await cases.raise_dispute(invoice, amount)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, amount)
    return dispute, await cases.wait_for_approval(dispute), monday + 2 * DAY


async def refused(cases: DisputeCommands, approval: str, actor: str, role: Role = MANAGER) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.decide(approval, actor, role)
    return str(caught.value.cause)


async def test_one_tier_takes_one_signature_and_the_case_hears_of_it(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    dispute, approval, _ = await asked(environment, cases)
    assert (cases.row(approval).awaiting_role, cases.row(approval).stage) == ("collections_manager", "asked")
    receipt = await cases.decide(approval, "anna")
    assert not receipt.repeated
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert cases.entry_kinds(approval) == ["approval.requested", "approval.asked", "approval.signed", "approval.granted"]
    await environment.wait_until(lambda: cases.row(approval).outcome == "approved")
    assert "by anna on" in cases.row(approval).summary["ended"]


async def test_two_tiers_sign_one_after_the_other_and_nobody_signs_both(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    dispute, approval, _ = await asked(environment, cases, 2_000_000, "30000.00")
    assert "waits for collections_manager" in await refused(cases, approval, "dora", DIRECTOR)
    await cases.decide(approval, "anna")
    await environment.wait_until(lambda: cases.row(approval).awaiting_role == "finance_director")
    assert "has signed already" in await refused(cases, approval, "anna", DIRECTOR)
    assert cases.row(dispute).stage == "approval"
    await cases.decide(approval, "dora", DIRECTOR)
    await cases.wait_for_entries(dispute, "dispute.resolved")


async def test_whoever_asked_cannot_sign_in_any_role_nor_through_another(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    _, approval, today = await asked(environment, cases)
    for role in (MANAGER, DIRECTOR):
        assert "asked for this credit note" in await refused(cases, approval, "ben", role)
    assert "asked for this credit note" in await refused(cases, approval, "Ben")
    own = Delegation(delegation_id="d", from_user="ben", to_user="anna", role=MANAGER, first_day=today, last_day=today)
    command = DecideApproval(act_id=next_act_id(), actor="anna", role=MANAGER, verdict=ApprovalVerdict.APPROVE, delegation=own)
    with pytest.raises(WorkflowUpdateFailedError):
        await cases.approval_handle(approval).execute_update(Approval.decide, command)
    await cases.approval_handle(approval).signal(Approval.decided, command)
    await cases.wait_for_entries(approval, "act.refused")
    assert cases.row(approval).stage == "asked"


def delegate(environment: CollectionEnvironment, giver: str, taker: str, first: date, revoked: bool = False) -> Delegation:
    """Stored as the API stores it; the giver is a manager."""
    given = Delegation(
        delegation_id=next_act_id(), from_user=giver, to_user=taker, role=MANAGER, first_day=first, last_day=first + 30 * DAY
    )
    IdentityStore(environment.database).add_user(giver, MANAGER)
    store = DelegationStore(environment.database)
    store.add(given, giver)
    if revoked:
        store.revoke(given.delegation_id, giver, datetime.now(UTC))
    return given


async def test_for_whom_an_asker_may_act_since_he_asked_does_not_decide_either(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    _, approval, today = await asked(environment, cases)
    delegate(environment, "greta", "ben", today)
    assert "acts for greta" in await refused(cases, approval, "greta")
    assert "acts for Greta" in await refused(cases, approval, "Greta")
    taken = delegate(environment, "greta", "otto", today)
    command = DecideApproval(act_id=next_act_id(), actor="otto", role=MANAGER, verdict=ApprovalVerdict.APPROVE, delegation=taken)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.approval_handle(approval).execute_update(Approval.decide, command)
    assert "acts for greta" in str(caught.value.cause)
    await cases.approval_handle(approval).signal(Approval.decided, command)
    await cases.wait_for_entries(approval, "act.refused")
    assert "acts for greta" in cases.entry_facts(approval, "act.refused")[0]["reason"]
    assert cases.row(approval).stage == "asked"
    assert not (await cases.decide(approval, "otto")).repeated


async def test_a_delegation_that_was_revoked_or_never_made_signs_nothing(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    _, approval, today = await asked(environment, cases)
    revoked = delegate(environment, "petra", "olga", today, revoked=True)
    forged = revoked.model_copy(update={"delegation_id": "nobody-made-it"})
    for given in (revoked, forged):
        command = DecideApproval(act_id=next_act_id(), actor="olga", role=MANAGER, verdict=ApprovalVerdict.APPROVE, delegation=given)
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await cases.approval_handle(approval).execute_update(Approval.decide, command)
        assert "petra does not let olga sign as collections_manager any more" in str(caught.value.cause)
    stands = delegate(environment, "petra", "olga", today)
    command = DecideApproval(act_id=next_act_id(), actor="olga", role=MANAGER, verdict=ApprovalVerdict.APPROVE, delegation=stands)
    assert not (await cases.approval_handle(approval).execute_update(Approval.decide, command)).repeated


async def test_a_rejection_needs_a_reason_and_gives_the_case_back(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    dispute, approval, _ = await asked(environment, cases)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.decide(approval, "anna", verdict=ApprovalVerdict.REJECT)
    assert "needs a comment" in str(caught.value.cause)
    await cases.decide(approval, "anna", verdict=ApprovalVerdict.REJECT, note="note:1")
    await cases.wait_for_entries(dispute, "dispute.returned")
    assert cases.entry_facts(dispute, "dispute.returned")[0]["result"] == "rejected"


async def test_it_reminds_before_the_deadline_and_escalates_after_it_and_then_the_role_above_may_sign(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    dispute, approval, wednesday = await asked(environment, cases)
    await environment.pass_to(wednesday + 4 * DAY)
    await cases.wait_for_entries(approval, "approval.escalated")
    assert cases.entry_dates(approval, "approval.reminded") == [wednesday + 2 * DAY]
    assert cases.entry_dates(approval, "approval.escalated") == [wednesday + 4 * DAY]
    assert cases.row(approval).awaiting_role == "finance_director"
    await cases.decide(approval, "dora", DIRECTOR)
    await cases.wait_for_entries(dispute, "dispute.resolved")


async def test_it_lapses_when_more_is_at_stake_than_its_tiers_may_approve(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    dispute, approval, _ = await asked(environment, cases)
    await cases.approval_handle(approval).signal(Approval.facts_changed, ReviseApproval(number=1, amount=1_000_000, currency="EUR"))
    await cases.approval_handle(approval).signal(Approval.facts_changed, ReviseApproval(number=1, amount=1_000_001, currency="EUR"))
    await cases.wait_for_entries(dispute, "dispute.returned")
    assert cases.entry_facts(approval, "approval.lapsed")[0]["reason"] == "outgrown"
    assert cases.entry_facts(dispute, "dispute.returned")[0]["result"] == "lapsed"


async def test_a_lapse_for_an_unknown_reason_counts_as_withdrawn_and_stops_nothing(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    dispute, approval, _ = await asked(environment, cases)
    await cases.approval_handle(approval).signal(Approval.lapse, WithdrawApproval(number=1, reason="a whim"))
    await cases.wait_for_entries(dispute, "dispute.returned")
    assert cases.entry_facts(approval, "approval.lapsed")[0]["reason"] == "withdrawn"


async def test_whoever_asked_can_withdraw_it(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    dispute, approval, _ = await asked(environment, cases)
    with pytest.raises(WorkflowUpdateFailedError):
        await cases.approval_handle(approval).execute_update(Approval.withdraw, WithdrawApprovalRequest(act_id=next_act_id(), actor="anna"))
    await cases.approval_handle(approval).execute_update(Approval.withdraw, WithdrawApprovalRequest(act_id=next_act_id(), actor="ben"))
    await cases.wait_for_entries(dispute, "dispute.returned")


async def test_two_managers_in_the_same_moment_one_wins_and_the_other_sees_who_decided(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    _, approval, _ = await asked(environment, cases)
    answers = await asyncio.gather(
        cases.decide(approval, "anna"), cases.decide(approval, "otto", verdict=ApprovalVerdict.REJECT, note="n"), return_exceptions=True
    )
    lost = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(lost) == 1
    await environment.wait_until(lambda: cases.row(approval).outcome is not None)
    kinds = cases.entry_kinds(approval)
    assert kinds.count("approval.signed") + kinds.count("approval.rejected") == 1


async def test_a_decision_sent_twice_counts_once_and_says_by_which_way_it_came(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    _, approval, _ = await asked(environment, cases, 2_000_000, "30000.00")
    command = DecideApproval(act_id=next_act_id(), actor="anna", role=MANAGER, verdict=ApprovalVerdict.APPROVE)
    await cases.approval_handle(approval).signal(Approval.decided, command)
    again = await cases.approval_handle(approval).execute_update(Approval.decide, command)
    assert again.repeated
    assert [facts["channel"] for facts in cases.entry_facts(approval, "approval.signed")] == ["temporal"]


async def test_those_who_are_asked_get_one_mail_the_next_morning_with_a_link_to_a_page(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    people = IdentityStore(environment.database)
    people.add_user("petra", MANAGER, email="petra@ours.test")
    people.add_user("pablo", MANAGER, email="pablo@ours.test", language="es")
    first, approval, wednesday = await asked(environment, cases)
    second = await cases.raise_dispute(await environment.open_invoice(wednesday - 2 * DAY), 3_000)
    await cases.resolve(second, DisputeResolution.CREDIT_NOTE, 3_000)
    other = await cases.wait_for_approval(second)
    await environment.wait_until(lambda: environment.notices("petra", approval) == environment.notices("petra", other) != [])
    assert not environment.mails("petra@ours.test"), "nothing is sent at once"
    today = await environment.pass_to_digest()
    [mail] = environment.mails("petra@ours.test")
    assert mail.subject == "Waiting for your decision: 2, new: 2"
    for dispute, each, amount in ((first, approval, "€25.00"), (second, other, "€30.00")):
        assert f"Invoice {dispute.split(':')[1]}: {amount} of €100.00 open" in mail.text
        assert f"/approvals/{quote(each, safe='')}" in mail.text
    assert "/v1/" not in mail.text
    assert environment.mails("pablo@ours.test")[0].subject == "Esperan su decisión: 2, nuevas: 2"

    await environment.play.send_digests()
    assert len(environment.mails("petra@ours.test")) == 1, "one a day"
    await cases.decide(other, "petra")
    await environment.wait_until(lambda: cases.row(other).outcome is not None)
    while environment.notices("petra", approval) == ["approval_asked"]:
        await environment.pass_to_digest()
    latest = environment.mails("petra@ours.test")[0]
    reminded = cases.entry_dates(approval, "approval.reminded")
    assert reminded > [today], "the deadline comes nearer"
    assert "Still to decide: credit note of €25.00" in latest.text
    assert other.split(":")[2] not in latest.text


async def test_an_approval_that_was_decided_before_the_morning_is_told_to_nobody(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    IdentityStore(environment.database).add_user("paula", MANAGER, email="paula@ours.test")
    _, approval, _ = await asked(environment, cases)
    await environment.wait_until(lambda: environment.notices("paula", approval))
    await cases.decide(approval, "anna")
    await environment.wait_until(lambda: cases.row(approval).outcome is not None)
    await environment.pass_to_digest()
    assert not environment.mails("paula@ours.test")


async def test_an_escalation_that_the_matrix_tells_at_once_goes_at_once_and_is_not_told_again(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    people = IdentityStore(environment.database)
    people.add_user("pia", MANAGER, email="pia@ours.test")
    people.add_user("dirk", DIRECTOR, email="dirk@ours.test")
    policies = environment.play.parts.policies
    before = policies.get_matrix()
    matrix = before.load_matrix()
    urgent = {name: tier.model_copy(update={"escalate_at_once": True}) for name, tier in matrix.signatories.items()}
    changed = matrix.model_copy(update={"version": matrix.version + 1, "signatories": urgent})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(policies, "get_matrix", lambda: MatrixSnapshot.from_matrix(changed))
        _, approval, wednesday = await asked(environment, cases)
    await environment.pass_to(wednesday + 4 * DAY)
    await environment.wait_until(lambda: environment.mails("dirk@ours.test", "Escalated to you: credit note of €25.00"))
    [mail] = environment.mails("dirk@ours.test")
    assert f"/approvals/{quote(approval, safe='')}" in mail.text
    assert environment.notices("dirk", approval) == []
    assert environment.notices("pia", approval) == ["approval_asked", "approval_reminded"]
