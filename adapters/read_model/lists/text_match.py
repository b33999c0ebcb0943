"""Finds a part of a text, small and capital letters alike, in each database's own cheapest way."""

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class TextMatch(FunctionElement[bool]):
    """Whether a column has a pattern in it. SQLite's LIKE overlooks capitals in ASCII; lower() knows no others, and doubles the cost."""

    type = Boolean()
    inherit_cache = True


def contains_text(column: Any, text: str) -> Any:
    """`text` as it is: what means something in a pattern means itself. Where it has no letters, as most numbers, LIKE finds the same as
    PostgreSQL's ILIKE, and several times faster."""
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return column.like(f"%{escaped}%", escape="/") if text.lower() == text.upper() else TextMatch(column, f"%{escaped}%")


@compiles(TextMatch)
def _compile_ilike(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = element.clauses
    return f"({compiler.process(column, **options)} ILIKE {compiler.process(pattern, **options)} ESCAPE '/')"


@compiles(TextMatch, "sqlite")
def _compile_like(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = element.clauses
    return f"({compiler.process(column, **options)} LIKE {compiler.process(pattern, **options)} ESCAPE '/')"
