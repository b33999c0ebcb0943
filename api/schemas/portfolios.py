"""What the API takes and answers about portfolios: who collects which account, by which rules, and who covers for whom."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, Field, model_validator

from adapters.portfolio.assignments import AssignmentResult, CollectorChange
from adapters.portfolio.cover_store import StoredCover
from adapters.portfolio.rule_store import RuleSet
from adapters.read_model.collectors import CollectorPortfolio
from api.schemas.amounts import Amount
from api.schemas.request_body import MAX_NUMBER, Day, RequestBody, example_config
from domain.portfolio.assignment_rules import PortfolioRule
from domain.refusal import Refusal

MAX_CHANGES_SHOWN = 500
"""How many changes an answer lists one by one."""


class CoverIn(RequestBody):
    """From the first business date to the last, both included: both see the accounts."""

    model_config = example_config(collector="anna.brandt", covered_by="grace.okafor", first_day="2013-07-01", last_day="2013-07-19")

    collector: str = Field(min_length=1, max_length=100)
    covered_by: str = Field(min_length=1, max_length=100)
    first_day: Day
    last_day: Day


class CoverOut(BaseModel):
    id: str
    collector: str
    covered_by: str
    first_day: date
    last_day: date
    made_by: str
    ended_by: str | None = Field(default=None, description="who ended it before its last day")

    @classmethod
    def from_cover(cls, cover: StoredCover) -> Self:
        return cls(id=cover.cover_id, **cover.model_dump(exclude={"cover_id"}))


class CoveringOut(BaseModel):
    """Who covers today, and until when."""

    covered_by: str
    last_day: date


class PortfolioOut(BaseModel):
    """One collector's accounts; `collector` null: those that nobody has. `active` false: they have left, and their accounts have not."""

    collector: str | None
    active: bool
    accounts: int
    open_balances: list[Amount] = Field(description="one amount per currency")
    open_tasks: int
    covered_by: list[CoveringOut]

    @classmethod
    def from_row(cls, row: CollectorPortfolio) -> Self:
        return cls(
            collector=row.collector,
            active=row.active,
            accounts=row.accounts,
            open_tasks=row.open_tasks,
            open_balances=[Amount.from_minor(minor, currency) for currency, minor in row.open_balances.items()],
            covered_by=[CoveringOut(covered_by=cover.covered_by, last_day=cover.last_day) for cover in row.covers],
        )


class RulesIn(RequestBody):
    """In order: the first rule that fits an account wins. A rule without countries, segments and letters fits all that are left."""

    model_config = example_config(
        rules=[
            {"collector": "anna.brandt", "countries": ["DE", "AT"], "letters": "A-M"},
            {"collector": "louis.moreau", "segments": ["key"]},
            {"collector": "grace.okafor"},
        ]
    )

    rules: list[PortfolioRule] = Field(max_length=500)


class RulesOut(BaseModel):
    """`version` 0: nobody has written any."""

    version: int
    rules: list[PortfolioRule]
    made_by: str | None
    recorded_at: datetime | None = Field(description="real time")

    @classmethod
    def from_rule_set(cls, known: RuleSet) -> Self:
        return cls(**known.model_dump())


class ApplyRulesIn(RequestBody):
    """A preview unless `dry_run` is false. `version`: of the rules that the preview showed; when they have changed, nothing is done."""

    model_config = example_config(dry_run=False, version=3)

    dry_run: bool = True
    version: int | None = Field(default=None, ge=0, le=MAX_NUMBER)


class ChangeOut(BaseModel):
    """`tasks`: how many open tasks went along."""

    account_id: str
    account_name: str
    from_collector: str | None
    to_collector: str
    tasks: int

    @classmethod
    def from_change(cls, change: CollectorChange) -> Self:
        return cls(**change.model_dump())


class PastChangeOut(ChangeOut):
    """`cause`: hand, rule or file. `why` is what whoever reassigned it wrote."""

    cause: str
    why: str
    made_by: str
    made_at: datetime = Field(description="business time")


class AccountAssignmentOut(BaseModel):
    """`unplaced`: accounts that have no collector and fit no rule. `by_collector`: how many accounts each gets."""

    dry_run: bool
    version: int
    moved: int
    by_collector: dict[str, int]
    unplaced: int
    changes: list[ChangeOut] = Field(description=f"the first {MAX_CHANGES_SHOWN}")

    @classmethod
    def from_assignment(cls, assignment: AssignmentResult, dry_run: bool) -> Self:
        counted: dict[str, int] = {}
        for change in assignment.changes:
            counted[change.to_collector] = counted.get(change.to_collector, 0) + 1
        return cls(
            dry_run=dry_run,
            version=assignment.version,
            moved=len(assignment.changes),
            by_collector=dict(sorted(counted.items())),
            unplaced=assignment.unplaced,
            changes=[ChangeOut.from_change(change) for change in assignment.changes[:MAX_CHANGES_SHOWN]],
        )


class ReassignmentIn(RequestBody):
    """Some accounts, or all of one collector. Their open tasks go along, except those given to somebody else by name."""

    model_config = example_config(accounts=["A-7"], to="grace.okafor", why="Anna leaves at the end of the month.")

    accounts: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    from_collector: str | None = Field(default=None, min_length=1, max_length=100)
    to: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _validate_selection(self) -> Self:
        if (self.accounts is None) == (self.from_collector is None):
            raise ValueError(Refusal("reassignment.either", "name either the accounts or the collector who has them"))
        return self


class ReassignmentOut(BaseModel):
    """Accounts that were this collector's already are not among them."""

    to: str
    moved: int
    tasks: int
    changes: list[ChangeOut] = Field(description=f"the first {MAX_CHANGES_SHOWN}")
