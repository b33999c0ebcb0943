"""The conversion of workflows' data to JSON and back: by pydantic, as everywhere in the project."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import DataConverter, PayloadConverter, SerializationContext, WorkflowSerializationContext

from adapters.temporal.server_limits import check_payloads


class _SharedPayloadConverter(PydanticPayloadConverter):
    """A converter that shares its state: the SDK makes one for every run of a workflow, and each would inspect every type again."""

    def __init__(self) -> None:
        self.__dict__ = _SHARED_CONVERTER.__dict__


_SHARED_CONVERTER = PydanticPayloadConverter()


class _ClientPayloadConverter(_SharedPayloadConverter):
    """It refuses what is larger than the server takes. Raises ServerLimitError."""

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        payloads = super().to_payloads(values)
        check_payloads(payloads)
        return payloads


DATA_CONVERTER = replace(pydantic_data_converter, payload_converter_class=_ClientPayloadConverter)
"""The converter of clients."""


@dataclass(frozen=True)
class UnreadableValue:
    """It stands for what was sent to a workflow and cannot be read. `reason` says what is wrong and repeats nothing of the value."""

    reason: str


class _LenientPayloadConverter(_SharedPayloadConverter):
    """It reads what a workflow is sent; where that cannot be read it raises nothing, for the SDK would drop the message without a trace."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        try:
            if type_hints and RawValue in type_hints:
                return super().from_payloads(payloads, type_hints)
            return super().from_payloads([_require_json(payload) for payload in payloads], type_hints)
        except Exception as error:
            return [UnreadableValue(_explain(error))] * len(payloads)


class _WorkerPayloadConverter(_SharedPayloadConverter):
    def with_context(self, context: SerializationContext) -> Self:
        """Be lenient with what a workflow is sent, and strict with what its activities return."""
        return _LENIENT_CONVERTER if isinstance(context, WorkflowSerializationContext) else self  # type: ignore[return-value]


_LENIENT_CONVERTER = _LenientPayloadConverter()


@dataclass(frozen=True)
class _WorkerDataConverter(DataConverter):
    """The SDK asks for a workflow's converter at every activation; they are all alike, and one is made."""

    payload_converter_class: type[PayloadConverter] = _WorkerPayloadConverter

    def with_context(self, context: SerializationContext) -> Self:
        return _WORKFLOW_DATA_CONVERTER if isinstance(context, WorkflowSerializationContext) else self  # type: ignore[return-value]


WORKER_DATA_CONVERTER = _WorkerDataConverter()
"""The converter of workers and replays. It needs a `SignalGuard` beside it, which refuses every `UnreadableValue`."""

_WORKFLOW_DATA_CONVERTER = DataConverter.with_context(WORKER_DATA_CONVERTER, WorkflowSerializationContext(namespace="", workflow_id=""))
"""It shows nothing of the workflow that it was made for."""


def _require_json(payload: Payload) -> Payload:
    """Raise ValueError for another encoding: what is not JSON would be handed on without a look at its type. Nothing is JSON's null."""
    match payload.metadata.get("encoding"):
        case b"json/plain":
            return payload
        case b"binary/null":
            return Payload(metadata={"encoding": b"json/plain"}, data=b"null")
    raise ValueError("no JSON")


def _explain(error: Exception) -> str:
    """Say what is wrong: where, and of which kind, never which value, for nobody knows what is in it."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['type']}" if place else first["type"]
    return "it cannot be decoded"
