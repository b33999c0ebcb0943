"""Sixty malformed signals to every kind of case that takes any: each is journalled as refused, none wedges a case, and all replays."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import pytest
from pydantic import TypeAdapter
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.worker import Worker

from activities.case_recording import CaseRecordingActivities
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.cases.case_store import CaseStore
from domain import identifiers as ids
from domain.audit.replay_report import RunSource
from domain.billing.billing_events import BillingEvent, BillingEventKind
from domain.billing.reduction_kind import ReductionKind
from domain.case.countable import LARGEST_SUM
from domain.case.handler_names import QueryName, SignalName
from domain.case.workflow_input import Recovery
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.credit_request.commands import RequestCredit
from domain.credit_review.commands import ReferAccount, ReferralReason
from domain.credit_review.workflow_input import CreditReviewInput
from domain.erasure.commands import EraseAccount
from domain.erasure.workflow_input import ErasureInput
from domain.invoice.commands import AddNote, CallOutcome, LogCall, MakePromise
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.workflow_input import PolicyAdoptionInput
from domain.timeline.holds import Hold, HoldKind
from tests.time_skipping_play import fetch_history_at_rest
from tests.workflows.account_commands import AccountCommands
from tests.workflows.chain_assertions import assert_whole_chain, find_last_head
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.conftest import shared_environment
from tests.workflows.dispute_commands import next_act_id
from worker import WORKFLOWS, build_case_checker
from workflows.account_erasure import Erasing
from workflows.account_suspension import AccountSuspension
from workflows.approval import Approval
from workflows.credit_request import CreditRequest
from workflows.credit_review import CreditReview
from workflows.dispute import Dispute
from workflows.invoice_collection import InvoiceCollection
from workflows.payment_plan import PaymentPlan
from workflows.policy_adoption import PolicyAdoption
from workflows.write_off import WriteOff

__all__ = ["shared_environment"]

SIGNALS, BURST = 60, 500
KINDS = (
    InvoiceCollection,
    Dispute,
    Approval,
    PaymentPlan,
    CreditReview,
    AccountSuspension,
    WriteOff,
    CreditRequest,
    Erasing,
    PolicyAdoption,
)
RESUMED = frozenset(KINDS) - {Erasing}
"""An erasure is over as soon as it is asked for."""

FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
Malformed = tuple[str, list[Any]]


def raw(data: bytes, encoding: bytes | None = b"json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding} if encoding else {}, data=data))


VALUES: tuple[Any, ...] = (
    {"nothing": "of this"},
    [["a list"]],
    1.5,
    None,
    {"act_id": ["a"], "actor": {}, "facts": 7, "version": "one"},
    raw(b"{"),
    raw(b"\xff\xfe{}"),
    raw(b"[" * 20_000),
    raw(b'{"act_id": "\\ud800"}'),
    raw(b"\x00\x01", b"binary/plain"),
    raw(b"{}", b"json/protobuf"),
    raw(b"{}", b"binary/encrypted"),
    raw(b"{}", None),
)
"""None of them is a value that any signal takes."""

CLOCKS = (
    Clock(real_anchor=datetime(2013, 1, 1, tzinfo=UTC), business_anchor=datetime(9999, 12, 31, tzinfo=UTC)),
    Clock(real_anchor=datetime(1, 1, 1, tzinfo=UTC), business_anchor=datetime(1, 1, 1, tzinfo=UTC)),
    Clock(real_anchor=datetime(2013, 1, 1, tzinfo=UTC), business_anchor=datetime(2013, 1, 1, tzinfo=UTC), day_seconds=1e-300),
    Clock(real_anchor=datetime(1970, 1, 2, tzinfo=UTC), business_anchor=datetime(2990, 1, 1, tzinfo=UTC)),
    Clock(real_anchor=datetime(2013, 1, 1, tzinfo=UTC), business_anchor=datetime(1969, 1, 1, tzinfo=UTC), paused=True),
)
NEVER, LAST = datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(9999, 12, 31).date()


def absurd_signals(kind: type, facts: Any) -> Iterator[Malformed]:
    """Values of the right type with which no case can count."""
    for clock in CLOCKS:
        yield SignalName.CLOCK_SET, [clock]
    if SignalName.COLLECTOR_IS in signals_of(kind):
        yield from ((SignalName.COLLECTOR_IS, [name]) for name in ("n" * 3_000, "a\0b"))
    if SignalName.LETTER_NEWS in signals_of(kind):
        yield SignalName.LETTER_NEWS, [LetterOutcome(step="reminder", attempt=1, fate=LetterResult.SENT, at=NEVER, on=LAST)]
    if kind is InvoiceCollection:
        event = BillingEvent(event_id="e", kind=BillingEventKind.PAYMENT_RECEIVED, occurred_at=NEVER, facts=facts, amount=1)
        later = facts.model_copy(update={"version": facts.version + 1, "due_date": LAST})
        yield SignalName.BILLING_EVENT, [event]
        yield SignalName.BILLING_EVENT, [event.model_copy(update={"amount": LARGEST_SUM + 1, "occurred_at": CLOCKS[2].real_anchor})]
        yield SignalName.BILLING_EVENT, [event.model_copy(update={"facts": later, "occurred_at": CLOCKS[2].real_anchor})]
        yield SignalName.HOLD_PLACED, [Hold(hold_id="h", kind=HoldKind.PAUSE, since=NEVER, until=NEVER)]
        yield SignalName.HOLD_LIFTED, ["a\0b"]
        yield SignalName.PROMISE_MADE, [MakePromise(act_id="p", actor="mia", amount=1, by=LAST)]
        yield SignalName.CALL_LOGGED, [LogCall(act_id="c", actor="mia", outcome=CallOutcome.REACHED, again_on=LAST)]
        yield SignalName.ADOPT_POLICY, [PolicySnapshot(name="standard", version=9, text="{no policy")]


def signals_of(kind: type) -> dict[str, list[type]]:
    known = workflow._Definition.must_from_class(kind).signals
    return {name: signal.arg_types or [] for name, signal in known.items() if name}


def untyped_signals(kind: type) -> Iterator[Malformed]:
    """Every signal of the kind with too few and too many values, and with those of every wrong type; and signals that nobody knows."""
    yield from (("a_signal_that_nobody_knows", values) for values in ([], [{"nothing": 1}]))
    known = signals_of(kind)
    for values in ([None, None], *([value] for value in VALUES), []):
        yield from ((name, values) for name, types in sorted(known.items()) if values not in ([], [None]) or types != [type(None)])


def malformed_signals(kind: type, facts: Any) -> list[Malformed]:
    """Spread over all signals of the kind and over all that can be wrong with them."""
    absurd, untyped = list(absurd_signals(kind, facts)), list(untyped_signals(kind))
    step = max(1, len(untyped) // (SIGNALS - len(absurd)))
    chosen = list(islice(chain(absurd, untyped[::step], untyped), SIGNALS))
    assert len(chosen) == SIGNALS
    return chosen


class Target:
    """A case at which signals are aimed. `go_on` asks something of it that it must do afterwards."""

    def __init__(self, kind: type, handle: WorkflowHandle[Any, Any], go_on: Callable[[], Any] | None = None) -> None:
        self.kind, self.handle, self.go_on = kind, handle, go_on


async def build_targets(environment: CollectionEnvironment) -> list[Target]:
    """One running case of each kind; those that begin with a person's act have not heard it yet."""
    cases, client, clock = AccountCommands(environment), environment.play.client, environment.play.parts.clock
    (contested, planned, watched, lost, credited), _ = await cases.open_overdue_invoices("HOSTILE", 40, *["100.00"] * 5)
    invoice, monday = await environment.open_reminded_invoice(account="APART")
    plan = await cases.propose_plan("HOSTILE", planned, first_on=monday + 9 * DAY)
    loader = cases.case_input_loader
    facts = environment.play.parts.billing.get_invoice_facts(credited)

    async def start(kind: Any, opening: Any, case_id: str) -> WorkflowHandle[Any, Any]:
        return await client.start_workflow(kind.run, opening, id=case_id, task_queue=ids.TASK_QUEUE)

    write_off = loader.load_write_off_input("HOSTILE").model_copy(update={"handed_over": loader.load_claims("HOSTILE", [lost])})
    request = await start(CreditRequest, loader.load_credit_request_input("HOSTILE", credited), ids.credit_request_case_id(credited))
    erasure = await start(Erasing, ErasureInput(account_id="HOSTILE", clock=clock, separates_tasks=True), ids.erasure_case_id("HOSTILE"))
    adoption = await start(
        PolicyAdoption, PolicyAdoptionInput(policy="standard", clock=clock, separates_tasks=True), ids.policy_adoption_case_id("standard")
    )
    credit = RequestCredit(
        act_id=next_act_id(), actor="bea", reduction=ReductionKind.CREDIT_NOTE, amount=100, facts=facts, note_id="note:1"
    )
    adopt = RequestPolicyAdoption(act_id=next_act_id(), actor="mira", policy=loader.load_policy("HOSTILE"), invoices=1)
    erase = EraseAccount(act_id=next_act_id(), actor="adam", account_id="HOSTILE")
    return [
        Target(InvoiceCollection, environment.case(invoice)),
        Target(Dispute, cases.dispute_handle(await cases.raise_dispute(contested, amount=4_000))),
        Target(PaymentPlan, cases.plan_handle(plan)),
        Target(Approval, cases.approval_handle(await cases.wait_for_approval(plan))),
        Target(AccountSuspension, client.get_workflow_handle(await cases.request_suspension("HOSTILE", watched))),
        Target(CreditReview, client.get_workflow_handle(await cases.refer_account("HOSTILE"))),
        Target(WriteOff, await start(WriteOff, write_off, ids.write_off_case_id("HOSTILE"))),
        Target(CreditRequest, request, lambda: request.execute_update(CreditRequest.request_credit, credit)),
        Target(Erasing, erasure, lambda: erasure.execute_update(Erasing.erase, erase)),
        Target(PolicyAdoption, adoption, lambda: adoption.execute_update(PolicyAdoption.adopt, adopt)),
    ]


@pytest.fixture(scope="module")
async def targets(shared_environment: CollectionEnvironment) -> AsyncIterator[list[Target]]:
    """After every case was sent its sixty, and something that it has to do all the same."""
    aimed = await build_targets(shared_environment)
    facts = shared_environment.play.parts.billing.get_invoice_facts(aimed[0].handle.id.removeprefix("invoice:"))

    async def attack(target: Target) -> None:
        for name, values in malformed_signals(target.kind, facts):
            await target.handle.signal(name, args=values)
        await target.handle.signal(SignalName.CLOCK_SET, shared_environment.play.parts.clock)
        if target.go_on:
            await target.go_on()

    with shared_environment.play.environment.auto_time_skipping_disabled():
        await asyncio.gather(*map(attack, aimed))
        yield aimed


def test_every_kind_of_case_that_takes_signals_is_tried() -> None:
    assert set(KINDS) == {kind for kind in WORKFLOWS if signals_of(kind)}


def test_what_is_sent_untyped_is_of_no_type_that_a_signal_takes() -> None:
    hints = [hint for kind in KINDS for types in signals_of(kind).values() for hint in types]
    taken: dict[str, TypeAdapter[Any]] = {str(hint): TypeAdapter(hint) for hint in hints}
    for name, adapter in taken.items():
        for value in VALUES:
            if not isinstance(value, RawValue):
                if value is None and name == str(type(None)):
                    continue
                with pytest.raises(ValueError):
                    adapter.validate_python(value)


async def test_sixty_malformed_signals_are_refused_by_each_case_and_it_goes_on(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    assert {target.kind for target in targets} == set(KINDS)
    cases = AccountCommands(shared_environment)
    for target in targets:
        case_id = target.handle.id
        await cases.wait_for_entries(case_id, "clock.set")
        refused = cases.entry_facts(case_id, "signal.refused")
        sent = sorted(name for name, _ in malformed_signals(target.kind, facts_of(shared_environment, targets)))
        assert sorted(str(facts["what"]) for facts in refused) == sent, case_id
        assert all(facts["reason"] for facts in refused)
        assert cases.entry_kinds(case_id).count("clock.set") == 1
        await fetch_history_at_rest(target.handle)
        assert (await target.handle.query(QueryName.SNAPSHOT))["case_id"] == case_id


def facts_of(environment: CollectionEnvironment, targets: list[Target]) -> Any:
    return environment.play.parts.billing.get_invoice_facts(targets[0].handle.id.removeprefix("invoice:"))


async def test_no_workflow_task_failed_and_every_chain_and_replay_is_whole(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    cases = AccountCommands(shared_environment)
    for target in targets:
        await cases.wait_for_entries(target.handle.id, "clock.set")
        history = await fetch_history_at_rest(target.handle)
        assert [event for event in history.events if event.event_type == FAILED] == []
        row = shared_environment.case_row(target.handle.id)
        assert assert_whole_chain(shared_environment.database, row) == find_last_head(history)
        (result,) = await HistoryReplayer(WORKFLOWS).replay([RunHistory(row.case_id, history.run_id, RunSource.LIVE, history)])
        assert result.divergence is None
        entries = [entry for write in result.journal_writes for entry in write.entries or []]
        assert (len(entries), entries[-1].hash) == (row.seq, row.head)


async def test_a_run_of_before_the_guard_that_dropped_a_signal_or_took_an_absurd_one_replays_as_it_was(
    shared_environment: CollectionEnvironment,
) -> None:
    play, case_id = shared_environment.play, ids.credit_review_case_id("OLD")
    opening = CreditReviewInput(account_id="OLD", clock=play.parts.clock, separates_tasks=True)
    referred = ReferAccount(act_id="r", actor="mia", reason=ReferralReason.COLLECTOR)
    outcome = LetterOutcome(step="reminder", attempt=1, fate=LetterResult.SENT, at=NEVER, on=LAST)
    recording = CaseRecordingActivities(CaseStore(shared_environment.database))
    with play.environment.auto_time_skipping_disabled():
        async with Worker(play.client, task_queue="old", workflows=[CreditReview], activities=[recording.record]):
            case = await play.client.start_workflow(CreditReview.run, opening, id=case_id, task_queue="old")
            for name, values in (
                ("nobody_knows_it", []),
                ("referred", [{"nothing": 1}]),
                ("letter_news", [outcome]),
                ("referred", [referred]),
            ):
                await case.signal(name, args=values)
            await AccountCommands(shared_environment).wait_for_entries(case_id, "credit_review.referred")
            history = await fetch_history_at_rest(case)
            await case.terminate()
    (result,) = await HistoryReplayer(WORKFLOWS).replay([RunHistory(case_id, history.run_id, RunSource.LIVE, history)])
    assert result.divergence is None
    kinds = [entry.kind.value for write in result.journal_writes for entry in write.entries or []]
    assert kinds == [kind for kind, _ in play.case_journal(case_id)] == ["letter.sent", "credit_review.referred"]


async def test_an_update_with_malformed_values_fails_and_its_case_goes_on(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    case = targets[0].handle
    absurd = LogCall(act_id="u", actor="mia", outcome=CallOutcome.REACHED, again_on=LAST)
    for values in ([], [None, None], [{"nothing": 1}], [raw(b"{")], [absurd]):
        with pytest.raises(WorkflowUpdateFailedError):
            await case.execute_update("log_call", args=values)
    call = absurd.model_copy(update={"again_on": None})
    assert (await case.execute_update("log_call", call))["act_id"] == "u"


async def test_an_invoice_that_was_sent_malformed_signals_takes_its_next_step(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    invoice = targets[0].handle.id.removeprefix("invoice:")
    due_on = shared_environment.row(invoice).next_on
    assert due_on is not None
    await shared_environment.pass_to(due_on + DAY)
    assert shared_environment.steps(invoice) == ["reminder", "second_reminder"]


async def test_a_burst_of_signals_to_one_case_is_journalled_once_each(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    case, cases = targets[0].handle, AccountCommands(shared_environment)
    notes = [AddNote(act_id=f"burst:{number}", actor="mia", note_id=f"note:{number}") for number in range(BURST)]
    with shared_environment.play.environment.auto_time_skipping_disabled():
        await asyncio.gather(*(case.signal("note_added", note) for note in [*notes, *notes[:50]]))
        await cases.wait_for_entries(case.id, "note.added", BURST)
    assert sorted(str(facts["note"]) for facts in cases.entry_facts(case.id, "note.added")) == sorted(note.note_id for note in notes)


async def test_every_kind_of_case_that_is_terminated_goes_on_from_its_journal(
    shared_environment: CollectionEnvironment, targets: list[Target]
) -> None:
    play, database = shared_environment.play, shared_environment.database
    checker = build_case_checker(play.client, play.parts)
    with play.environment.auto_time_skipping_disabled():
        for target in (target for target in targets if target.kind in RESUMED):
            case_id, before = target.handle.id, shared_environment.case_row(target.handle.id)
            assert before.outcome is None
            await target.handle.terminate("by mistake")
            assert await checker.begin_again(case_id, Recovery(reason="terminated"))
            await AccountCommands(shared_environment).wait_for_entries(case_id, "case.recovered")
            history = await fetch_history_at_rest(play.client.get_workflow_handle(case_id))
            after = shared_environment.case_row(case_id)
            assert (after.stage, after.waiting_for, after.summary) == (before.stage, before.waiting_for, before.summary)
            assert assert_whole_chain(database, after) == find_last_head(history)
            (result,) = await HistoryReplayer(WORKFLOWS).replay([RunHistory(case_id, history.run_id, RunSource.LIVE, history)])
            assert result.divergence is None
