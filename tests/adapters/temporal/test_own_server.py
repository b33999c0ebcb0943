"""A Temporal server of one's own: its namespace is put right before anything begins in it, or refused with the command that puts it
right; it is reached over TLS, and what does not hold there is said in words."""

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio import workflow
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from adapters.config.settings import PROJECT, Settings, SettingsError
from adapters.temporal.client import TemporalUnreachableError, connect_client, has_workers, set_history_retention
from adapters.temporal.embedded_server import TemporalServer, find_temporal_program
from adapters.temporal.namespace_check import NamespaceError, prepare_namespace
from adapters.temporal.transport_security import TransportSecurity
from domain.identifiers import SEARCH_ATTRIBUTES, TASK_QUEUE
from tests.adapters.temporal.tls_proxy import (
    LOOPBACK,
    CertificateFiles,
    ThrowAwayAuthority,
    alerting_server,
    key_checking_server,
    pack_header_value,
    tls_proxy,
)
from tests.patience import PATIENCE, Looks, wait_until

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
    queue = DescribeTaskQueueRequest(
        namespace=name, task_queue=TaskQueue(name="nobody's"), task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    )

    async def is_known() -> bool:
        try:
            await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=name))
            await client.workflow_service.describe_task_queue(queue)
        except RPCError:  # the server's parts hear of a new namespace one after the other
            return False
        return True

    await wait_until(is_known, f"the server knows the namespace {name}")
    return client


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
    async for _ in Looks():
        try:
            await prepare_namespace(client)
        except NamespaceError as error:  # the server's parts hear of it one after the other
            lacking = error
        else:
            return
    raise lacking


async def test_an_attribute_of_another_type_is_refused_with_the_commands_that_make_it_anew(server: TemporalServer) -> None:
    client = await make_namespace(server, "typed")
    request = AddSearchAttributesRequest(namespace="typed", search_attributes={SEARCH_ATTRIBUTES[2]: TEXT})
    await client.operator_service.add_search_attributes(request)
    await wait_until(lambda: list_attributes(client), "the server lists the attribute")

    told = f"{SEARCH_ATTRIBUTES[2]} must be of the type Keyword(.|\n)*remove --name {SEARCH_ATTRIBUTES[2]}"
    with pytest.raises(NamespaceError, match=told) as refusal:
        await prepare_namespace(client)

    for command in str(refusal.value).splitlines()[1:]:
        await run_command(command)

    async def is_made_anew() -> bool:
        return KEYWORD in (await list_attributes(client)).values()

    await wait_until(is_made_anew, "the server lists the attribute as a keyword")
    await prepare_namespace(client)


@workflow.defn
class Idle:
    @workflow.run
    async def run(self) -> None: ...


async def test_a_server_tells_whether_any_worker_asks_for_work(server: TemporalServer) -> None:
    client = await make_namespace(server, "worked")
    assert not await has_workers(client)

    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Idle], workflow_runner=UnsandboxedWorkflowRunner()):
        await wait_until(lambda: has_workers(client), "the server sees the worker")


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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayAuthority:
    return ThrowAwayAuthority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayAuthority:
    return ThrowAwayAuthority(tmp_path_factory.mktemp("strangers"), "stranger")


def secured(authority: ThrowAwayAuthority, own: CertificateFiles | None = None, server_name: str | None = None) -> TransportSecurity:
    """Settings as they come from the environment."""
    settings = Settings.load(
        temporal_address="temporal.acme.com:7233",
        temporal_tls_ca_file=authority.certificate,
        temporal_tls_cert_file=own.certificate if own else None,
        temporal_tls_key_file=own.key if own else None,
        temporal_tls_server_name=server_name,
    )
    return TransportSecurity.from_settings(settings)


async def refusal_of(address: str, security: TransportSecurity) -> str:
    with pytest.raises(TemporalUnreachableError) as refused:
        await connect_client(address, "duecourse", seconds=PATIENCE, security=security)
    return str(refused.value)


async def test_a_server_is_reached_over_tls_and_put_right_there(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    async with tls_proxy(server.address, authority.issue(LOOPBACK)) as address:
        client = await connect_client(address, "duecourse", security=secured(authority))
        await set_history_retention(client, 90)

        await prepare_namespace(client)


@pytest.mark.parametrize(
    ("host", "compression"),
    [
        ("127.0.0.1", GrpcCompression.NONE),
        ("localhost", GrpcCompression.NONE),
        ("[::1]", GrpcCompression.NONE),
        ("temporal.acme.com", GrpcCompression.GZIP),
        ("127.0.0.1.acme.com", GrpcCompression.GZIP),
    ],
)
async def test_what_is_said_to_a_server_is_compressed_on_its_way_over_a_network_alone(
    host: str, compression: GrpcCompression, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = dict[str, object]()

    async def connect(address: str, **options: object) -> None:
        asked.update(options)

    monkeypatch.setattr(Client, "connect", connect)

    await connect_client(f"{host}:7233", "duecourse")

    assert asked["grpc_compression"] == compression


async def test_a_server_that_asks_for_a_certificate_is_shown_ours(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    own = authority.issue("duecourse.acme.com")
    async with tls_proxy(server.address, authority.issue(LOOPBACK), callers=authority) as address:
        assert await connect_client(address, "duecourse", security=secured(authority, own))

        assert "ends the connection once TLS is agreed on; where it wants one, set it in" in await refusal_of(address, secured(authority))
    with alerting_server(authority.issue(LOOPBACK), authority) as address:
        assert "asks for a certificate: set DUECOURSE_TEMPORAL_TLS_CERT_FILE and" in await refusal_of(address, secured(authority))


async def test_a_certificate_of_ours_that_the_server_refuses_is_named(
    server: TemporalServer, authority: ThrowAwayAuthority, stranger: ThrowAwayAuthority
) -> None:
    own = stranger.issue("duecourse.acme.com")
    async with tls_proxy(server.address, authority.issue(LOOPBACK), callers=authority) as address:
        hung_up = await refusal_of(address, secured(authority, own))
    with alerting_server(authority.issue(LOOPBACK), authority) as address:
        said = await refusal_of(address, secured(authority, own))

    assert f"where it refuses the certificate in {own.certificate}, name another" in hung_up
    assert f"refuses the certificate in {own.certificate} (unknown ca)" in said
    assert "DUECOURSE_TEMPORAL_TLS_CERT_FILE" in said


async def test_a_server_of_another_name_is_refused_until_the_name_is_set(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    async with tls_proxy(server.address, authority.issue("temporal.acme.com")) as address:
        said = await refusal_of(address, secured(authority))

        assert f'is not for "{LOOPBACK}", but for another name (temporal.acme.com)' in said
        assert "DUECOURSE_TEMPORAL_TLS_SERVER_NAME" in said
        assert await connect_client(address, "duecourse", security=secured(authority, server_name="temporal.acme.com"))


async def test_a_server_whose_certificate_has_expired_is_refused(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0) - timedelta(days=2)
    shown = authority.issue(LOOPBACK, begins=timedelta(days=-9), ends=noon - datetime.now(UTC))
    async with tls_proxy(server.address, shown) as address:
        said = await refusal_of(address, secured(authority))

    assert re.search(rf"certificate of the Temporal server at {address} expired on {noon:%Y-%m-%d} ..:.. UTC", said), said


async def test_a_server_that_nobody_we_trust_vouches_for_is_refused(
    server: TemporalServer, authority: ThrowAwayAuthority, stranger: ThrowAwayAuthority
) -> None:
    async with tls_proxy(server.address, stranger.issue(LOOPBACK)) as address:
        assert f"was not issued by those in {authority.certificate}" in await refusal_of(address, secured(authority))
        assert "by an authority that this machine trusts" in await refusal_of(address, TransportSecurity(uses_tls=True))


async def test_tls_on_one_side_alone_is_said(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    assert "speaks no TLS" in await refusal_of(server.address, secured(authority))
    async with tls_proxy(server.address, authority.issue(LOOPBACK)) as address:
        assert "speaks TLS: set DUECOURSE_TEMPORAL_TLS=true" in await refusal_of(address, TransportSecurity())
    async with tls_proxy(server.address, authority.issue(LOOPBACK), callers=authority) as address:
        assert "speaks TLS: set DUECOURSE_TEMPORAL_TLS=true" in await refusal_of(address, TransportSecurity())


async def test_an_api_key_is_sent_and_its_refusal_is_said_without_it() -> None:
    async with key_checking_server(pack_header_value("Bearer secretcarrots")) as (address, seen):
        said = await refusal_of(address, TransportSecurity(api_key="secretcarrots"))
        assert seen == [True]
        unknown = await refusal_of(address, TransportSecurity())

    assert "refuses the API key in DUECOURSE_TEMPORAL_API_KEY" in said
    assert "secretcarrots" not in said
    assert "wants to know who calls: set DUECOURSE_TEMPORAL_API_KEY" in unknown


async def test_files_that_cannot_be_used_are_refused_by_their_variable(
    authority: ThrowAwayAuthority, stranger: ThrowAwayAuthority, tmp_path: Path
) -> None:
    good, other = authority.issue("duecourse.acme.com"), authority.issue("duecourse.acme.com")
    locked = authority.issue("duecourse.acme.com", password="hunter2")
    past = authority.issue("duecourse.acme.com", begins=timedelta(days=-9), ends=timedelta(days=-1))
    (tmp_path / "empty.pem").touch()
    for security, told in (
        (TransportSecurity(True, ca_file=tmp_path / "none.pem"), r"TLS_CA_FILE cannot be used: .*none\.pem cannot be read \(No such file"),
        (TransportSecurity(True, ca_file=tmp_path / "empty.pem"), r"TLS_CA_FILE cannot be used: .*empty\.pem has none in PEM"),
        (TransportSecurity(True, None, tmp_path / "none.pem", good.key), r"TLS_CERT_FILE cannot be used: .*none\.pem cannot be read"),
        (TransportSecurity(True, None, good.certificate, tmp_path / "empty.pem"), r"TLS_KEY_FILE cannot be used: .*no PEM text"),
        (TransportSecurity(True, None, good.certificate, other.key), r"no certificate for the key in"),
        (TransportSecurity(True, None, locked.certificate, locked.key), r"has a password, which nobody is there to type.*openssl pkey"),
        (TransportSecurity(True, None, past.certificate, past.key), r"TLS_CERT_FILE\) expired on 20"),
    ):
        with pytest.raises(SettingsError, match=told):
            await connect_client("127.0.0.1:1", "duecourse", security=security)


async def test_the_commands_reach_the_server_as_duecourse_does(server: TemporalServer, authority: ThrowAwayAuthority) -> None:
    own = authority.issue("duecourse.acme.com")
    security = secured(authority, own, "temporal.acme.com")
    async with tls_proxy(server.address, authority.issue("temporal.acme.com"), callers=authority) as address:
        client = await connect_client(address, "over_tls", security=security)

        with pytest.raises(NamespaceError, match='has no namespace "over_tls"') as refusal:
            await prepare_namespace(client, security.command_options)

        await run_command(str(refusal.value))


async def test_a_release_is_prepared_over_tls_by_the_variables_alone(
    server: TemporalServer, authority: ThrowAwayAuthority, tmp_path: Path
) -> None:
    client, own = await make_namespace(server, "released"), authority.issue("duecourse.acme.com")
    async with tls_proxy(server.address, authority.issue("temporal.acme.com"), callers=authority) as address:
        given = {
            "ADDRESS": address,
            "NAMESPACE": "released",
            "TLS_CA_FILE": str(authority.certificate),
            "TLS_CERT_FILE": str(own.certificate),
            "TLS_KEY_FILE": str(own.key),
            "TLS_SERVER_NAME": "temporal.acme.com",
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "duecourse.py", "prepare", "--data-dir", str(tmp_path)),
            cwd=PROJECT,
            env=os.environ | {f"DUECOURSE_TEMPORAL_{name}": value for name, value in given.items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()

    assert (process.returncode, output) == (0, b"prepared\n"), errors.decode()
    assert b'"event": "search_attributes_registered"' in errors
    assert set(await list_attributes(client)) == set(SEARCH_ATTRIBUTES)
