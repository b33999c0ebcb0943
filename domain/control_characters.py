"""Characters that break a line or cannot be seen: which they are, and how they are spelt out."""

import unicodedata

_DIRECTION_OVERRIDES = frozenset("\u202d\u202e")


def is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION_OVERRIDES


def spell_out_controls(text: str) -> str:
    """The text in one line that can be shown: its line breaks and other control characters as Python writes them, such as `\\n`."""
    return text if text.isprintable() else "".join(repr(each)[1:-1] if is_control(each) else each for each in text)
