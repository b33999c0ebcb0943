"""Temporal's time-skipping server, as Duecourse's cases need it: their data converter, and the attributes that they are listed by."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import ClientConfig, Plugin
from temporalio.service import ConnectConfig, GrpcCompression, ServiceClient
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.data_converter import DATA_CONVERTER
from domain import identifiers as ids

SERVER = Path(sys.executable).with_name("temporal-test-server")


class Uncompressed(Plugin):
    """Connects as Duecourse does to a server of its own machine, which takes a twentieth less time."""

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        return config

    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        return await next(replace(config, grpc_compression=GrpcCompression.NONE))


@asynccontextmanager
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server of one's own. It skips time only while it is asked to."""
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=DATA_CONVERTER, plugins=[Uncompressed()], test_server_existing_path=str(SERVER)
    ) as environment:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        request = AddSearchAttributesRequest(namespace="default", search_attributes=dict.fromkeys(ids.SEARCH_ATTRIBUTES, keyword))
        await environment.client.operator_service.add_search_attributes(request)
        yield environment
