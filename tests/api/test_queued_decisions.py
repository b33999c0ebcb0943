"""No decision is lost: what is posted while no worker runs waits, and is applied once when one does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.case_effects import CaseEffects
from activities.case_recording import Recording
from adapters.cases.case_store import CaseBook
from adapters.database.engine import Database
from adapters.identity.delegation_store import DelegationBook
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterBook
from adapters.mail.smtp_client import Delivery, Outcome
from adapters.notifications.staff_notices import Notices
from adapters.policies.policy_store import PolicyBook
from adapters.read_model.journal import case_history
from adapters.temporal.case_commands import TemporalCases, WillBeApplied
from domain import identifiers as ids
from domain.approval.commands import Channel, Decision, Verdict
from domain.approval.result import Subject
from domain.approval.workflow_input import APPROVAL, ApprovalOpening
from domain.clock import Clock
from domain.policy.approval_matrix import MatrixSnapshot, Question
from domain.policy.approval_type import Matter
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from tests.api.portfolio_world import STANDARD
from tests.time_skipping import time_skipping
from workflows.approval import Approval

MATRIX = STANDARD.with_name("approvals.yaml")
IMPATIENT = 1.0
APPROVALS = 30


class NobodyThere:
    """A mailer that nothing is given to: no user has an address."""

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> Delivery:
        return Delivery(Outcome.REFUSED, None, "nobody has an address here")

    async def close(self) -> None:
        return None


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with time_skipping() as environment:
        yield environment.client


def worker(client: Client, database: Database) -> Worker:
    notices = Notices(database, NobodyThere(), "duecourse@ours.test", "ours.test", "http://duecourse.test")
    policies = PolicyBook(database, LetterBook())
    effects = CaseEffects(Ledger(database), policies, DelegationBook(database), notices, Clock.real_life())
    activities: list[Callable[..., Any]] = [Recording(CaseBook(database)).record, effects.notify]
    return Worker(client, task_queue=ids.TASK_QUEUE, workflows=[Approval], activities=activities)


async def ask(client: Client, number: int) -> str:
    """An approval of a credit note of EUR 25, which one manager may sign; no worker has seen it yet."""
    case = f"dispute:{uuid4().hex[:8]}:1"
    opening = ApprovalOpening(
        number=number, account_id="A-1", question=Question(matter=Matter.CREDIT_NOTE, amount=2_500, currency="EUR"), requester="ben",
        subject=Subject(case_id=case), matrix=MatrixSnapshot.of(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX))),
        clock=Clock.real_life(),
    )  # fmt: skip
    approval = ids.approval_case(case, number)
    await client.start_workflow(APPROVAL, opening, id=approval, task_queue=ids.TASK_QUEUE)
    return approval


def decision(number: int) -> Decision:
    verdict = list(Verdict)[number % len(Verdict)]
    return Decision(
        act_id=f"act-{number}", actor=f"anna-{number}", role=Role.COLLECTIONS_MANAGER, verdict=verdict, note_id=f"note:{number}",
        channel=Channel.API,
    )  # fmt: skip


def decided(database: Database, approval: str) -> list[tuple[str, str]]:
    """(kind, actor) of what people did to it."""
    kinds = ("approval.signed", "approval.rejected", "approval.returned", "act.refused")
    return [(line.kind, line.actor) for line in case_history(database, approval) if line.kind in kinds]


async def test_decisions_posted_while_no_worker_runs_are_each_applied_once(client: Client, database: Database) -> None:
    approvals = [await ask(client, 1) for _ in range(APPROVALS)]
    cases = TemporalCases(client, IMPATIENT)
    for _ in range(2):
        posted = await asyncio.gather(*(cases.act_on(approval, decision(number)) for number, approval in enumerate(approvals)))
        assert posted == [WillBeApplied(f"act-{number}") for number in range(APPROVALS)]
    async with worker(client, database):
        await asyncio.gather(*(client.get_workflow_handle(approval).result() for approval in approvals))
    words = {Verdict.APPROVE: "approval.signed", Verdict.REJECT: "approval.rejected", Verdict.RETURN: "approval.returned"}
    for number, approval in enumerate(approvals):
        assert decided(database, approval) == [(words[decision(number).verdict], f"anna-{number}")]


async def test_of_two_decisions_that_waited_the_first_counts_and_the_other_is_journalled_as_refused(
    client: Client, database: Database
) -> None:
    approval = await ask(client, 1)
    cases = TemporalCases(client, IMPATIENT)
    for number in (0, 1):
        assert isinstance(await cases.act_on(approval, decision(number)), WillBeApplied)
    async with worker(client, database):
        await client.get_workflow_handle(approval).result()
    assert decided(database, approval) == [("approval.signed", "anna-0"), ("act.refused", "anna-1")]
