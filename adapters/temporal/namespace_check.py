"""Check, before anything begins on a Temporal server, that its namespace is as cases need it: it exists, keeps ended histories long
enough to be archived, and knows the search attributes that every case sets.

Without the attributes the server fails every workflow task for ever, in words that only its log has. So what is missing is registered, or
refused with the command that whoever may run it has to run.
"""

import asyncio
import shlex
from collections.abc import Iterable, Sequence
from datetime import timedelta

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import identifiers as ids
from domain.errors import OperatingError

SHORTEST_RETENTION = timedelta(days=3)
ADVISED_RETENTION = "90d"
SEARCHABLE_SECONDS = 30.0
"""A server that has just registered attributes tells all its parts within seconds; until then it refuses them."""
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_REFUSED = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})
_NOT_OURS = _REFUSED | {RPCStatusCode.UNIMPLEMENTED}
"""What a server answers where another than the caller registers attributes: its operators, or a console of the cloud's."""

log = structlog.get_logger()


class NamespaceError(OperatingError):
    """The namespace on the Temporal server is not as cases need it, and has to be put right there."""


class NamespaceUncheckedError(NamespaceError):
    """The server answered, and not what was asked: it may not be up as a whole yet."""


class _Commands:
    """The commands of Temporal's own program that put a namespace right, complete with what reaches the server."""

    def __init__(self, client: Client, options: Sequence[str]) -> None:
        self.address = client.service_client.config.target_host
        self.namespace = client.namespace
        self._reach = ["--address", self.address, *options]

    def create_namespace(self) -> str:
        return self._write("operator", "namespace", "create", "--retention", ADVISED_RETENTION)

    def set_retention(self) -> str:
        return self._write("operator", "namespace", "update", "--retention", ADVISED_RETENTION)

    def create_attributes(self, names: Iterable[str]) -> str:
        described = [word for name in names for word in ("--name", name, "--type", "Keyword")]
        return self._write("operator", "search-attribute", "create", *described)

    def remove_attributes(self, names: Iterable[str]) -> str:
        return self._write("operator", "search-attribute", "remove", *(word for name in names for word in ("--name", name)), "--yes")

    def _write(self, *words: str) -> str:
        return shlex.join(["temporal", *words, "--namespace", self.namespace, *self._reach])


async def prepare_namespace(client: Client, options: Sequence[str] = ()) -> None:
    """Check the client's namespace, and register the search attributes that are missing.

    `options` are those with which the `temporal` program reaches the same server, for the commands that are named. Raises NamespaceError.
    """
    commands = _Commands(client, options)
    try:
        await _check_retention(client, commands)
        if missing := await _find_missing_attributes(client, commands):
            await _register_attributes(client, missing, commands)
    except RPCError as error:
        if error.status in _REFUSED:
            raise NamespaceError(
                f'the Temporal server at {commands.address} refuses to show the namespace "{commands.namespace}": {error}; let whoever '
                "runs it give Duecourse read and write access to it"
            ) from error
        raise NamespaceUncheckedError(
            f'the Temporal server at {commands.address} could not check the namespace "{commands.namespace}": {error}'
        ) from error


async def _check_retention(client: Client, commands: _Commands) -> None:
    try:
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=commands.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise NamespaceError(
            f'the Temporal server at {commands.address} has no namespace "{commands.namespace}"; correct DUECOURSE_TEMPORAL_NAMESPACE, or '
            f"make it:\n  {commands.create_namespace()}"
        ) from error
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if kept < SHORTEST_RETENTION:
        raise NamespaceError(
            f'the Temporal server keeps the ended histories of the namespace "{commands.namespace}" for {kept / timedelta(hours=1):g} '
            f"hours; they are archived from it, which needs {SHORTEST_RETENTION.days} days at least, and better some weeks:\n"
            f"  {commands.set_retention()}"
        )


async def _find_missing_attributes(client: Client, commands: _Commands) -> list[str]:
    """Return the search attributes that the namespace does not know. Raises NamespaceError for one that is there as another type."""
    try:
        listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status not in _NOT_OURS:
            raise
        return [name for name in ids.SEARCH_ATTRIBUTES if not await _is_searchable(client, [name])]
    known = listed.custom_attributes
    wrong = [name for name in ids.SEARCH_ATTRIBUTES if known.get(name, KEYWORD) != KEYWORD]
    if wrong:
        raise NamespaceError(
            f'in the namespace "{commands.namespace}", {_list_words(wrong)} must be of the type Keyword, and is of another; where nothing '
            f"else uses it, make it anew:\n  {commands.remove_attributes(wrong)}\n  {commands.create_attributes(wrong)}"
        )
    return [name for name in ids.SEARCH_ATTRIBUTES if name not in known]


async def _register_attributes(client: Client, missing: Sequence[str], commands: _Commands) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(missing, KEYWORD))
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another process that starts was faster
            raise NamespaceError(
                f'the namespace "{commands.namespace}" lacks the search attributes {_list_words(missing)}, without which no case '
                f"can begin, and Duecourse may not register them ({error}); let whoever runs the Temporal server do so:\n"
                f"  {commands.create_attributes(missing)}"
            ) from error
    deadline = asyncio.get_running_loop().time() + SEARCHABLE_SECONDS
    while not await _is_searchable(client, ids.SEARCH_ATTRIBUTES):
        if asyncio.get_running_loop().time() > deadline:
            raise NamespaceError(
                f"the Temporal server has registered {_list_words(missing)}, and does not know them after {SEARCHABLE_SECONDS:g} s; "
                "start again in a minute"
            )
        await asyncio.sleep(0.2)
    log.warning("search_attributes_registered", namespace=commands.namespace, names=list(missing))


async def _is_searchable(client: Client, names: Iterable[str]) -> bool:
    """Return whether the server searches by these attributes, which whoever may read the namespace can try."""
    try:
        await client.count_workflows(" AND ".join(f"{name} = 'nobody'" for name in names))
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        return False
    return True


def _list_words(names: Sequence[str]) -> str:
    return ", ".join(names)
