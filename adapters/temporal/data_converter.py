"""The conversion of workflows' data to JSON and back: by pydantic, as everywhere in the project."""

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter


class _SharedPayloadConverter(PydanticPayloadConverter):
    """A converter that shares its state: the SDK makes one for every run of a workflow, and each would inspect every type again."""

    def __init__(self) -> None:
        self.__dict__ = _SHARED_CONVERTER.__dict__


_SHARED_CONVERTER = PydanticPayloadConverter()

DATA_CONVERTER = replace(pydantic_data_converter, payload_converter_class=_SharedPayloadConverter)
"""The converter of clients, workers and replays."""
