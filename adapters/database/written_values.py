"""Values that a statement says itself, rather than being given them."""

from enum import StrEnum
from typing import Any

from sqlalchemy import literal_column


def write_value(value: StrEnum) -> Any:
    """Write it into the statement as it is: partial indexes are chosen by that, and PostgreSQL, which after a few times plans a statement
    once for whatever it may be given, knows how many rows have just this one."""
    return literal_column(f"'{value.value}'")
