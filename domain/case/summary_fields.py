"""The stored form of a case's summary: a flat JSON object, its lists packed as words, its amounts under names such as owed_EUR."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, PlainSerializer

from domain.journal.entry import FactValue
from domain.roles import Role


def _split_words(stored: Any) -> Any:
    if stored is None:
        return ()
    return tuple(stored.split()) if isinstance(stored, str) else stored


PackedWords = Annotated[tuple[str, ...], BeforeValidator(_split_words), PlainSerializer(" ".join, return_type=str)]
"""A list of words, stored as one text in which spaces part them."""

PackedRoles = Annotated[tuple[Role, ...], BeforeValidator(_split_words), PlainSerializer(" ".join, return_type=str)]


class EmptySummary(BaseModel):
    """The summary of kinds of case that add nothing to what every case shows: an invoice's collection, and an erasure."""


def gather_amounts(stored: Any, **prefixes: str) -> Any:
    """Put the values whose names have a field's prefix into that field, a mapping by the rest of the name, in its order."""
    if not isinstance(stored, Mapping):
        return stored
    fields = dict(stored)
    for field, prefix in prefixes.items():
        if found := {name.removeprefix(prefix): value for name, value in sorted(stored.items()) if name.startswith(prefix)}:
            fields[field] = found
    return fields


def spread_amounts(fields: dict[str, Any], **prefixes: str) -> dict[str, Any]:
    """Undo `gather_amounts`."""
    plain = {name: value for name, value in fields.items() if name not in prefixes}
    return plain | {prefix + name: value for field, prefix in prefixes.items() for name, value in (fields.get(field) or {}).items()}


def dump_summary(summary: BaseModel) -> dict[str, FactValue]:
    """Return the facts as they are stored. A field that was not set is left out."""
    return summary.model_dump(mode="json", by_alias=True, exclude_unset=True)
