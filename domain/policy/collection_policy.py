"""A collection policy: the timeline and the rules of contact, as finance wrote them. An invoice pins the version that it started under."""

import hashlib
import sys
from datetime import time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.money import Currency, Money
from domain.policy.dispute_rules import DisputeRules
from domain.policy.plan_rules import PlanRules
from domain.refusal import Refusal

STEP_NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
HIGHEST_VERSION = 2_147_483_647
"""Of a policy, and of the approval matrix: a database keeps no larger one."""


class StepAction(StrEnum):
    """The action of a step. The last three are requests to the account's suspension case, which needs approval for them."""

    LETTER = "letter"
    CALL = "call"
    SUSPENSION_WARNING = "suspension_warning"
    SUSPENSION = "suspension"
    HAND_OVER = "hand_over"


class TimelineError(ValueError):
    """A step that contradicts those before it. `path` is its place in the policy as written."""

    def __init__(self, index: int, sentence: str) -> None:
        super().__init__(sentence)
        self.path = ("timeline", index)


class _PolicyPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_PolicyPart):
    """One step of the timeline, due when the invoice has been collectable for `day` days (negative: days before the due date)."""

    day: int = Field(ge=-60, le=3650)
    step: str = Field(pattern=STEP_NAME_PATTERN)
    act: StepAction
    letter: str | None = Field(default=None, description="the letter's template, which is also its tone")
    escalate_to: str | None = Field(default=None, description="the role that is told")
    apart: bool = Field(default=False, description="its letter goes in its time, however soon after the account's last one")

    @model_validator(mode="after")
    def _check_letter(self) -> Self:
        if self.act is StepAction.LETTER and self.letter is None:
            raise ValueError(
                Refusal("policy.no_template", "a step whose act is letter names its template: add for example 'letter: reminder'")
            )
        if self.act is not StepAction.LETTER and self.letter is not None:
            raise ValueError(
                Refusal(
                    "policy.no_letter",
                    "a step whose act is {kind} sends no letter: remove the key '{key}'",
                    kind=self.act.value,
                    key="letter",
                )
            )
        if self.act is not StepAction.LETTER and self.apart:
            raise ValueError(
                Refusal(
                    "policy.no_letter",
                    "a step whose act is {kind} sends no letter: remove the key '{key}'",
                    kind=self.act.value,
                    key="apart",
                )
            )
        return self

    @property
    def is_before_due(self) -> bool:
        """True for a step that makes sense only until the due date, such as a courtesy note."""
        return self.day <= 0


def _parse_contact_hours(value: object) -> object:
    """Parse `09:00-17:00` to {opens, closes}; leave what is no text to pydantic."""
    if not isinstance(value, str):
        return value
    opens, _, closes = value.partition("-")
    try:
        return {"opens": time.fromisoformat(opens.strip()), "closes": time.fromisoformat(closes.strip())}
    except ValueError as error:
        raise ValueError(
            Refusal("policy.no_hours", "'{found}' are no contact hours; write for example '09:00-17:00'", found=value)
        ) from error


class ContactHours(_PolicyPart):
    """The hours of a day in which a customer may be contacted, in the customer's own time zone."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError(Refusal("policy.hours_order", "contact hours must open before they close; write for example '09:00-17:00'"))
        return self


class ContactRules(_PolicyPart):
    """The rules of contact; days are calendar days of business time."""

    hours: Annotated[ContactHours, BeforeValidator(_parse_contact_hours)]
    days_between_letters: int = Field(ge=1, le=60, description="between two letters to one account in one currency")
    gather_days: int = Field(
        default=3,
        ge=0,
        le=30,
        description="an overdue invoice whose next letter step is due within so many days joins a letter that goes now",
    )
    days_to_pay: int = Field(default=7, ge=1, le=60, description="from a letter to the day that it sets")
    days_to_call: int = Field(default=3, ge=0, le=60, description="after the day of a call, until the collections manager is told")


class PromiseRules(_PolicyPart):
    """The rules of promises to pay; days are calendar days of business time."""

    longest_days: int = Field(ge=1, le=365)
    tolerance_days: int = Field(ge=0, le=30)
    tolerance_percent: Decimal = Field(ge=0, le=50)
    most_broken: int = Field(ge=0, le=20, description="after so many broken promises no further one is accepted")


class SuspensionRules(_PolicyPart):
    """The rules of suspension. The days of notice are whole days, after the one on which the warning was delivered."""

    notice_days: int = Field(default=14, ge=1, le=365, description="full days between the delivered warning and the sign-off")
    most_extension_days: int = Field(default=30, ge=0, le=365, description="by which people may put off the end of the notice, in all")
    hand_over_days: int = Field(default=30, ge=1, le=365, description="between the suspension and the hand-over to the write-off team")


class CreditUse(StrEnum):
    """What becomes of an account's unapplied credit while it has open invoices of its currency: applied at once, the oldest due first;
    proposed to whoever books payments; or nothing, until somebody applies it."""

    AT_ONCE = "at_once"
    PROPOSE = "propose"
    NEVER = "never"


class Policy(_PolicyPart):
    """A policy at one version."""

    policy: str = Field(pattern=STEP_NAME_PATTERN)
    version: int = Field(ge=1, le=HIGHEST_VERSION)
    title: str
    segments: list[str] = Field(default_factory=list, description="the account segments it applies to; an empty list: every other account")
    minimum_balance: dict[Currency, Decimal] = Field(
        default_factory=dict, description="open balances below it, in major units, are not chased"
    )
    catch_up_days: int = Field(ge=1, le=60, description="between two steps of one invoice, however late it is")
    unapplied_credit: CreditUse = Field(default=CreditUse.PROPOSE, description="what becomes of credit that no invoice has taken")
    contact: ContactRules
    promise: PromiseRules
    dispute: DisputeRules = Field(default_factory=DisputeRules)
    plan: PlanRules = Field(default_factory=PlanRules)
    suspension: SuspensionRules = Field(default_factory=SuspensionRules)
    timeline: list[Step] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_timeline_order(self) -> Self:
        names = [step.step for step in self.timeline]
        for index, (before, after) in enumerate(pairwise(self.timeline), 1):
            if after.day <= before.day:
                out_of_order = Refusal(
                    "policy.days_order",
                    "step '{late}' (day {late_day}) must come after '{early}' (day {early_day}); put the days in order",
                    late=after.step,
                    late_day=after.day,
                    early=before.step,
                    early_day=before.day,
                )
                raise TimelineError(index, out_of_order)
            if after.step in names[:index]:
                raise TimelineError(
                    index, Refusal("policy.same_step", "two steps are called '{name}'; give each a name of its own", name=after.step)
                )
        return self

    def find_step(self, name: str) -> Step | None:
        """Return the step of this name; None where the timeline has none."""
        return next((step for step in self.timeline if step.step == name), None)

    @property
    def minimum_open_balances(self) -> dict[str, int]:
        """The least open balance worth chasing, in minor units, of each currency for which the policy names one."""
        return {currency: self.minimum_open_balance(currency) for currency in self.minimum_balance}

    def minimum_open_balance(self, currency: str) -> int:
        """Return the least open balance to chase, in minor units; 1 where the policy names none."""
        amount = self.minimum_balance.get(currency)
        return 1 if amount is None else max(Money.from_major(amount, currency).minor, 1)


class PolicySnapshot(BaseModel):
    """A policy as an invoice pins it: its whole text as JSON, so that a history needs nothing else to be replayed."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: int
    text: Annotated[str, AfterValidator(sys.intern)]
    """Interned: a worker's cases share one string."""

    @classmethod
    def from_policy(cls, policy: Policy) -> "PolicySnapshot":
        """Take a snapshot of a policy."""
        return cls(name=policy.policy, version=policy.version, text=policy.model_dump_json(exclude_defaults=True))

    def load_policy(self) -> Policy:
        """Return the policy; the invoices of a worker share one object."""
        return _parse_policy_json(self.text)

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@lru_cache(maxsize=64)
def _parse_policy_json(text: str) -> Policy:
    return Policy.model_validate_json(text)
