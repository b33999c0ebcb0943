"""The approval matrix: the rules that select the approvers, as finance wrote them. A case pins the version that it started under.

Each rule covers a range of amounts, terms, broken plans and segments of one approval type; `domain.policy.matrix_validation` proves that
the rules of a type cover everything exactly once.
"""

import hashlib
import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.money import Currency, Money
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import HIGHEST_VERSION, STEP_NAME_PATTERN
from domain.refusal import Refusal
from domain.roles import Role

MATRIX_POLICY_NAME = "approvals"
"""The name under which the matrix is kept among the policies."""

AUTHORITY_LEVELS: dict[Role, int] = {
    Role.SALES_OPS: 1,
    Role.SALES: 1,
    Role.BILLING_OPS: 1,
    Role.CREDIT_ANALYST: 1,
    Role.WRITE_OFF_ANALYST: 1,
    Role.COLLECTIONS_MANAGER: 2,
    Role.FINANCE_DIRECTOR: 3,
}
"""The roles that may approve, with their level of authority. Collectors request, auditors read, admins administer: none of them
approves."""


class NoApproverError(LookupError):
    """No rule of the matrix covers the request."""


class AmbiguousApprovalRuleError(LookupError):
    """More than one rule of the matrix covers the request."""


class InvalidMatrixError(ValueError):
    """A part of the matrix that contradicts another. `path` is its place in the matrix as written."""

    def __init__(self, path: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class _MatrixModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _require_approver_role(role: Role) -> Role:
    if role not in AUTHORITY_LEVELS:
        raise ValueError(
            Refusal(
                "matrix.no_approver",
                "{written} approves nothing; write one of: {choices}",
                written=role.value,
                choices=", ".join(AUTHORITY_LEVELS),
            )
        )
    return role


ApproverRole = Annotated[Role, AfterValidator(_require_approver_role)]


class ApprovalTier(_MatrixModel):
    """One tier of an approval: a number of people of a role, by a deadline. Days are calendar days of business time.

    Once the deadline has passed, `escalate_to` may sign too; it is the role itself where no role is above it. Those who are asked are told
    by the digest of the day, unless `at_once` says otherwise.
    """

    role: ApproverRole
    quorum: int = Field(default=1, ge=1, le=5)
    deadline_days: int = Field(ge=1, le=60)
    remind_days: int = Field(default=1, ge=0, le=30, description="so many days before the last day; 0: no reminder")
    escalate_to: ApproverRole
    at_once: bool = Field(default=False, description="whoever is asked is told at once, not by the day's digest")
    escalate_at_once: bool = Field(default=False, description="of an escalation alone they are told at once")

    @model_validator(mode="after")
    def _validate_escalation_role(self) -> Self:
        if AUTHORITY_LEVELS[self.escalate_to] < AUTHORITY_LEVELS[self.role]:
            raise ValueError(
                Refusal(
                    "matrix.escalates_down",
                    "{lower} stands below {upper}; escalate to a role above, or to the same one",
                    lower=self.escalate_to.value,
                    upper=self.role.value,
                )
            )
        return self


class NumberRange(_MatrixModel):
    """Whole numbers greater than `over` and at most `up_to`; an end that is left out is open."""

    over: int | None = Field(default=None, ge=0)
    up_to: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _validate_bounds(self) -> Self:
        if self.over is not None and self.up_to is not None and self.over >= self.up_to:
            raise ValueError(
                Refusal(
                    "matrix.no_range",
                    "nothing is over {over} and up to {up_to}; put the smaller number under 'over'",
                    over=self.over,
                    up_to=self.up_to,
                )
            )
        return self

    def contains(self, number: int) -> bool:
        """Return true when the number lies in the range."""
        return (self.over is None or number > self.over) and (self.up_to is None or number <= self.up_to)


class AmountLevelRange(_MatrixModel):
    """Amounts over one level and up to another, each given by its name; an end that is left out is open."""

    over: str | None = None
    up_to: str | None = None


class ApprovalRule(_MatrixModel):
    """The signatories, tier after tier, of requests that meet all conditions. A condition that is left out is always met."""

    rule: str = Field(pattern=STEP_NAME_PATTERN)
    act: ApprovalType
    amount: AmountLevelRange = AmountLevelRange()
    term_days: NumberRange = NumberRange()
    broken_plans: NumberRange = NumberRange()
    segments: list[str] = Field(default_factory=list, description="only these account segments; an empty list: all")
    except_segments: list[str] = Field(default_factory=list, description="every account segment but these")
    sign: list[str] = Field(description="the signatories, in the order in which they are asked")

    @model_validator(mode="after")
    def _validate_segments(self) -> Self:
        if self.segments and self.except_segments:
            raise ValueError(Refusal("matrix.both_segments", "a rule has 'segments' or 'except_segments', not both; remove one"))
        return self

    @model_validator(mode="after")
    def _validate_signatories(self) -> Self:
        if not self.sign and self.act is not ApprovalType.CREDIT_NOTE:
            raise ValueError(Refusal("matrix.nobody_signs", "only a credit note may need nobody; name at least one signatory under 'sign'"))
        return self

    def covers_segment(self, segment: str) -> bool:
        """Return true when the rule applies to accounts of the segment."""
        return segment in self.segments if self.segments else segment not in self.except_segments


class ApprovalRequest(BaseModel):
    """A request for approval. `amount` is in minor units of the currency; 0 for a request without money.

    `other_amounts` are those of the same request in other currencies, in minor units of each. `credited_before`: what the same person has
    had credited of the invoice without anybody's agreement; it counts with `amount`, so that parts need no less than the whole.
    """

    model_config = ConfigDict(frozen=True)

    matter: ApprovalType
    amount: int = Field(ge=0)
    currency: Currency
    other_amounts: dict[Currency, int] = Field(default_factory=dict)
    credited_before: int = Field(default=0, ge=0)
    term_days: int = Field(default=0, ge=0)
    broken_plans: int = Field(default=0, ge=0)
    segment: str = "standard"

    def split_by_currency(self) -> list["ApprovalRequest"]:
        """One request for each currency, its own first; nothing is asked for a currency in which there is nothing."""
        amounts = {self.currency: self.amount} | {code: amount for code, amount in sorted(self.other_amounts.items()) if amount > 0}
        return [
            self.model_copy(
                update={
                    "amount": amount,
                    "currency": code,
                    "other_amounts": {},
                    "credited_before": self.credited_before if code == self.currency else 0,
                }
            )
            for code, amount in amounts.items()
        ]


class ApprovalMatrix(_MatrixModel):
    """The matrix at one version.

    An amount in a currency that the levels do not name counts as over the highest level: it is not converted, and the highest authority
    over amounts decides.
    """

    version: int = Field(ge=1, le=HIGHEST_VERSION)
    title: str
    levels: dict[str, dict[Currency, Decimal]] = Field(description="amounts in major units, by name and currency, the lowest level first")
    signatories: dict[str, ApprovalTier]
    rules: list[ApprovalRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _validate_levels(self) -> Self:
        for (low, below), (high, above) in pairwise(self.levels.items()):
            if below.keys() != above.keys():
                odd = ", ".join(sorted(below.keys() ^ above.keys()))
                raise InvalidMatrixError(
                    ("levels", high),
                    Refusal(
                        "matrix.currencies", "'{low}' and '{high}' do not name the same currencies; see {odd}", low=low, high=high, odd=odd
                    ),
                )
            for currency in above:
                if above[currency] <= below[currency]:
                    sentence = Refusal(
                        "matrix.levels_order",
                        "'{high}' must be above '{low}' in {currency}; put the levels in order",
                        high=high,
                        low=low,
                        currency=currency,
                    )
                    raise InvalidMatrixError(("levels", high, currency), sentence)
        for name, amounts in self.levels.items():
            for currency, amount in amounts.items():
                if amount < 0:
                    raise InvalidMatrixError(
                        ("levels", name, currency),
                        Refusal(
                            "matrix.below_zero", "'{name}' lies below zero in {currency}; write zero or more", name=name, currency=currency
                        ),
                    )
        return self

    @model_validator(mode="after")
    def _validate_rules(self) -> Self:
        names = [rule.rule for rule in self.rules]
        for index, rule in enumerate(self.rules):
            place = ("rules", index)
            if rule.rule in names[:index]:
                raise InvalidMatrixError(
                    (*place, "rule"),
                    Refusal("matrix.same_rule", "two rules are called '{name}'; give each a name of its own", name=rule.rule),
                )
            for name in rule.sign:
                if name not in self.signatories:
                    raise InvalidMatrixError(
                        (*place, "sign"),
                        Refusal(
                            "matrix.no_signatory",
                            "there is no signatory '{name}'; write one of: {choices}",
                            name=name,
                            choices=", ".join(self.signatories),
                        ),
                    )
            over, up_to = rule.amount.over, rule.amount.up_to
            for level in (over, up_to):
                if level is not None and level not in self.levels:
                    raise InvalidMatrixError(
                        (*place, "amount"),
                        Refusal(
                            "matrix.no_level",
                            "there is no level '{name}'; write one of: {choices}",
                            name=level,
                            choices=", ".join(self.levels),
                        ),
                    )
            lowest, highest = self.find_rule_bands(rule)
            if lowest >= highest:
                sentence = Refusal(
                    "matrix.no_amounts",
                    "nothing is over '{over}' and up to '{up_to}'; put the lower level under 'over'",
                    over=over,
                    up_to=up_to,
                )
                raise InvalidMatrixError((*place, "amount"), sentence)
        return self

    def find_rule_bands(self, rule: ApprovalRule) -> tuple[int, int]:
        """Return the bands of amounts that a rule covers, end excluded: band 0 is up to the lowest level, the last one over the highest."""
        levels = list(self.levels)
        over, up_to = rule.amount.over, rule.amount.up_to
        return (0 if over is None else levels.index(over) + 1, len(levels) + 1 if up_to is None else levels.index(up_to) + 1)

    def find_amount_band(self, amount: int, currency: str) -> int:
        """Return the band in which an amount (minor units) lies; the highest where the levels do not name the currency."""
        limits = [Money.from_major(amounts[currency], currency).minor for amounts in self.levels.values() if currency in amounts]
        return sum(amount > limit for limit in limits) if limits else len(self.levels)

    def find_rule(self, question: ApprovalRequest) -> ApprovalRule:
        """Find the one rule that covers a request.

        Raises NoApproverError or AmbiguousApprovalRuleError, which no matrix does that passed its validation.
        """
        band = self.find_amount_band(question.amount + question.credited_before, question.currency)
        matching_rules = [
            rule
            for rule in self.rules
            if rule.act is question.matter
            and band in range(*self.find_rule_bands(rule))
            and rule.term_days.contains(question.term_days)
            and rule.broken_plans.contains(question.broken_plans)
            and rule.covers_segment(question.segment)
        ]
        if not matching_rules:
            raise NoApproverError(f"version {self.version} of the approval matrix names nobody for this {question.matter.display_name}")
        if len(matching_rules) > 1:
            names = " and ".join(rule.rule for rule in matching_rules)
            raise AmbiguousApprovalRuleError(
                f"version {self.version} of the approval matrix answers this {question.matter.display_name} twice: {names}"
            )
        return matching_rules[0]

    def list_rule_tiers(self, rule: ApprovalRule) -> list[ApprovalTier]:
        """List the tiers of a rule, in the order in which they sign."""
        return [self.signatories[name] for name in rule.sign]

    def list_required_tiers(self, question: ApprovalRequest) -> list[ApprovalTier]:
        """List the tiers that a request needs, in the order in which they sign: all that the amount in any of its currencies needs, since
        no amount is converted. Raises as `find_rule` does."""
        return merge_tiers([self.list_rule_tiers(self.find_rule(part)) for part in question.split_by_currency()])


def merge_tiers(alternatives: Sequence[Sequence[ApprovalTier]]) -> list[ApprovalTier]:
    """Merge tiers so that they need no less than each of the alternatives: every role of any of them, with the highest quorum.

    The strictest alternative gives the order; a role that only others name signs before the first one above it.
    """
    strictest, *others = sorted(alternatives, key=lambda tiers: count_required_signatures(tiers)[::-1], reverse=True)
    merged = list(strictest)
    for tiers in others:
        for index, tier in enumerate(tiers):
            nth = [earlier.role for earlier in tiers[:index]].count(tier.role)
            places = [place for place, known in enumerate(merged) if known.role is tier.role]
            if nth >= len(places):
                level = AUTHORITY_LEVELS[tier.role]
                above = (place for place, known in enumerate(merged) if AUTHORITY_LEVELS[known.role] > level)
                merged.insert(next(above, len(merged)), tier)
            elif tier.quorum > merged[places[nth]].quorum:
                merged[places[nth]] = tier
    return merged


def count_required_signatures(tiers: Sequence[ApprovalTier]) -> tuple[int, ...]:
    """Return the number of signatures needed from each level of authority or above it, the lowest level first."""
    levels = sorted(set(AUTHORITY_LEVELS.values()))
    return tuple(sum(tier.quorum for tier in tiers if AUTHORITY_LEVELS[tier.role] >= level) for level in levels)


def requires_more_authority(tiers: Sequence[ApprovalTier], than: Sequence[ApprovalTier]) -> bool:
    """Return true when the first tiers need a signature, at some level of authority, that the others do not."""
    return any(more > less for more, less in zip(count_required_signatures(tiers), count_required_signatures(than), strict=True))


class MatrixSnapshot(BaseModel):
    """The matrix as a case pins it: its whole text as JSON, so that a history needs nothing else to be replayed."""

    model_config = ConfigDict(frozen=True)

    version: int
    text: Annotated[str, AfterValidator(sys.intern)]

    @classmethod
    def from_matrix(cls, matrix: ApprovalMatrix) -> "MatrixSnapshot":
        """Take a snapshot of a matrix."""
        return cls(version=matrix.version, text=matrix.model_dump_json(exclude_defaults=True))

    def load_matrix(self) -> ApprovalMatrix:
        """Return the matrix; the cases of a worker share one object."""
        return _parse_matrix_json(self.text)

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@lru_cache(maxsize=16)
def _parse_matrix_json(text: str) -> ApprovalMatrix:
    return ApprovalMatrix.model_validate_json(text)
