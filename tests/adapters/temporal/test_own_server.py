"""A namespace of one's own is put right before anything begins in it, or refused with the command that puts it right."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.temporal.client import connect_client
from adapters.temporal.embedded_server import TemporalServer, find_temporal_program
from adapters.temporal.namespace_check import NamespaceError, prepare_namespace
from domain.identifiers import SEARCH_ATTRIBUTES

TEXT = IndexedValueType.INDEXED_VALUE_TYPE_TEXT
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    server = await TemporalServer.find_or_start(tmp_path_factory.mktemp("temporal"), "duecourse")
    yield server
    await server.stop()


async def make_namespace(server: TemporalServer, name: str, retention: timedelta = timedelta(days=30)) -> Client:
    """A client of a new namespace that knows no search attributes of ours, as an operator makes one."""
    client = await connect_client(server.address, name)
    kept = Duration(seconds=int(retention.total_seconds()))
    await client.workflow_service.register_namespace(RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=kept))
    async with asyncio.timeout(30):
        while True:
            try:
                await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=name))
                return client
            except RPCError:  # the server's parts hear of a new namespace one after the other
                await asyncio.sleep(0.1)


async def list_attributes(client: Client) -> dict[str, int]:
    answer = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    return {name: kind for name, kind in answer.custom_attributes.items() if name in SEARCH_ATTRIBUTES}


def forbid(monkeypatch: pytest.MonkeyPatch, client: Client, *calls: str) -> None:
    """Let the server's operator service refuse these calls, as a cluster with an authorizer does."""

    async def refuse(*_: object, **__: object) -> None:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")

    for call in calls:
        monkeypatch.setattr(client.operator_service, call, refuse)


async def run_command(said: str) -> None:
    """Run the last command of a message, as whoever may would: with the program of Temporal's that is installed here."""
    words = shlex.split(said.splitlines()[-1])
    assert words[0] == "temporal"
    process = await asyncio.create_subprocess_exec(
        str(find_temporal_program()), *words[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_a_namespace_without_attributes_gets_them_and_is_searched_by_them_at_once(server: TemporalServer) -> None:
    client = await make_namespace(server, "bare")
    assert await list_attributes(client) == {}

    await prepare_namespace(client)
    await prepare_namespace(client)

    assert await list_attributes(client) == dict.fromkeys(SEARCH_ATTRIBUTES, KEYWORD)
    assert (await client.count_workflows(f"{SEARCH_ATTRIBUTES[0]} = 'C1'")).count == 0


async def test_where_attributes_may_not_be_registered_the_command_that_does_it_is_named_and_works(
    server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await make_namespace(server, "guarded")
    forbid(monkeypatch, client, "list_search_attributes", "add_search_attributes")

    with pytest.raises(NamespaceError, match=r"lacks the search attributes DuecourseAccount, .*may not register them") as refusal:
        await prepare_namespace(client)

    await run_command(str(refusal.value))
    async with asyncio.timeout(30):
        while True:
            try:
                await prepare_namespace(client)
                break
            except NamespaceError:
                await asyncio.sleep(0.1)


async def test_an_attribute_of_another_type_is_refused_with_the_commands_that_make_it_anew(server: TemporalServer) -> None:
    client = await make_namespace(server, "typed")
    request = AddSearchAttributesRequest(namespace="typed", search_attributes={SEARCH_ATTRIBUTES[2]: TEXT})
    await client.operator_service.add_search_attributes(request)
    async with asyncio.timeout(30):
        while await list_attributes(client) == {}:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)

    told = f"{SEARCH_ATTRIBUTES[2]} must be of the type Keyword(.|\n)*remove --name {SEARCH_ATTRIBUTES[2]}"
    with pytest.raises(NamespaceError, match=told) as refusal:
        await prepare_namespace(client)

    for command in str(refusal.value).splitlines()[1:]:
        await run_command(command)
    async with asyncio.timeout(30):
        while KEYWORD not in (await list_attributes(client)).values():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
    await prepare_namespace(client)


async def test_a_namespace_that_is_not_there_is_refused_with_the_command_that_makes_it(server: TemporalServer) -> None:
    client = await connect_client(server.address, "dewcourse")

    with pytest.raises(NamespaceError, match='has no namespace "dewcourse"; correct DUECOURSE_TEMPORAL_NAMESPACE') as refusal:
        await prepare_namespace(client)

    await run_command(str(refusal.value))


async def test_a_namespace_that_forgets_too_soon_is_refused_with_the_command_that_changes_it(server: TemporalServer) -> None:
    client = await make_namespace(server, "forgetful", timedelta(days=2))

    with pytest.raises(NamespaceError, match='"forgetful" for 48 hours') as refusal:
        await prepare_namespace(client)

    await run_command(str(refusal.value))
    await prepare_namespace(client)


async def test_a_server_that_shows_nothing_is_refused_in_words(server: TemporalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await connect_client(server.address, "duecourse")

    async def refuse(*_: object, **__: object) -> None:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr(client.workflow_service, "describe_namespace", refuse)

    with pytest.raises(NamespaceError, match=r'refuses to show the namespace "duecourse": Request unauthorized\.; let whoever runs it'):
        await prepare_namespace(client)
