"""The limits of a Temporal server, checked before it is called: what exceeds them would be refused, or fail the workflow that has it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import SearchAttributes, TypedSearchAttributes

from adapters.set_aside.stages import SetAsideReason
from domain.errors import UserError

MAX_ID_BYTES = 1_000
"""Of a workflow's id, of the names and ids of what it is sent, and of a schedule's id (`limit.maxIDLength`)."""

MAX_ATTRIBUTE_BYTES = 2_048
"""Of one search attribute's value (`limit.searchAttributesSizeOfValue`)."""

MAX_PAYLOAD_BYTES = 2 * 1024 * 1024
"""Of all arguments of one call together (`limit.blobSize.error`)."""


class ServerLimitError(UserError):
    """What was to be sent exceeds a limit of the Temporal server."""

    title = "This exceeds a limit of the Temporal server"
    status = 422
    problem_type = "too-large"
    set_aside_reason = SetAsideReason.TOO_LARGE


class CrowdedRunError(UserError):
    """A run has so many signals to read that the server would take no more."""

    title = "This case has too much to read for now"
    status = 503
    problem_type = "crowded"
    set_aside_reason = SetAsideReason.TOO_LARGE


def check_id(what: str, value: str) -> None:
    """Raise ServerLimitError for an id that is too long; `what` says whose."""
    size = len(value.encode())
    if size > MAX_ID_BYTES:
        raise ServerLimitError(f"{what} has {size:,} bytes, and the Temporal server takes {MAX_ID_BYTES:,}: {value[:40]}…")


def check_search_attributes(attributes: TypedSearchAttributes | SearchAttributes | None) -> None:
    """Raise ServerLimitError for a search attribute whose value is too long."""
    for name, value in _list_attributes(attributes):
        size = len(value.encode())
        if size > MAX_ATTRIBUTE_BYTES:
            raise ServerLimitError(
                f"the search attribute {name} has {size:,} bytes, and the Temporal server takes {MAX_ATTRIBUTE_BYTES:,}: {value[:40]}…"
            )


def check_payloads(payloads: Iterable[Payload]) -> None:
    """Raise ServerLimitError for the arguments of one call that are too large together."""
    size = sum(payload.ByteSize() for payload in payloads)
    if size > MAX_PAYLOAD_BYTES:
        raise ServerLimitError(f"what is to be sent has {size:,} bytes, and the Temporal server takes {MAX_PAYLOAD_BYTES:,}")


def _list_attributes(attributes: TypedSearchAttributes | SearchAttributes | None) -> Iterable[tuple[str, str]]:
    if isinstance(attributes, TypedSearchAttributes):
        return [(pair.key.name, str(pair.value)) for pair in attributes.search_attributes]
    given: Mapping[str, Sequence[Any]] = attributes or {}
    return [(name, str(value)) for name, values in given.items() for value in values]
