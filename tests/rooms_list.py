"""The list of the rooms in `docs/architecture.md`, as the packages' own docstrings give it."""

import ast
from pathlib import Path

from adapters.shipped_files import PROJECT

LAYERS = ("domain", "workflows", "activities", "adapters", "api", "cli")
"""In the order in which the page lists them."""


def rooms_list() -> str:
    """Return exactly what stands between the markers `rooms:begin` and `rooms:end`: a line for each package, by layer and then by path.

    Raises ValueError for a package without a docstring.
    """
    rooms = [package for layer in LAYERS for package in sorted(path.parent for path in (PROJECT / layer).rglob("__init__.py"))]
    return "\n" + "".join(f"- `{room.relative_to(PROJECT).as_posix()}`: {_read_purpose(room)}\n" for room in rooms)


def _read_purpose(room: Path) -> str:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    if not docstring:
        raise ValueError(f"{room.relative_to(PROJECT).as_posix()}/__init__.py has no docstring; its first line says what the room is for")
    return docstring.splitlines()[0]
