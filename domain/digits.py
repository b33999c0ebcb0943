"""Numbers that come as text. A digit is one of 0 to 9: Python's own tests take ², ٣ and ３ for digits too."""

MOST_DIGITS = 18
"""Whatever has more is no number of a row, a version or a day: databases count to 2^63 - 1, which has 19."""


def parse_digits(text: str) -> int | None:
    """Return the number that a text of 1 to 18 digits stands for; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
