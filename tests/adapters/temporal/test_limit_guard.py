"""What a Temporal server would refuse is refused before it is asked, in words."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import OutboundInterceptor, SignalWorkflowInput, StartWorkflowInput
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from adapters.temporal.data_converter import DATA_CONVERTER
from adapters.temporal.limit_guard import MAX_EVENTS, SIGNALS_PER_LOOK, ServerLimitGuard
from adapters.temporal.server_limits import (
    MAX_ATTRIBUTE_BYTES,
    MAX_ID_BYTES,
    MAX_PAYLOAD_BYTES,
    CrowdedRunError,
    ServerLimitError,
    check_id,
    check_search_attributes,
)

COLLECTOR = SearchAttributeKey.for_keyword("DuecourseCollector")


class CountingServer:
    """It counts what reaches it. `events`: how many each run has."""

    def __init__(self, events: int = 10) -> None:
        self.events, self.calls = events, list[str]()

    async def start_workflow(self, input: StartWorkflowInput) -> None:
        self.calls.append(input.id)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:
        self.calls.append(input.id)

    async def describe_workflow(self, _: object) -> SimpleNamespace:
        return SimpleNamespace(history_length=self.events)


def guard(server: CountingServer, task_timeout: timedelta | None = None) -> OutboundInterceptor:
    return ServerLimitGuard(task_timeout).intercept_client(cast("OutboundInterceptor", server))


def start(workflow_id: str, **more: Any) -> StartWorkflowInput:
    given: dict[str, Any] = {"id": workflow_id, "search_attributes": None, "start_signal": None}
    return cast("StartWorkflowInput", SimpleNamespace(**given | more))


def signal(workflow_id: str) -> SignalWorkflowInput:
    return cast("SignalWorkflowInput", SimpleNamespace(id=workflow_id, signal="billing_event"))


@pytest.mark.parametrize("text", ["x" * MAX_ID_BYTES, "ü" * (MAX_ID_BYTES // 2)])
def test_an_id_is_measured_in_bytes(text: str) -> None:
    check_id("the workflow's id", text)
    with pytest.raises(ServerLimitError, match=r"1,00[12] bytes"):
        check_id("the workflow's id", text + text[0])


def test_a_search_attribute_may_be_longer_than_an_id() -> None:
    fits = TypedSearchAttributes([SearchAttributePair(COLLECTOR, "x" * MAX_ATTRIBUTE_BYTES)])
    check_search_attributes(fits)
    with pytest.raises(ServerLimitError, match="DuecourseCollector has 2,049 bytes"):
        check_search_attributes(TypedSearchAttributes([SearchAttributePair(COLLECTOR, "x" * (MAX_ATTRIBUTE_BYTES + 1))]))


async def test_nothing_too_long_reaches_the_server() -> None:
    server = CountingServer()
    calls = guard(server)
    await calls.start_workflow(start("invoice:I1"))
    for bad in (start("i" * 1_001), start("invoice:I1", start_signal="s" * 1_001)):
        with pytest.raises(ServerLimitError):
            await calls.start_workflow(bad)
    with pytest.raises(ServerLimitError):
        await calls.signal_workflow(signal("i" * 1_001))
    assert server.calls == ["invoice:I1"]


async def test_arguments_larger_than_the_server_takes_are_refused_when_they_are_encoded() -> None:
    await DATA_CONVERTER.encode(["x" * (MAX_PAYLOAD_BYTES - 1_000)])
    with pytest.raises(ServerLimitError, match="2,097,152"):
        await DATA_CONVERTER.encode(["x" * MAX_PAYLOAD_BYTES])


async def test_a_run_that_cannot_keep_up_gets_no_further_signal_and_others_do() -> None:
    server = CountingServer(events=MAX_EVENTS + 1)
    calls = guard(server)
    for _ in range(SIGNALS_PER_LOOK - 1):
        await calls.signal_workflow(signal("invoice:I1"))
    for _ in range(2):
        with pytest.raises(CrowdedRunError):
            await calls.signal_workflow(signal("invoice:I1"))
    await calls.signal_workflow(signal("invoice:I2"))
    server.events = 10  # it went on in a new run
    await calls.signal_workflow(signal("invoice:I1"))
    assert server.calls.count("invoice:I1") == SIGNALS_PER_LOOK


@pytest.mark.parametrize(("given", "set_to"), [(None, 30), (timedelta(seconds=3), 3)])
async def test_what_is_started_has_the_clients_time_for_its_tasks_unless_it_has_its_own(given: timedelta | None, set_to: int) -> None:
    starting = start("invoice:I1", task_timeout=given)
    await guard(CountingServer(), timedelta(seconds=30)).start_workflow(starting)
    assert starting.task_timeout == timedelta(seconds=set_to)
