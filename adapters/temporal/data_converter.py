"""How workflows' data becomes JSON and back: by pydantic, as everywhere in the project."""

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter


class _SharedPayloadConverter(PydanticPayloadConverter):
    """The SDK makes a converter for every run of a workflow, each of which would look at every type anew: these share what they learnt."""

    def __init__(self) -> None:
        self.__dict__ = _SHARED_CONVERTER.__dict__


_SHARED_CONVERTER = PydanticPayloadConverter()

DATA_CONVERTER = replace(pydantic_data_converter, payload_converter_class=_SharedPayloadConverter)
"""For clients, workers and replays."""
