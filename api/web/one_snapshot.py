"""Pages that are made of one state of the database, whatever is written while they are made."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from api.context import ApiContext

Given = ParamSpec("Given")
Shown = TypeVar("Shown")


def from_one_snapshot(show: Callable[Given, Shown]) -> Callable[Given, Shown]:
    """Let all that `show` reads come from one snapshot, over one connection: a page that reads thirty times waits for one. It takes the
    `context` by its name, as routes do, and writes nothing."""

    @wraps(show)
    def show_from_snapshot(*arguments: Given.args, **named: Given.kwargs) -> Shown:
        context = named["context"]
        if not isinstance(context, ApiContext):
            raise TypeError(f"{show.__name__} has no context")
        with context.database.snapshot():
            return show(*arguments, **named)

    return show_from_snapshot
