"""Bars as the server draws them: each part's place and width in hundredths of the whole."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

SMALLEST = 0.6
"""So wide is a part at least that is there at all, in hundredths."""


class BarPart(NamedTuple):
    """`number`: which of the parts it is, from 0; it says the part's colour."""

    number: int
    x: float
    width: float


def draw_stacked_bar(amounts: Sequence[int]) -> list[BarPart]:
    """The parts beside each other, those that are nothing left out; they fill the whole."""
    total = sum(max(each, 0) for each in amounts)
    if total <= 0:
        return []
    widths = [max(100 * each / total, SMALLEST) if each > 0 else 0.0 for each in amounts]
    scale, parts, x = 100 / sum(widths), list[BarPart](), 0.0
    for number, width in enumerate(each * scale for each in widths):
        if width:
            parts.append(BarPart(number, round(x, 2), round(width, 2)))
            x += width
    return parts


def scale_bar(amount: int, amounts: Iterable[int]) -> float:
    """How long the bar of one amount is beside those of others, in hundredths of the longest one."""
    most = max(amounts, default=0)
    return round(max(100 * amount / most, SMALLEST), 1) if most > 0 and amount > 0 else 0.0
