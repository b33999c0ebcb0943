"""How the portfolios' own errors look to a caller."""

from adapters.covers import CoverClashError, UnknownCoverError
from adapters.portfolio_rules import RulesChanged
from adapters.portfolios import NoCollector, UnknownAccounts
from api.problems import Shape

PORTFOLIO_SHAPES: dict[type[Exception], Shape] = {
    UnknownAccounts: Shape(404, "not-found", "There are no such accounts"),
    NoCollector: Shape(422, "no-collector", "This person cannot have accounts"),
    RulesChanged: Shape(409, "changed", "The rules have changed in the meantime"),
    CoverClashError: Shape(409, "clash", "They have such a cover already"),
    UnknownCoverError: Shape(404, "not-found", "There is no such cover"),
}
