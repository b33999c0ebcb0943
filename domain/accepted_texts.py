"""Which texts Duecourse takes from outside: how long they may be, and which characters they may have.

Each entrance asks here, files as well as the API, so that what came in can be written in a letter and named on the Temporal server.
"""

import re
import unicodedata

MAX_ID_LENGTH = 100
"""Characters of an invoice's or account's id and number: with what cases add to it, far below the 1,000 bytes of a workflow's id."""
MAX_NAME_LENGTH = 500
MAX_EMAIL_LENGTH = 254
MAX_WORD_LENGTH = 100

_WIDE_WHITESPACE = re.compile(r"\s*[^\S ]\s*")
_DIRECTION_OVERRIDES = frozenset("\u202d\u202e")
_DOTS = frozenset({".", ".."})


def fold_whitespace(text: str) -> str:
    """Turn line breaks and tabs, with the spaces about them, into one space; all else of a name stays."""
    return text if text.isprintable() else _WIDE_WHITESPACE.sub(" ", text).strip()


def find_text_fault(text: str, max_length: int) -> str | None:
    """Find out why a text of one line cannot be taken, for example `has 612 characters; at most 500 are taken`; None when it can."""
    if len(text) > max_length:
        return f"has {len(text):,} characters; at most {max_length:,} are taken"
    if text.isprintable():
        return None
    for place, character in enumerate(text, 1):
        if _is_control(character):
            return f"has a control character (U+{ord(character):04X}) at place {place}; remove it"
    return None


def spell_out_controls(text: str) -> str:
    """The text in one line that can be shown: its line breaks and other control characters as Python writes them, such as `\\n`."""
    return text if text.isprintable() else "".join(repr(each)[1:-1] if _is_control(each) else each for each in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION_OVERRIDES


def find_id_fault(text: str) -> str | None:
    """Find out why a text cannot be an id or a number that people see; None when it can. Whatever can be printed may be in it."""
    if text in _DOTS:
        return "cannot be an id: in an address it means another page; write it otherwise"
    if len(text) > MAX_ID_LENGTH:
        return f"has {len(text):,} characters; at most {MAX_ID_LENGTH} are taken"
    if text.isprintable():
        return None
    character = next(each for each in text if not each.isprintable())
    return f"has a character that cannot be seen (U+{ord(character):04X}); remove it"
