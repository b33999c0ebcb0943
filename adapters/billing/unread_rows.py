"""Rows of a page, each built for itself: one that cannot be read is named, and holds up no other."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import ValidationError

from adapters.billing.errors import RefusedByBillingError
from adapters.billing.external_records import UnreadRow

Row = TypeVar("Row")
Built = TypeVar("Built")


def build_each(
    rows: Iterable[Row], build: Callable[[Row], Built], name: Callable[[Row], str]
) -> tuple[tuple[Built, ...], tuple[UnreadRow, ...]]:
    """What could be built, and what not and why. `name`: the system's id of a row."""
    built: list[Built] = []
    unread: list[UnreadRow] = []
    for row in rows:
        try:
            built.append(build(row))
        except (RefusedByBillingError, ValueError) as error:
            unread.append(UnreadRow(name(row), _describe(error)))
    return tuple(built), tuple(unread)


def require_built(built: tuple[Built, ...], unread: tuple[UnreadRow, ...]) -> Built:
    """The one that was asked for. Raises RefusedByBillingError, where it cannot be read."""
    if unread:
        raise RefusedByBillingError(f"{unread[0].external_id} cannot be read: {unread[0].reason}")
    return built[0]


def _describe(error: Exception) -> str:
    """In one sentence, as people read it: such as a currency that is no ISO code."""
    if isinstance(error, ValidationError):
        return "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())
    return str(error)
