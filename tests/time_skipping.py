"""Temporal's time-skipping server, as Duecourse's cases need it: their data converter, and the attributes that they are listed by."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.data_converter import DATA_CONVERTER
from domain import identifiers as ids

SERVER = Path(sys.executable).with_name("temporal-test-server")


@asynccontextmanager
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server of one's own. It skips time only while it is asked to."""
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=DATA_CONVERTER, test_server_existing_path=str(SERVER)
    ) as environment:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        request = AddSearchAttributesRequest(namespace="default", search_attributes=dict.fromkeys(ids.SEARCH_ATTRIBUTES, keyword))
        await environment.client.operator_service.add_search_attributes(request)
        yield environment
