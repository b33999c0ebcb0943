"""The embedded Temporal server: found or started, its histories kept, its schedules put once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, ScheduleOverlapPolicy

from adapters.temporal.case_commands import TemporalCaseCommands
from adapters.temporal.client import TemporalUnreachableError, connect_client, set_history_retention
from adapters.temporal.embedded_server import PortInUseError, TemporalServer, TemporalStartError, _EndedAtOnceError, require_free_port
from adapters.temporal.schedules import trigger_billing_sync, upsert_schedules
from domain import identifiers as ids
from domain.clock import Clock
from domain.identifiers import SEARCH_ATTRIBUTES
from tests.patience import wait_until

REAL_LIFE = Clock.real_time()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLAYED = Clock(real_anchor=NOW, business_anchor=NOW, day_seconds=120)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    server = await TemporalServer.find_or_start(tmp_path_factory.mktemp("temporal"), "duecourse")
    yield server
    await server.stop()


@pytest.fixture(scope="module")
async def client(server: TemporalServer) -> Client:
    return await connect_client(server.address, "duecourse")


async def test_a_data_folder_that_is_served_gets_no_second_server(server: TemporalServer) -> None:
    found = await TemporalServer.find_or_start(server.data_dir, "duecourse")

    assert found.address == server.address
    assert not found.is_own
    await found.stop()
    assert await connect_client(server.address, "duecourse"), "a server that is not ours goes on"


async def test_closed_histories_are_kept_for_as_long_as_was_asked(client: Client) -> None:
    await set_history_retention(client, 3_650)

    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="duecourse"))
    assert answer.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=3_650)


async def test_the_search_attributes_are_registered(client: Client) -> None:
    answer = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="duecourse"))

    assert set(SEARCH_ATTRIBUTES) <= set(answer.custom_attributes)


@pytest.mark.parametrize(
    ("clock", "correspondence", "billing"),
    [(PLAYED, timedelta(seconds=5), timedelta(seconds=5)), (REAL_LIFE, timedelta(minutes=1), timedelta(seconds=15))],
)
async def test_schedules_are_put_once_and_follow_the_clock(
    client: Client, clock: Clock, correspondence: timedelta, billing: timedelta
) -> None:
    await upsert_schedules(client, clock)
    await upsert_schedules(client, clock)

    for schedule_id, every in ((ids.CORRESPONDENCE_RUN_ID, correspondence), (ids.BILLING_SYNC_ID, billing)):
        schedule = (await client.get_schedule_handle(schedule_id).describe()).schedule
        assert [interval.every for interval in schedule.spec.intervals] == [every]
        assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert await trigger_billing_sync(client)


async def test_the_api_asks_for_the_same_run_as_the_schedule_and_never_for_a_second_one_beside_it(client: Client) -> None:
    await upsert_schedules(client, REAL_LIFE)
    schedule = client.get_schedule_handle(ids.BILLING_SYNC_ID)
    await schedule.pause()
    before = (await schedule.describe()).info.num_actions

    for _ in range(2):
        await TemporalCaseCommands(client).trigger_billing_sync()

    async def is_running() -> bool:
        return bool((await schedule.describe()).info.running_actions)

    await wait_until(is_running, "the run that was asked for")
    described = (await schedule.describe()).info
    assert described.num_actions - before <= 1
    runs = [run.id async for run in client.list_workflows(f"WorkflowType = '{ids.WorkflowName.BILLING_SYNC}'")]
    assert all(run.startswith(f"{ids.BILLING_SYNC_ID}-") for run in runs)
    await schedule.unpause()


async def test_nobody_at_the_address_is_a_sentence() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with pytest.raises(TemporalUnreachableError, match="DUECOURSE_TEMPORAL_ADDRESS"):
            await connect_client(f"127.0.0.1:{unheard.getsockname()[1]}", "duecourse", seconds=2)


class Unlucky(TemporalServer):
    """The first ports that it finds free are taken when it listens."""

    tried: ClassVar[list[int]] = []
    luck_comes_after = 0

    async def _start_process(self) -> None:
        self.tried.append(self._port)
        if len(self.tried) <= self.luck_comes_after:
            raise _EndedAtOnceError("ended")


@pytest.mark.parametrize(("taken", "port", "tries"), [(2, None, 3), (3, None, 3), (1, 20_000, 1)])
async def test_a_free_port_that_another_program_takes_meanwhile_is_exchanged_and_a_set_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, port: int | None, tries: int
) -> None:
    monkeypatch.setattr(Unlucky, "tried", [])
    monkeypatch.setattr(Unlucky, "luck_comes_after", taken)
    if taken == tries:
        with pytest.raises(TemporalStartError):
            await Unlucky.find_or_start(tmp_path, "duecourse", port)
    else:
        await Unlucky.find_or_start(tmp_path, "duecourse", port)
    assert len(Unlucky.tried) == tries


async def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        with pytest.raises(PortInUseError, match=f"port {port} is in use"):
            await TemporalServer.find_or_start(tmp_path, "duecourse", port)
        with pytest.raises(PortInUseError, match="another port with --port"):
            require_free_port(port, "--port")

    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 a look at a local folder
