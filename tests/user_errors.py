"""Finds every user error there is, wherever it is defined."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import lru_cache

from adapters.shipped_files import PROJECT
from domain.errors import OperatingError, UserError

LAYERS = ("domain", "adapters", "activities", "api", "cli")


@lru_cache(maxsize=1)
def list_user_errors() -> list[type[UserError]]:
    """All classes in the order of their names; every module is imported for it."""
    for layer in LAYERS:
        for module in pkgutil.walk_packages([str(PROJECT / layer)], f"{layer}."):
            if ".migrations" not in module.name and ".verifier" not in module.name:
                importlib.import_module(module.name)
    found = {kind for kind in _walk_subclasses(UserError) if kind.__module__.partition(".")[0] in LAYERS} - {OperatingError}
    return sorted(found, key=lambda kind: kind.__name__)


def _walk_subclasses(kind: type[UserError]) -> Iterator[type[UserError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _walk_subclasses(subclass)


def make_user_error(kind: type[UserError], message: str) -> UserError:
    """With that message, even where a class makes its own."""
    return kind.__new__(kind, message)
