"""Cases that a person's act begins, on real workflows: one case, one act, whether or not a worker runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.case_effects import CaseEffectActivities
from activities.case_recording import CaseRecordingActivities
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterTemplates
from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeSender
from adapters.notifications.staff_notifier import StaffNotifier
from adapters.notifications.waiting_notices import WaitingNoticeStore
from adapters.policies.policy_store import PolicyStore
from adapters.read_model.journal import list_case_history
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.temporal import case_commands
from adapters.temporal.case_commands import CaseAlreadyOpen, CasesUnreachable, CommandQueued, CommandRejected, TemporalCaseCommands
from adapters.temporal.case_start import CaseStart
from adapters.temporal.data_converter import DATA_CONVERTER
from adapters.temporal.handler_names import SIGNAL_NAMES, UPDATE_NAMES
from domain import identifiers as ids
from domain.case.command import CommandReceipt
from domain.clock import Clock
from domain.credit_review.commands import AbilityToPay, CloseCreditReview, GiveCreditVerdict, ReferAccount, ReferralReason, WillingnessToPay
from domain.credit_review.workflow_input import CreditReviewInput
from tests.api.portfolio_world import PortfolioWorld
from tests.api.test_queued_decisions import NobodyThere
from tests.patience import PATIENCE
from tests.time_skipping import time_skipping
from worker import WORKFLOWS
from workflows.credit_review import CreditReview

IMPATIENT = 1.0
"""Seconds for a worker, where none is. The server has all the time that it needs."""


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with time_skipping() as environment:
        yield environment.client


@pytest.fixture
async def beginning(client: Client, database: Database) -> AsyncIterator[CaseStart]:
    """The credit review of an account that has none; no worker runs."""
    account = PortfolioWorld(database).account(f"A-{uuid4().hex[:8]}")
    opening = CreditReviewInput(account_id=account, clock=Clock.real_time())
    yield CaseStart(ids.WorkflowName.CREDIT_REVIEW, ids.credit_review_case_id(account), opening, account, "maria")
    with suppress(RPCError):
        await client.get_workflow_handle(ids.credit_review_case_id(account)).terminate()


def worker(client: Client, database: Database) -> Worker:
    notices = NoticeSender(database, NobodyThere(), "duecourse@ours.test", "ours.test", "http://duecourse.test", Clock.real_time())
    notifier = StaffNotifier(notices, DigestStore(database), WaitingNoticeStore(database), SetAsideStore(database))
    policies = PolicyStore(database, LetterTemplates())
    effects = CaseEffectActivities(Ledger(database), policies, notifier, Clock.real_time(), BookingsByHand(database))
    activities: list[Callable[..., Any]] = [CaseRecordingActivities(CaseStore(database)).record, effects.notify]
    return Worker(client, task_queue=ids.TASK_QUEUE, workflows=[CreditReview], activities=activities)


def referral(act_id: str = "act-1") -> ReferAccount:
    return ReferAccount(act_id=act_id, actor="maria", reason=ReferralReason.COLLECTOR)


def kinds(database: Database, beginning: CaseStart) -> list[str]:
    return [line.kind for line in list_case_history(database, beginning.case_id)]


async def test_an_act_begins_its_case_and_the_next_one_joins_it(client: Client, database: Database, beginning: CaseStart) -> None:
    cases = TemporalCaseCommands(client, PATIENCE)
    async with worker(client, database):
        first = await cases.submit_or_start_case(beginning, referral())
        again = await cases.submit_or_start_case(beginning, referral())
        second = await cases.submit_or_start_case(beginning, referral("act-2"))
    assert (first, again, second) == (
        CommandReceipt(act_id="act-1", seq=1),
        CommandReceipt(act_id="act-1", seq=1),
        CommandReceipt(act_id="act-2", seq=2),
    )
    assert kinds(database, beginning) == ["credit_review.referred", "credit_review.referred"]


async def test_without_a_worker_the_case_and_its_act_wait_and_count_once(client: Client, database: Database, beginning: CaseStart) -> None:
    for _ in range(2):
        assert await TemporalCaseCommands(client, IMPATIENT, PATIENCE).submit_or_start_case(beginning, referral()) == CommandQueued("act-1")
    async with worker(client, database):
        again = await TemporalCaseCommands(client, PATIENCE).submit_or_start_case(beginning, referral())
    assert isinstance(again, CommandReceipt)
    assert kinds(database, beginning) == ["credit_review.referred"]


async def test_what_the_case_refuses_comes_in_its_words(client: Client, database: Database, beginning: CaseStart) -> None:
    verdict = GiveCreditVerdict(act_id="act-2", actor="kim", ability=AbilityToPay.ABLE, willingness=WillingnessToPay.UNWILLING)
    async with worker(client, database):
        await TemporalCaseCommands(client, PATIENCE).submit_or_start_case(beginning, referral())
        with pytest.raises(CommandRejected, match="needs a date for its next review"):
            await TemporalCaseCommands(client, PATIENCE).submit_or_start_case(beginning, verdict)
    assert kinds(database, beginning) == ["credit_review.referred"]


async def test_after_its_end_an_act_begins_another_case_of_the_account(client: Client, database: Database, beginning: CaseStart) -> None:
    cases = TemporalCaseCommands(client, PATIENCE)
    async with worker(client, database):
        await cases.submit_or_start_case(beginning, referral())
        await cases.submit_command(beginning.case_id, CloseCreditReview(act_id="act-2", actor="kim"))
        await client.get_workflow_handle(beginning.case_id).result()
        await cases.submit_or_start_case(beginning, referral("act-3"))
    assert kinds(database, beginning) == ["credit_review.referred", "credit_review.ended", "credit_review.referred"]


async def test_a_case_is_begun_once_by_an_act_and_by_no_other(
    client: Client, database: Database, beginning: CaseStart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_commands, "QUERY_TIMEOUT_SECONDS", PATIENCE)
    cases = TemporalCaseCommands(client, PATIENCE)
    async with worker(client, database):
        for _ in range(2):
            assert await cases.start_case(beginning, "act-1") == CommandReceipt(act_id="act-1")
        with pytest.raises(CaseAlreadyOpen):
            await cases.start_case(beginning, "act-2")


async def test_a_case_that_no_worker_takes_up_is_begun_all_the_same(client: Client, beginning: CaseStart) -> None:
    cases = TemporalCaseCommands(client, IMPATIENT, PATIENCE)
    assert await cases.start_case(beginning, "act-1") == CommandQueued("act-1")
    description = await client.get_workflow_handle(beginning.case_id).describe()
    found = {pair.key.name: pair.value for pair in description.typed_search_attributes.search_attributes}
    assert found == {"DuecourseAccount": beginning.account_id, "DuecourseCollector": "maria"}


async def test_when_nothing_gets_through_nothing_is_claimed(beginning: CaseStart) -> None:
    nobody = await Client.connect("127.0.0.1:1", lazy=True, data_converter=DATA_CONVERTER)
    with pytest.raises(CasesUnreachable):
        await TemporalCaseCommands(nobody, 0.2).start_case(beginning, "act-1")
    with pytest.raises(CasesUnreachable):
        await TemporalCaseCommands(nobody, 0.2).submit_or_start_case(beginning, referral())


def test_every_act_has_an_update_and_a_signal_that_some_workflow_takes() -> None:
    definitions = [workflow._Definition.must_from_class(each) for each in WORKFLOWS]
    for command in UPDATE_NAMES:
        takers = [each for each in definitions if UPDATE_NAMES[command] in each.updates and SIGNAL_NAMES[command] in each.signals]
        assert takers, command.__name__
        for taker in takers:
            taken = [taker.updates[UPDATE_NAMES[command]].arg_types, taker.signals[SIGNAL_NAMES[command]].arg_types]
            assert [command] in taken or command.__name__ not in str(taken), (command.__name__, taken)
