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

from activities.case_effects import CaseEffects
from activities.case_recording import Recording
from adapters.cases.case_store import CaseBook
from adapters.database.engine import Database
from adapters.identity.delegation_store import DelegationBook
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterBook
from adapters.notifications.staff_notices import Notices
from adapters.policies.policy_store import PolicyBook
from adapters.read_model.journal import case_history
from adapters.temporal.case_commands import ActRefused, CaseAlreadyOpen, CasesUnreachable, TemporalCases, WillBeApplied
from adapters.temporal.case_start import Beginning
from adapters.temporal.data_converter import CONVERTER
from adapters.temporal.handler_names import SIGNALS, UPDATES
from domain import identifiers as ids
from domain.case.command import Receipt
from domain.clock import Clock
from domain.credit_review.commands import Ability, CloseReview, GiveVerdict, Reason, ReferAccount, Willingness
from domain.credit_review.workflow_input import CREDIT_REVIEW, CreditReviewOpening
from tests.api.portfolio_world import World
from tests.api.test_queued_decisions import NobodyThere
from tests.time_skipping import time_skipping
from worker import WORKFLOWS
from workflows.credit_review import CreditReview

IMPATIENT = 1.0


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with time_skipping() as environment:
        yield environment.client


@pytest.fixture
async def beginning(client: Client, database: Database) -> AsyncIterator[Beginning]:
    """The credit review of an account that has none; no worker runs."""
    account = World(database).account(f"A-{uuid4().hex[:8]}")
    opening = CreditReviewOpening(account_id=account, clock=Clock.real_life())
    yield Beginning(CREDIT_REVIEW, ids.credit_review_case(account), opening, account, "maria")
    with suppress(RPCError):
        await client.get_workflow_handle(ids.credit_review_case(account)).terminate()


def worker(client: Client, database: Database) -> Worker:
    notices = Notices(database, NobodyThere(), "duecourse@ours.test", "ours.test", "http://duecourse.test")
    policies = PolicyBook(database, LetterBook())
    effects = CaseEffects(Ledger(database), policies, DelegationBook(database), notices, Clock.real_life())
    activities: list[Callable[..., Any]] = [Recording(CaseBook(database)).record, effects.notify]
    return Worker(client, task_queue=ids.TASK_QUEUE, workflows=[CreditReview], activities=activities)


def referral(act_id: str = "act-1") -> ReferAccount:
    return ReferAccount(act_id=act_id, actor="maria", reason=Reason.COLLECTOR)


def kinds(database: Database, beginning: Beginning) -> list[str]:
    return [line.kind for line in case_history(database, beginning.case_id)]


async def test_an_act_begins_its_case_and_the_next_one_joins_it(client: Client, database: Database, beginning: Beginning) -> None:
    cases = TemporalCases(client)
    async with worker(client, database):
        first = await cases.act_or_begin(beginning, referral())
        again = await cases.act_or_begin(beginning, referral())
        second = await cases.act_or_begin(beginning, referral("act-2"))
    assert (first, again, second) == (
        Receipt(act_id="act-1", seq=1), Receipt(act_id="act-1", seq=1), Receipt(act_id="act-2", seq=2),
    )  # fmt: skip
    assert kinds(database, beginning) == ["credit_review.referred", "credit_review.referred"]


async def test_without_a_worker_the_case_and_its_act_wait_and_count_once(
    client: Client, database: Database, beginning: Beginning
) -> None:  # fmt: skip
    for _ in range(2):
        assert await TemporalCases(client, IMPATIENT).act_or_begin(beginning, referral()) == WillBeApplied("act-1")
    async with worker(client, database):
        again = await TemporalCases(client).act_or_begin(beginning, referral())
    assert isinstance(again, Receipt)
    assert kinds(database, beginning) == ["credit_review.referred"]


async def test_what_the_case_refuses_comes_in_its_words(client: Client, database: Database, beginning: Beginning) -> None:
    verdict = GiveVerdict(act_id="act-2", actor="kim", ability=Ability.ABLE, willingness=Willingness.UNWILLING)
    async with worker(client, database):
        await TemporalCases(client).act_or_begin(beginning, referral())
        with pytest.raises(ActRefused, match="needs a date for its next review"):
            await TemporalCases(client).act_or_begin(beginning, verdict)
    assert kinds(database, beginning) == ["credit_review.referred"]


async def test_after_its_end_an_act_begins_another_case_of_the_account(client: Client, database: Database, beginning: Beginning) -> None:
    cases = TemporalCases(client)
    async with worker(client, database):
        await cases.act_or_begin(beginning, referral())
        await cases.act_on(beginning.case_id, CloseReview(act_id="act-2", actor="kim"))
        await client.get_workflow_handle(beginning.case_id).result()
        await cases.act_or_begin(beginning, referral("act-3"))
    assert kinds(database, beginning) == ["credit_review.referred", "credit_review.ended", "credit_review.referred"]


async def test_a_case_is_begun_once_by_an_act_and_by_no_other(client: Client, database: Database, beginning: Beginning) -> None:
    cases = TemporalCases(client)
    async with worker(client, database):
        for _ in range(2):
            assert await cases.begin(beginning, "act-1") == Receipt(act_id="act-1")
        with pytest.raises(CaseAlreadyOpen):
            await cases.begin(beginning, "act-2")


async def test_a_case_that_no_worker_takes_up_is_begun_all_the_same(client: Client, beginning: Beginning) -> None:
    cases = TemporalCases(client, IMPATIENT)
    assert await cases.begin(beginning, "act-1") == WillBeApplied("act-1")
    description = await client.get_workflow_handle(beginning.case_id).describe()
    found = {pair.key.name: pair.value for pair in description.typed_search_attributes.search_attributes}
    assert found == {"DuecourseAccount": beginning.account_id, "DuecourseCollector": "maria"}


async def test_when_nothing_gets_through_nothing_is_claimed(beginning: Beginning) -> None:
    nobody = await Client.connect("127.0.0.1:1", lazy=True, data_converter=CONVERTER)
    with pytest.raises(CasesUnreachable):
        await TemporalCases(nobody, 0.2).begin(beginning, "act-1")
    with pytest.raises(CasesUnreachable):
        await TemporalCases(nobody, 0.2).act_or_begin(beginning, referral())


def test_every_act_has_an_update_and_a_signal_that_some_workflow_takes() -> None:
    definitions = [workflow._Definition.must_from_class(each) for each in WORKFLOWS]
    for act in UPDATES:
        takers = [each for each in definitions if UPDATES[act] in each.updates and SIGNALS[act] in each.signals]
        assert takers, act.__name__
        for taker in takers:
            taken = [taker.updates[UPDATES[act]].arg_types, taker.signals[SIGNALS[act]].arg_types]
            assert [act] in taken or act.__name__ not in str(taken), (act.__name__, taken)
