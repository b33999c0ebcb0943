"""A data folder that an earlier version made lists the same work and the same approvals, on both databases."""

import pytest

from domain.approval.approval_case import ApprovalCase
from domain.approval.result import ApprovalOutcome, ApprovalResult, ApprovalSubject
from domain.approval.view import build_case_view as approval_view
from domain.payment_plan import negotiation
from domain.payment_plan.view import build_case_view as plan_view
from domain.policy.approval_matrix import ApprovalMatrix, ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from domain.suspension.view import build_case_view as suspension_view
from tests.api.account_cases import (
    NOW,
    build_journal,
    create_account,
    create_credit_review,
    create_proposed_plan,
    create_suspension,
    create_write_off,
    moment_in,
    write_case,
)
from tests.api.conftest import As
from tests.api.portfolio_world import PortfolioWorld
from tests.older_schema import make_older

MATRIX = ApprovalMatrix.model_validate(
    {
        "version": 1,
        "title": "For tests",
        "levels": {"low": {"EUR": 1000}},
        "signatories": {"manager": {"role": "collections_manager", "deadline_days": 3, "escalate_to": "finance_director"}},
        "rules": [{"rule": "all", "act": "payment_plan", "sign": ["manager"]}],
    }
)
ASKED_ROLES = (Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.CREDIT_ANALYST, Role.WRITE_OFF_ANALYST)


def create_escalated_approval(world: PortfolioWorld) -> None:
    """Two roles may sign it: its deadline was missed."""
    question = ApprovalRequest(matter=ApprovalType.PAYMENT_PLAN, amount=25_000, currency="EUR")
    subject = ApprovalSubject(case_id="plan:A-1:1", invoice_ids=["I-1"])
    case = ApprovalCase.create(build_journal("approval:plan:A-1:1:1"), question, "ben", subject, MatrixSnapshot.from_matrix(MATRIX))
    case.open(NOW)
    case.run_due_actions(moment_in(9))
    write_case(world, case, approval_view)


def create_returned_cases(world: PortfolioWorld) -> None:
    """What came back to those who asked for it, of an account that is another's: collector-1 put forward the plan, and asked for the
    suspension."""
    plan = create_proposed_plan(world)
    plan.revisions[-1] = plan.revisions[-1].model_copy(update={"by": "collector-1"})
    plan.draft = plan.revisions[-1]
    negotiation.apply_approval_outcome(plan, ApprovalOutcome(number=1, result=ApprovalResult.RETURNED, by="anna"), NOW)
    write_case(world, plan, plan_view)
    suspension = create_suspension(world)
    suspension.askers, suspension.returned = ["ben", "collector-1"], True
    write_case(world, suspension, suspension_view)


async def list_work(as_role: As) -> dict[str, list[str]]:
    """By role: what its worklist shows, and which approvals its people may decide."""
    found: dict[str, list[str]] = {}
    for role in ASKED_ROLES:
        async with as_role(role) as client:
            lists = {"": "/v1/worklist", "asked ": f"/v1/approvals?role={role.value}", "mine ": "/v1/approvals?mine=true"}
            answers = {prefix: (await client.get(path)).json()["items"] for prefix, path in lists.items()}
        found[role] = [f"{prefix}{item['id']}" for prefix, items in answers.items() for item in items]
    return found


@pytest.mark.usefixtures("app")
async def test_a_data_folder_that_was_made_before_lists_the_same_work(world: PortfolioWorld, as_role: As) -> None:
    create_account(world)
    create_escalated_approval(world)
    create_returned_cases(world)
    create_credit_review(world)
    create_write_off(world)
    listed = await list_work(as_role)
    assert listed == {
        Role.COLLECTOR: ["suspension:A-1", "plan:A-1:1"],
        Role.COLLECTIONS_MANAGER: [f"{prefix}approval:plan:A-1:1:1" for prefix in ("", "asked ", "mine ")],
        Role.FINANCE_DIRECTOR: [f"{prefix}approval:plan:A-1:1:1" for prefix in ("", "asked ", "mine ")],
        Role.CREDIT_ANALYST: ["credit_review:A-1"],
        Role.WRITE_OFF_ANALYST: ["write_off:A-1"],
    }
    make_older(world.database, "0001")
    world.database.migrate()
    assert await list_work(as_role) == listed
