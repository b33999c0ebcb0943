"""Filters that a mapping puts behind a column: each changes the text of a cell before it is read as a field."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

CellFilter = Callable[[str], str]
MAX_PAD_LENGTH = 100

_ZERO_DECIMALS = re.compile(r"(-?[0-9]+)[.,]0+")
_PAD = re.compile(r"pad:([0-9]{1,3})", re.ASCII)


def _make_slug(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")


def _strip_zeros(text: str) -> str:
    """`000123` becomes `123`; a text of zeros alone keeps one."""
    return text.lstrip("0") or text[-1:]


def _cut_zero_decimals(text: str) -> str:
    """`4711.0` becomes `4711`; anything else stays."""
    whole = _ZERO_DECIMALS.fullmatch(text)
    return whole[1] if whole else text


_FILTERS: dict[str, CellFilter] = {
    "strip": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "slug": _make_slug,
    "strip_zeros": _strip_zeros,
    "cut_zero_decimals": _cut_zero_decimals,
}


def find_filter_fault(written: str) -> str | None:
    """Find out why there is no such filter; None when there is one. `pad:8` fills up with zeros on the left."""
    if written in _FILTERS:
        return None
    pad = _PAD.fullmatch(written)
    if pad and 1 <= int(pad[1]) <= MAX_PAD_LENGTH:
        return None
    return f"there is no filter {written!r}; write one of: {', '.join(_FILTERS)}, pad:N (N is 1 to {MAX_PAD_LENGTH})"


def compile_filters(names: Iterable[str]) -> Sequence[CellFilter]:
    return [_compile_filter(name) for name in names]


def _compile_filter(name: str) -> CellFilter:
    if name in _FILTERS:
        return _FILTERS[name]
    width = int(name.removeprefix("pad:"))
    return lambda text: text.rjust(width, "0") if text else text


def apply_filters(text: str, filters: Sequence[CellFilter]) -> str:
    for change in filters:
        text = change(text)
    return text
