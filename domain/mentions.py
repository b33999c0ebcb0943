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
    known, named, unknown = _KnownNames(users), dict[str, None](), dict[str, None]()
    for mark in _MARK.finditer(text):
        user, _ = known.find_user(text, mark.end())
        if user is not None:
            named[user] = None
        elif name := _NAME.match(text, mark.end()):
            unknown[name[0]] = None
    return MentionedNames(tuple(named), tuple(unknown))


def split_mentions(text: str, users: Collection[str]) -> list[TextPart]:
    """Split a text into words and those whom it names; joined again, the parts are the text."""
    known, parts, at = _KnownNames(users), list[TextPart](), 0
    for mark in _MARK.finditer(text):
        user, length = known.find_user(text, mark.end())
        if user is not None:
            parts += [TextPart(text[at : mark.start()]), TextPart(text[mark.start() : mark.end() + length], user)]
            at = mark.end() + length
    return [part for part in (*parts, TextPart(text[at:])) if part.text]


class _KnownNames:
    """The names of all who can be named, without regard to case."""

    def __init__(self, users: Collection[str]) -> None:
        self._users = {user.casefold(): user for user in users}
        self._longest = max(map(len, self._users), default=0)

    def find_user(self, text: str, at: int) -> tuple[str | None, int]:
        """The user whose name begins here, the longest such name, and how many signs it has in the text. What follows it is no letter: a
        sentence's full stop, or a bracket. No more signs are tried than the longest name has: a word may be as long as its text."""
        rest = text[at : at + self._longest + 1].split(maxsplit=1)[0]
        for end in range(min(len(rest), self._longest), 0, -1):
            ends_here = end == len(rest) or not (rest[end].isalnum() or rest[end] == "_")
            if ends_here and (user := self._users.get(rest[:end].casefold())):
                return user, end
        return None, 0
