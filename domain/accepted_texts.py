"""Which texts Duecourse takes from outside: how long they may be, and which characters they may have.

Each entrance asks here, files as well as the API, so that what came in can be written in a letter and named on the Temporal server.
"""

import re

from domain.control_characters import is_control
from domain.refusal import Refusal

MAX_ID_LENGTH = 100
"""Characters of an invoice's or account's id and number: with what cases add to it, far below the 1,000 bytes of a workflow's id."""
MAX_NAME_LENGTH = 500
MAX_EMAIL_LENGTH = 254
MAX_WORD_LENGTH = 100

_WIDE_WHITESPACE = re.compile(r"\s*[^\S ]\s*")
_DOTS = frozenset({".", ".."})


def fold_whitespace(text: str) -> str:
    """Turn line breaks and tabs, with the spaces about them, into one space; all else of a name stays."""
    return text if text.isprintable() else _WIDE_WHITESPACE.sub(" ", text).strip()


def find_text_fault(text: str, max_length: int) -> Refusal | None:
    """Find out why a text of one line cannot be taken, for example `has 612 characters; at most 500 are taken`; None when it can."""
    if len(text) > max_length:
        return _refuse_length(text, max_length)
    if text.isprintable():
        return None
    for place, character in enumerate(text, 1):
        if is_control(character):
            return Refusal(
                "text.control",
                "has a control character (U+{character}) at place {place}; remove it",
                character=f"{ord(character):04X}",
                place=place,
            )
    return None


def find_id_fault(text: str) -> Refusal | None:
    """Find out why a text cannot be an id or a number that people see; None when it can. Whatever can be printed may be in it."""
    if text in _DOTS:
        return Refusal("text.dots", "cannot be an id: in an address it means another page; write it otherwise")
    if len(text) > MAX_ID_LENGTH:
        return _refuse_length(text, MAX_ID_LENGTH)
    if text.isprintable():
        return None
    character = next(each for each in text if not each.isprintable())
    return Refusal("text.unseen", "has a character that cannot be seen (U+{character}); remove it", character=f"{ord(character):04X}")


def _refuse_length(text: str, most: int) -> Refusal:
    return Refusal("text.too_long", "has {length} characters; at most {most} are taken", length=f"{len(text):,}", most=f"{most:,}")
