"""Rules of portfolios as people write them: a line each, `collector; countries; segments; letters`. What is left out fits all."""

from collections.abc import Iterable

from pydantic import ValidationError

from domain.portfolio.assignment_rules import PortfolioRule

PARTS = 4


class UnreadableRule(Exception):
    """A line that is no rule. `number` counts from 1."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number = number


def write_rules(rules: Iterable[PortfolioRule]) -> str:
    lines = (
        "; ".join((rule.collector, ", ".join(rule.countries), ", ".join(rule.segments), rule.letters or "")).rstrip("; ") for rule in rules
    )
    return "\n".join(lines)


def read_rules(text: str) -> list[PortfolioRule]:
    """Empty lines are passed over. Raises UnreadableRule."""
    return [_read_rule(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _read_rule(number: int, line: str) -> PortfolioRule:
    parts = [part.strip() for part in line.split(";")]
    if len(parts) > PARTS:
        raise UnreadableRule(number, line.strip())
    collector, countries, segments, letters = (*parts, *[""] * (PARTS - len(parts)))
    try:
        return PortfolioRule(
            collector=collector, countries=_read_list(countries), segments=_read_list(segments), letters=letters.upper() or None
        )
    except ValidationError as error:
        raise UnreadableRule(number, str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from error


def _read_list(text: str) -> list[str]:
    return [each for part in text.split(",") if (each := part.strip())]
