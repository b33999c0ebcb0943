"""How the portfolios' own errors look to a caller."""

from adapters.portfolio.assignments import NotACollectorError, UnknownAccountsError
from adapters.portfolio.cover_store import CoverClashError, UnknownCoverError
from adapters.portfolio.rule_store import RulesChangedError
from api.web.problems import ProblemType

PORTFOLIO_PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    UnknownAccountsError: ProblemType(404, "not-found", "There are no such accounts"),
    NotACollectorError: ProblemType(422, "no-collector", "This person cannot have accounts"),
    RulesChangedError: ProblemType(409, "changed", "The rules have changed in the meantime"),
    CoverClashError: ProblemType(409, "clash", "They have such a cover already"),
    UnknownCoverError: ProblemType(404, "not-found", "There is no such cover"),
}
