"""Connect to a Temporal server, and what applies to all its open cases."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest, UpdateNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from adapters.loopback import LOOPBACK_HOSTS
from adapters.set_aside.each import try_each
from adapters.temporal.connection_faults import describe_connection_fault
from adapters.temporal.data_converter import DATA_CONVERTER
from adapters.temporal.limit_guard import ServerLimitGuard
from adapters.temporal.transport_security import TransportSecurity
from domain.case.handler_names import SignalName
from domain.clock import Clock
from domain.errors import OperatingError
from domain.identifiers import TASK_QUEUE, WorkflowName

CONNECT_SECONDS = 10.0
POLLS_AT_LEAST_EVERY = timedelta(seconds=90)
"""A poll that nothing answers lasts for a minute; then the worker begins the next."""

CASE_WORKFLOWS = (
    WorkflowName.INVOICE_COLLECTION,
    WorkflowName.DISPUTE,
    WorkflowName.APPROVAL,
    WorkflowName.PAYMENT_PLAN,
    WorkflowName.CREDIT_REVIEW,
    WorkflowName.ACCOUNT_SUSPENSION,
    WorkflowName.WRITE_OFF,
    WorkflowName.ERASING,
    WorkflowName.POLICY_ADOPTION,
    WorkflowName.CREDIT_REQUEST,
)
_CASE_WORKFLOW_LIST = ", ".join(repr(name.value) for name in CASE_WORKFLOWS)
OPEN_CASES_QUERY = f"WorkflowType IN ({_CASE_WORKFLOW_LIST}) AND ExecutionStatus='{WorkflowExecutionStatus.RUNNING.name.title()}'"


class TemporalUnreachableError(OperatingError):
    """No server answers at the Temporal address, or it and Duecourse do not trust each other."""


class TemporalAbsentError(TemporalUnreachableError):
    """Nobody answers at the Temporal address: it may not be up yet."""


class RetentionError(OperatingError):
    """The server does not keep closed histories for as long as it is set to."""


async def connect_client(
    address: str,
    namespace: str,
    seconds: float = CONNECT_SECONDS,
    security: TransportSecurity | None = None,
    task_timeout: timedelta | None = None,
) -> Client:
    """Connect to `address`, HOST:PORT. `security` is None for a server of this machine's own, which has none. `task_timeout`: of the
    workflows that the client starts, see `choose_task_timeout`; None: the server's own.

    Raises TemporalAbsentError after `seconds`; TemporalUnreachableError with what is wrong with TLS, certificates or the API key, where
    that is why; SettingsError for a certificate's file that cannot be used.
    """
    chosen = security or TransportSecurity()
    tls = await asyncio.to_thread(chosen.load_tls)
    try:
        async with asyncio.timeout(seconds):
            return await Client.connect(
                address,
                namespace=namespace,
                data_converter=DATA_CONVERTER,
                tls=tls,
                api_key=chosen.api_key,
                grpc_compression=_choose_compression(address),
                interceptors=[ServerLimitGuard(task_timeout)],
            )
    except (TimeoutError, RuntimeError, RPCError) as error:
        fault = await asyncio.to_thread(describe_connection_fault, address, chosen, str(error)) if security else None
        if fault:
            raise TemporalUnreachableError(fault) from error
        raise TemporalAbsentError(
            f"no Temporal server answers at {address}; start it, or correct DUECOURSE_TEMPORAL_ADDRESS ({error or 'no reply in time'})"
        ) from error


def _choose_compression(address: str) -> GrpcCompression:
    """The SDK's own choice is to compress all that is said. On the way to a server of the same machine that saves nothing, and packing and
    unpacking took a twentieth of all work."""
    host = address.rpartition(":")[0].strip("[]")
    return GrpcCompression.NONE if host in LOOPBACK_HOSTS else GrpcCompression.GZIP


async def set_history_retention(client: Client, days: int) -> None:
    """Set for how many days the server keeps closed histories of the client's namespace. Raises RetentionError."""
    retention = Duration(seconds=days * 86_400)
    service = client.workflow_service
    config = NamespaceConfig(workflow_execution_retention_ttl=retention)
    await service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))
    answer = await service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept_seconds = answer.config.workflow_execution_retention_ttl.seconds
    if kept_seconds != retention.seconds:
        raise RetentionError(f"the Temporal server keeps closed histories for {kept_seconds / 86_400:g} days instead of {days}")


async def signal_clock_change(client: Client, clock: Clock) -> dict[str, Exception]:
    """Signal a changed clock to every open case, before any worker runs them; return the errors of those that could not be told."""
    return await signal_clock(client, await list_open_cases(client), clock)


async def has_workers(client: Client) -> bool:
    """Return whether a worker asked the server for tasks in the last minute; true where the server does not say."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        pollers = (await client.workflow_service.describe_task_queue(request)).pollers
    except RPCError:
        return True
    since = datetime.now(UTC) - POLLS_AT_LEAST_EVERY
    return any(poller.last_access_time.ToDatetime(UTC) > since for poller in pollers)


async def list_open_cases(client: Client) -> list[str]:
    """Return the ids of the cases that the server lists as open."""
    return [execution.id async for execution in client.list_workflows(OPEN_CASES_QUERY)]


async def signal_clock(client: Client, case_ids: Iterable[str], clock: Clock) -> dict[str, Exception]:
    """Signal a changed clock to these cases, each on its own; return the errors of those that could not be told. Raises RPCError when the
    server does not answer."""

    async def signal_case(workflow_id: str) -> None:
        try:
            await client.get_workflow_handle(workflow_id).signal(SignalName.CLOCK_SET, clock)
        except RPCError as error:  # visibility lags: one that has just closed may still be listed
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    return await try_each({case_id: partial(signal_case, case_id) for case_id in case_ids})
