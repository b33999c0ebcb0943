"""No decision is lost: what is posted while no worker runs waits, and is applied once when one does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.case_effects import CaseEffectActivities
from activities.case_recording import CaseRecordingActivities
from adapters.cases.approval_facts import ApprovalFactsLoader
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.identity.delegation_store import DelegationStore
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeSender
from adapters.notifications.staff_notifier import StaffNotifier
from adapters.notifications.waiting_notices import WaitingNoticeStore
from adapters.policies.policy_store import PolicyStore
from adapters.read_model.journal import list_case_history
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.temporal.case_commands import CommandQueued, TemporalCaseCommands
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict, DecideApproval, DecisionChannel
from domain.approval.result import ApprovalSubject
from domain.approval.workflow_input import ApprovalInput
from domain.clock import Clock
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from tests.api.portfolio_world import STANDARD
from tests.patience import PATIENCE
from tests.time_skipping import time_skipping
from workflows.approval import Approval

MATRIX = STANDARD.with_name("approvals.yaml")
IMPATIENT = 1.0
"""Seconds for a worker, where none is. The server has all the time that it needs."""
APPROVALS = 30


class NobodyThere:
    """A mailer that nothing is given to: no user has an address."""

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        return DeliveryResult(DeliveryOutcome.REFUSED, None, "nobody has an address here")

    async def close(self) -> None:
        return None


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with time_skipping() as environment:
        yield environment.client


def worker(client: Client, database: Database) -> Worker:
    notices = NoticeSender(database, NobodyThere(), "duecourse@ours.test", "ours.test", "http://duecourse.test", Clock.real_time())
    notifier = StaffNotifier(notices, DigestStore(database), WaitingNoticeStore(database), SetAsideStore(database))
    policies = PolicyStore(database, LetterTemplates())
    effects = CaseEffectActivities(Ledger(database), policies, notifier, Clock.real_time(), BookingsByHand(database))
    approvals = ApprovalActivities(policies, DelegationStore(database), ApprovalFactsLoader(database))
    activities: list[Callable[..., Any]] = [CaseRecordingActivities(CaseStore(database)).record, effects.notify, approvals.review_decision]
    return Worker(client, task_queue=ids.TASK_QUEUE, workflows=[Approval], activities=activities)


async def ask(client: Client, number: int) -> str:
    """An approval of a credit note of EUR 25, which one manager may sign; no worker has seen it yet."""
    case = f"dispute:{uuid4().hex[:8]}:1"
    opening = ApprovalInput(
        number=number,
        account_id="A-1",
        question=ApprovalRequest(matter=ApprovalType.CREDIT_NOTE, amount=2_500, currency="EUR"),
        requester="ben",
        subject=ApprovalSubject(case_id=case),
        matrix=MatrixSnapshot.from_matrix(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX))),
        clock=Clock.real_time(),
    )
    approval = ids.approval_case_id(case, number)
    await client.start_workflow(ids.WorkflowName.APPROVAL, opening, id=approval, task_queue=ids.TASK_QUEUE)
    return approval


def decision(number: int) -> DecideApproval:
    verdict = list(ApprovalVerdict)[number % len(ApprovalVerdict)]
    return DecideApproval(
        act_id=f"act-{number}",
        actor=f"anna-{number}",
        role=Role.COLLECTIONS_MANAGER,
        verdict=verdict,
        note_id=f"note:{number}",
        channel=DecisionChannel.API,
    )


def decided(database: Database, approval: str) -> list[tuple[str, str]]:
    """(kind, actor) of what people did to it."""
    kinds = ("approval.signed", "approval.rejected", "approval.returned", "act.refused")
    return [(line.kind, line.actor) for line in list_case_history(database, approval) if line.kind in kinds]


async def test_decisions_posted_while_no_worker_runs_are_each_applied_once(client: Client, database: Database) -> None:
    approvals = [await ask(client, 1) for _ in range(APPROVALS)]
    cases = TemporalCaseCommands(client, IMPATIENT, PATIENCE)
    for _ in range(2):
        posted = await asyncio.gather(*(cases.submit_command(approval, decision(number)) for number, approval in enumerate(approvals)))
        assert posted == [CommandQueued(f"act-{number}") for number in range(APPROVALS)]
    async with worker(client, database):
        await asyncio.gather(*(client.get_workflow_handle(approval).result() for approval in approvals))
    words = {
        ApprovalVerdict.APPROVE: "approval.signed",
        ApprovalVerdict.REJECT: "approval.rejected",
        ApprovalVerdict.RETURN: "approval.returned",
    }
    for number, approval in enumerate(approvals):
        assert decided(database, approval) == [(words[decision(number).verdict], f"anna-{number}")]


async def test_of_two_decisions_that_waited_the_first_counts_and_the_other_is_journalled_as_refused(
    client: Client, database: Database
) -> None:
    approval = await ask(client, 1)
    cases = TemporalCaseCommands(client, IMPATIENT, PATIENCE)
    for number in (0, 1):
        assert isinstance(await cases.submit_command(approval, decision(number)), CommandQueued)
    async with worker(client, database):
        await client.get_workflow_handle(approval).result()
    assert decided(database, approval) == [("approval.signed", "anna-0"), ("act.refused", "anna-1")]
