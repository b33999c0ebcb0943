"""Whom a text names with an `@`: `@maria`, as people write it in notes and comments."""

import re
from collections.abc import Collection
from typing import NamedTuple

_MARK = re.compile(r"(?<![\w@.])@(?=\w)")
_NAME = re.compile(r"\w+(?:[.-]\w+)*")


class TextPart(NamedTuple):
    """A part of a text; `user`: whom it names, None for words alone."""

    text: str
    user: str | None = None


class MentionedNames(NamedTuple):
    """`users`: those who are named, each once; `unknown`: names that are nobody's, as they were written."""

    users: tuple[str, ...]
    unknown: tuple[str, ...]


def find_mentions(text: str, users: Collection[str]) -> MentionedNames:
    """`users`: the names of all who can be named."""
    folded = {user.casefold(): user for user in users}
    named, unknown = dict[str, None](), dict[str, None]()
    for mark in _MARK.finditer(text):
        rest = text[mark.end() :].split(maxsplit=1)[0]
        user, _ = _find_user(rest, folded)
        if user is not None:
            named[user] = None
        elif name := _NAME.match(rest):
            unknown[name[0]] = None
    return MentionedNames(tuple(named), tuple(unknown))


def split_mentions(text: str, users: Collection[str]) -> list[TextPart]:
    """Split a text into words and those whom it names; joined again, the parts are the text."""
    folded, parts, at = {user.casefold(): user for user in users}, list[TextPart](), 0
    for mark in _MARK.finditer(text):
        user, length = _find_user(text[mark.end() :].split(maxsplit=1)[0], folded)
        if user is not None:
            parts += [TextPart(text[at : mark.start()]), TextPart(text[mark.start() : mark.end() + length], user)]
            at = mark.end() + length
    return [part for part in (*parts, TextPart(text[at:])) if part.text]


def _find_user(rest: str, folded: dict[str, str]) -> tuple[str | None, int]:
    """The user whose name begins the rest of a word, the longest such name, and how many signs it has. What follows it is no letter: a
    sentence's full stop, or a bracket."""
    for end in range(len(rest), 0, -1):
        if (end == len(rest) or not (rest[end].isalnum() or rest[end] == "_")) and (user := folded.get(rest[:end].casefold())):
            return user, end
    return None, 0
