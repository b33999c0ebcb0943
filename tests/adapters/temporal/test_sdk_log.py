"""The Temporal SDK's own log lines go where all others go."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.runtime import Runtime
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer
from adapters.temporal.sdk_log import forward_sdk_log


@workflow.defn
class Stumbling:
    """Fails its workflow task, of which the SDK warns."""

    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("on purpose")


@pytest.fixture
def restored_runtime() -> Iterator[None]:
    before = Runtime.default()
    yield
    Runtime.set_default(before, error_if_already_set=False)
    forward_sdk_log.cache_clear()


@pytest.mark.usefixtures("restored_runtime")
async def test_what_the_sdk_warns_of_is_in_our_log_and_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    forward_sdk_log()
    server = await TemporalServer.find_or_start(tmp_path, "duecourse")
    client = await connect_client(server.address, "duecourse")

    async with Worker(client, task_queue="stumbling", workflows=[Stumbling], workflow_runner=UnsandboxedWorkflowRunner()):
        await client.start_workflow(Stumbling.run, id="stumbling", task_queue="stumbling")
        async with asyncio.timeout(30):
            while not (lines := [record for record in caplog.records if record.name == "temporalio.sdk"]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await client.get_workflow_handle("stumbling").terminate()
    await server.stop()

    assert (lines[0].levelno, "sdk_core" in lines[0].getMessage()) == (logging.WARNING, True)
    assert "sdk_core" not in "".join(capfd.readouterr())
