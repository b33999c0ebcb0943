"""Finds every refusal that the code can make, wherever it stands."""

import ast
from functools import lru_cache
from typing import NamedTuple

from adapters.shipped_files import PROJECT
from domain.refusal import Refusal

LAYERS = ("domain", "adapters", "activities", "workflows", "api")


class WrittenRefusal(NamedTuple):
    """`sentence` is the English one, with its facts in braces."""

    code: str
    sentence: str
    place: str


@lru_cache(maxsize=1)
def list_refusals() -> list[WrittenRefusal]:
    """All calls of `Refusal`, each with its code and its sentence, which are written there in full."""
    found = []
    for layer in LAYERS:
        for path in sorted((PROJECT / layer).rglob("*.py")):
            text = path.read_text()
            if Refusal.__name__ in text:
                found += [_read_call(call, f"{path.relative_to(PROJECT)}:{call.lineno}") for call in _find_calls(text)]
    return found


def _find_calls(text: str) -> list[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == Refusal.__name__]


def _read_call(call: ast.Call, place: str) -> WrittenRefusal:
    words = [argument.value for argument in call.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
    assert len(words) == len(call.args) == 2, f"{place}: write the code and the sentence here, in full"
    return WrittenRefusal(words[0], words[1], place)
