"""The reason of a rejection or a return over the API: taken where it goes with the verdict, said in the list, and counted."""

from datetime import timedelta
from urllib.parse import quote

from adapters.database.tables import Case
from adapters.read_model.overview.decision_reasons import build_reason_count, count_decision_reasons
from domain.approval.command_rules import apply_command
from domain.approval.commands import ApprovalVerdict, DecideApproval, DecisionReason
from domain.approval.result import ApprovalStage
from domain.approval.view import build_case_view
from domain.roles import Role
from tests.api.account_cases import NOW, write_case
from tests.api.conftest import As, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.api.stored_approvals import store_approval


async def test_a_reason_goes_with_its_verdict_alone_and_may_be_left_out(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    path = f"/v1/approvals/{quote(case.journal.case_id, safe='')}/decision"
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        for wrong in ({"decision": "approve", "reason": "other"}, {"decision": "return", "reason": "against_policy", "comment": "no"}):
            document = problem(await manager.post(path, json=wrong), 422)
            assert [error["pointer"] for error in document["errors"]] == ["/reason"]
        assert world.cases.acts == []
        for body in ({"reason": "against_policy"}, {}):
            answer = await manager.post(path, json={"decision": "reject", "comment": "no", **body})
            assert answer.status_code == 200, answer.text
    assert [command.reason for command in world.cases.acts if isinstance(command, DecideApproval)] == [DecisionReason.AGAINST_POLICY, None]


def store_decided(world: PortfolioWorld, number: int, verdict: ApprovalVerdict, reason: DecisionReason | None = None) -> None:
    case = store_approval(world, {"EUR": 10_000}, number=number)
    command = DecideApproval(
        act_id=f"act:{number}", actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=verdict, note_id="N-1", reason=reason
    )
    apply_command(case, command, NOW)
    write_case(world, case, build_case_view)


async def test_a_decided_approval_says_its_reason_and_reasons_are_counted_as_far_back_as_asked(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    store_decided(world, 1, ApprovalVerdict.REJECT, DecisionReason.AGAINST_POLICY)
    store_decided(world, 2, ApprovalVerdict.RETURN, DecisionReason.OTHER)
    store_decided(world, 3, ApprovalVerdict.RETURN, DecisionReason.OTHER)
    store_decided(world, 4, ApprovalVerdict.REJECT)
    store_decided(world, 5, ApprovalVerdict.REJECT, DecisionReason.AGAINST_POLICY)
    with world.database.writing() as session:
        session.get_one(Case, "approval:suspension:A-1:5").stage_since = TODAY - timedelta(days=91)
    store_decided(world, 6, ApprovalVerdict.APPROVE)
    assert count_decision_reasons(world.database, TODAY, 90) == [
        (ApprovalStage.RETURNED, DecisionReason.OTHER, 2),
        (ApprovalStage.REJECTED, None, 1),
        (ApprovalStage.REJECTED, DecisionReason.AGAINST_POLICY, 1),
    ]
    async with as_role(Role.AUDITOR) as auditor:
        listed = (await auditor.get("/v1/approvals?limit=50")).json()["items"]
    assert sorted(filter(None, (each["decision_reason"] for each in listed))) == ["against_policy", "against_policy", "other", "other"]


def test_what_came_back_long_ago_is_not_even_read(world: PortfolioWorld) -> None:
    """The database finds the last days by their index; by that of stages it would read all that ever came back."""
    if not world.database.is_sqlite:
        return
    statement = build_reason_count(TODAY)
    with world.database.reading() as session:
        compiled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]
    assert any("ix_cases_listed (stage_since>?" in step for step in plan), plan
