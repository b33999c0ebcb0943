"""Rules of portfolios as a form has them: a row each. A segment that has a comma in it stands in double quotes; one of those within it is
written twice."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from domain.digits import parse_digits
from domain.portfolio.assignment_rules import PortfolioRule
from domain.refusal import Refusal

SPARE_ROWS = 3
"""Empty ones below the rules, for new ones."""

QUOTE, COMMA = '"', ","


class RuleRow(NamedTuple):
    """`place`: where the rule is to stand, from 1. What is left empty fits all."""

    place: str
    collector: str = ""
    countries: str = ""
    segments: str = ""
    letters: str = ""

    @property
    def is_empty(self) -> bool:
        return not "".join(self[1:]).strip()


class PlacedRule(NamedTuple):
    """A rule, and the row (from 1) in which it was written."""

    row: int
    rule: PortfolioRule


class UnreadableRule(Exception):
    """A row that is no rule. `row` counts from 1."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row


def write_rows(rules: Iterable[PortfolioRule]) -> list[RuleRow]:
    return [
        RuleRow(str(place), rule.collector, _write_list(rule.countries), _write_list(rule.segments), rule.letters or "")
        for place, rule in enumerate(rules, 1)
    ]


def add_spare_rows(rows: Sequence[RuleRow]) -> list[RuleRow]:
    """Return the rows that are filled in, and empty ones behind them."""
    filled = [row for row in rows if not row.is_empty]
    return [*filled, *(RuleRow(str(len(filled) + spare)) for spare in range(1, SPARE_ROWS + 1))]


def read_rows(rows: Sequence[RuleRow]) -> list[PlacedRule]:
    """Return the rules by their places; an empty row is none. A rule that was given another's place pushes that one on: up, it goes before
    it; down, behind it. Raises UnreadableRule."""
    written = [(_read_place(row, number), number, row) for number, row in enumerate(rows, 1) if not row.is_empty]
    in_order = sorted(written, key=lambda each: (each[0], (each[0] > each[1]) - (each[0] < each[1]), each[1]))
    return [PlacedRule(number, _read_rule(number, row)) for _, number, row in in_order]


def _read_place(row: RuleRow, number: int) -> int:
    """Raises UnreadableRule."""
    if not row.place.strip():
        return number
    place = parse_digits(row.place.strip())
    if place is None:
        raise UnreadableRule(number, Refusal("portfolio.place", "write its place as a number such as 1"))
    return place


def _read_rule(number: int, row: RuleRow) -> PortfolioRule:
    letters = row.letters.replace("–", "-").replace(" ", "").upper()
    countries = [country.upper() for country in _read_list(row.countries)]
    try:
        return PortfolioRule(
            collector=row.collector.strip(), countries=countries, segments=_read_list(row.segments), letters=letters or None
        )
    except ValidationError as error:
        raise UnreadableRule(number, _explain_fault(dict(error.errors()[0]))) from error


def _explain_fault(fault: dict[str, Any]) -> str:
    """The rule's own sentence; of a rule without a collector, or with too much in it, another."""
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    if fault["loc"][0] == "collector":
        return Refusal("portfolio.no_person", "write which collector gets the accounts, by the name of at most 100 characters")
    return Refusal("portfolio.too_many", "a rule takes at most 250 countries and 100 segments")


def _write_list(values: Iterable[str]) -> str:
    return ", ".join(map(_quote, values))


def _read_list(text: str) -> list[str]:
    return [each for part in _split(text) if (each := _unquote(part))]


def _split(text: str) -> list[str]:
    """At every comma that stands outside quotes."""
    pieces = [""]
    for sign in text:
        is_quoted = pieces[-1].lstrip().startswith(QUOTE) and pieces[-1].count(QUOTE) % 2
        if sign == COMMA and not is_quoted:
            pieces.append("")
        else:
            pieces[-1] += sign
    return pieces


def _quote(value: str) -> str:
    if value == value.strip() and not any(sign in value for sign in (COMMA, QUOTE)):
        return value
    return f"{QUOTE}{value.replace(QUOTE, 2 * QUOTE)}{QUOTE}"


def _unquote(piece: str) -> str:
    text = piece.strip()
    is_quoted = len(text) > 1 and text.startswith(QUOTE) and text.endswith(QUOTE)
    return text[1:-1].replace(2 * QUOTE, QUOTE) if is_quoted else text
