"""The Temporal SDK's own log lines go where all others go, and its figures where ours go."""

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.runtime import Runtime
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.temporal import sdk_telemetry
from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer
from adapters.temporal.sdk_telemetry import forward_sdk_log, measure_sdk, read_sdk_metrics
from tests.patience import Looks

FAILED_TASKS = re.compile(r'^temporal_workflow_task_execution_failed_total\{.*namespace="duecourse".*\} [1-9]', re.MULTILINE)


@workflow.defn
class Stumbling:
    """Fails its workflow task, of which the SDK warns."""

    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("on purpose")


@pytest.fixture
def restored_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = Runtime.default()
    monkeypatch.setattr(sdk_telemetry, "telemetry", sdk_telemetry.SdkTelemetry())
    yield
    Runtime.set_default(before, error_if_already_set=False)


@pytest.mark.usefixtures("restored_runtime")
async def test_what_the_sdk_warns_of_is_in_our_log_and_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    measure_sdk()
    forward_sdk_log()  # which is done
    server = await TemporalServer.find_or_start(tmp_path, "duecourse")
    client = await connect_client(server.address, "duecourse")

    async with Worker(client, task_queue="stumbling", workflows=[Stumbling], workflow_runner=UnsandboxedWorkflowRunner()):
        await client.start_workflow(Stumbling.run, id="stumbling", task_queue="stumbling")
        lines, metrics = list[logging.LogRecord](), ""
        async for _ in Looks():
            lines = [record for record in caplog.records if record.name == "temporalio.sdk"]
            if lines and FAILED_TASKS.search(metrics := await asyncio.to_thread(read_sdk_metrics)):
                break
        await client.get_workflow_handle("stumbling").terminate()
    await server.stop()

    assert (lines[0].levelno, "sdk_core" in lines[0].getMessage()) == (logging.WARNING, True)
    assert "sdk_core" not in "".join(capfd.readouterr())
    assert FAILED_TASKS.search(metrics), metrics
    assert re.search(r"^temporal_request_latency_seconds_bucket", metrics, re.MULTILINE)


@pytest.mark.usefixtures("restored_runtime")
def test_where_no_metrics_are_kept_there_are_none() -> None:
    forward_sdk_log()
    assert read_sdk_metrics() == ""
    sdk_telemetry.telemetry.metrics_url = "http://127.0.0.1:1/metrics"
    assert read_sdk_metrics() == "", "a probe does not fail because the SDK's own page does"
