"""The ordered rules that assign accounts to collectors, and the covers of absent collectors.

The first rule that matches wins. A rule names countries, segments and a range of first letters; one that it leaves out matches every
account.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from domain.refusal import Refusal
from domain.roles import is_same_person

OTHER_LETTERS = "#"
"""The range for names that begin with no letter of the Latin alphabet."""

_LETTER_RANGE = re.compile(r"#|[A-Z](-[A-Z])?")
_SPECIAL_LETTERS = {"Ø": "O", "Ł": "L", "Æ": "A", "Œ": "O", "Đ": "D", "Ð": "D", "Þ": "T"}
"""Latin letters that Unicode does not decompose, and the letters under which they are filed."""


class _PortfolioPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountTraits(_PortfolioPart):
    """The properties of an account that rules match. `country` is ISO 3166-1 alpha-2."""

    name: str
    country: str
    segment: str


class PortfolioRule(_PortfolioPart):
    """A rule that gives accounts to a collector. `letters`: one letter, a range such as A-F, or # for names that begin with none."""

    collector: str = Field(min_length=1, max_length=100)
    countries: list[str] = Field(default_factory=list, max_length=250)
    segments: list[str] = Field(default_factory=list, max_length=100)
    letters: str | None = None

    @field_validator("countries")
    @classmethod
    def _check_countries(cls, countries: list[str]) -> list[str]:
        for country in countries:
            if not re.fullmatch("[A-Z]{2}", country):
                raise ValueError(
                    Refusal("portfolio.no_country", "'{found}' is not a country code; write two capital letters such as DE", found=country)
                )
        return countries

    @field_validator("letters")
    @classmethod
    def _check_letters(cls, letters: str | None) -> str | None:
        if letters is not None and (not _LETTER_RANGE.fullmatch(letters) or letters[0] > letters[-1]):
            raise ValueError(
                Refusal(
                    "portfolio.no_letters",
                    "'{found}' is no range of letters; write one letter such as M, a range such as A-F, or {others}",
                    found=letters,
                    others=OTHER_LETTERS,
                )
            )
        return letters

    def matches_account(self, account: AccountTraits) -> bool:
        """Return true when the account meets every condition of the rule."""
        return (
            (not self.countries or account.country in self.countries)
            and (not self.segments or account.segment in self.segments)
            and (self.letters is None or self.letters[0] <= first_letter(account.name) <= self.letters[-1])
        )

    def covers_rule(self, other: "PortfolioRule") -> bool:
        """Return true when this rule matches every account that the other one matches."""
        return (
            _includes_all(self.countries, other.countries)
            and _includes_all(self.segments, other.segments)
            and (self.letters is None or (other.letters is not None and self._covers_letters(other.letters)))
        )

    def _covers_letters(self, letters: str) -> bool:
        return self.letters is not None and self.letters[0] <= letters[0] and letters[-1] <= self.letters[-1]


def _includes_all(values: Sequence[str], others: Sequence[str]) -> bool:
    """Return true when `values` allow all that the others allow; an empty list allows every value."""
    return not values or (bool(others) and set(others) <= set(values))


def first_letter(name: str) -> str:
    """Return the first letter, A to Z, without its accent; punctuation before it does not count. # when it is no Latin letter."""
    first = next((character for character in name.upper() if character.isalnum()), "")
    letter = _SPECIAL_LETTERS.get(first, unicodedata.normalize("NFKD", first)[:1])
    return letter if "A" <= letter <= "Z" else OTHER_LETTERS


def find_matching_rule(rules: Iterable[PortfolioRule], account: AccountTraits) -> PortfolioRule | None:
    """Return the first rule that matches the account; None when none does."""
    return next((rule for rule in rules if rule.matches_account(account)), None)


def find_unreachable_rule(rules: Sequence[PortfolioRule]) -> tuple[int, int] | None:
    """Find the first rule (by index) that can never win, and the earlier one that takes all its accounts; None when each can."""
    for later, rule in enumerate(rules):
        for earlier in range(later):
            if rules[earlier].covers_rule(rule):
                return later, earlier
    return None


class Cover(_PortfolioPart):
    """`covered_by` works on `collector`'s accounts from the first business date to the last, both included. Both see them."""

    cover_id: str
    collector: str
    covered_by: str
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _check_cover(self) -> Self:
        if is_same_person(self.collector, self.covered_by):
            raise ValueError(f"{self.collector} cannot cover for themselves; name someone else")
        if self.last_day < self.first_day:
            raise ValueError(f"a cover cannot end on {self.last_day}, before it begins on {self.first_day}")
        return self

    def is_active_on(self, day: date) -> bool:
        """Return true on the business dates of the cover."""
        return self.first_day <= day <= self.last_day

    def overlaps(self, other: "Cover") -> bool:
        """Return true for a cover of the same two people that shares a day with this one."""
        same_pair = is_same_person(self.collector, other.collector) and is_same_person(self.covered_by, other.covered_by)
        return same_pair and self.first_day <= other.last_day and other.first_day <= self.last_day
