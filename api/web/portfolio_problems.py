"""How the portfolios' own errors look to a caller."""

from adapters.portfolio.assignments import NoCollector, UnknownAccounts
from adapters.portfolio.cover_store import CoverClashError, UnknownCoverError
from adapters.portfolio.rule_store import RulesChanged
from api.web.problems import Shape

PORTFOLIO_SHAPES: dict[type[Exception], Shape] = {
    UnknownAccounts: Shape(404, "not-found", "There are no such accounts"),
    NoCollector: Shape(422, "no-collector", "This person cannot have accounts"),
    RulesChanged: Shape(409, "changed", "The rules have changed in the meantime"),
    CoverClashError: Shape(409, "clash", "They have such a cover already"),
    UnknownCoverError: Shape(404, "not-found", "There is no such cover"),
}
