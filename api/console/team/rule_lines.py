"""Rules of portfolios as people write them: a line each, `collector; countries; segments; letters`. What is left out fits all. A value that
has one of the separators in it stands in double quotes; one of those within it is written twice."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from domain.portfolio.assignment_rules import PortfolioRule
from domain.refusal import Refusal

PARTS = 4
QUOTE = '"'


class UnreadableRule(Exception):
    """A line that is no rule. `number` counts from 1."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


def write_rules(rules: Iterable[PortfolioRule]) -> str:
    return "\n".join(_write_rule(rule) for rule in rules)


def _write_rule(rule: PortfolioRule) -> str:
    values = ([rule.collector], rule.countries, rule.segments, [rule.letters or ""])
    return "; ".join(", ".join(map(_quote, each)) for each in values).rstrip("; ")


def read_rules(text: str) -> list[PortfolioRule]:
    """Empty lines are passed over. Raises UnreadableRule."""
    return [_read_rule(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _read_rule(number: int, line: str) -> PortfolioRule:
    parts = [part.strip() for part in _split(line, ";")]
    if len(parts) > PARTS:
        raise UnreadableRule(
            number, Refusal("portfolio.parts", "a rule has at most {most} parts, with a semicolon between them", most=PARTS)
        )
    collector, countries, segments, letters = (*parts, *[""] * (PARTS - len(parts)))
    try:
        return PortfolioRule(
            collector=_unquote(collector), countries=_read_list(countries), segments=_read_list(segments), letters=letters.upper() or None
        )
    except ValidationError as error:
        raise UnreadableRule(number, _explain_fault(dict(error.errors()[0]))) from error


def _explain_fault(fault: dict[str, Any]) -> str:
    """The rule's own sentence; of what is too long, or of a rule without a collector, another."""
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return Refusal("portfolio.value", "'{key}' is missing or too long", key=fault["loc"][0])


def _read_list(text: str) -> list[str]:
    return [each for part in _split(text, ",") if (each := _unquote(part))]


def _split(text: str, separator: str) -> list[str]:
    """At every separator that stands outside quotes."""
    pieces = [""]
    for sign in text:
        is_quoted = pieces[-1].lstrip().startswith(QUOTE) and pieces[-1].count(QUOTE) % 2
        if sign == separator and not is_quoted:
            pieces.append("")
        else:
            pieces[-1] += sign
    return pieces


def _quote(value: str) -> str:
    if value == value.strip() and not any(sign in value for sign in f";,{QUOTE}"):
        return value
    return f"{QUOTE}{value.replace(QUOTE, 2 * QUOTE)}{QUOTE}"


def _unquote(piece: str) -> str:
    text = piece.strip()
    is_quoted = len(text) > 1 and text.startswith(QUOTE) and text.endswith(QUOTE)
    return text[1:-1].replace(2 * QUOTE, QUOTE) if is_quoted else text
