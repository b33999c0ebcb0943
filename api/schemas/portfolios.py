"""What the API takes and answers about portfolios: who collects which account, by which rules, and who covers for whom."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, Field, model_validator

from adapters.portfolio.assignments import Change, Placing
from adapters.portfolio.cover_store import StoredCover
from adapters.portfolio.rule_store import RuleSet
from adapters.read_model.collectors import PortfolioRow
from api.schemas.amounts import Amount
from api.schemas.request_body import Body, example
from domain.portfolio.assignment_rules import PortfolioRule

SHOWN = 500
"""How many changes an answer lists one by one."""


class CoverIn(Body):
    """From the first business date to the last, both included: both see the accounts."""

    model_config = example(collector="anna.brandt", covered_by="grace.okafor", first_day="2013-07-01", last_day="2013-07-19")

    collector: str = Field(min_length=1, max_length=100)
    covered_by: str = Field(min_length=1, max_length=100)
    first_day: date
    last_day: date


class CoverOut(BaseModel):
    id: str
    collector: str
    covered_by: str
    first_day: date
    last_day: date
    made_by: str
    ended_by: str | None = Field(default=None, description="who ended it before its last day")

    @classmethod
    def of(cls, cover: StoredCover) -> Self:
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
    def of(cls, row: PortfolioRow) -> Self:
        return cls(
            collector=row.collector, active=row.active, accounts=row.accounts, open_tasks=row.open_tasks,
            open_balances=[Amount.of(minor, currency) for currency, minor in row.open_balances.items()],
            covered_by=[CoveringOut(covered_by=cover.covered_by, last_day=cover.last_day) for cover in row.covers],
        )  # fmt: skip


class RulesIn(Body):
    """In order: the first rule that fits an account wins. A rule without countries, segments and letters fits all that are left."""

    model_config = example(
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
    def of(cls, known: RuleSet) -> Self:
        return cls(**known.model_dump())


class ApplyRulesIn(Body):
    """A preview unless `dry_run` is false. `version`: of the rules that the preview showed; when they have changed, nothing is done."""

    model_config = example(dry_run=False, version=3)

    dry_run: bool = True
    version: int | None = Field(default=None, ge=0)


class ChangeOut(BaseModel):
    """`tasks`: how many open tasks went along."""

    account_id: str
    account_name: str
    from_collector: str | None
    to_collector: str
    tasks: int

    @classmethod
    def of(cls, change: Change) -> Self:
        return cls(**change.model_dump())


class PastChangeOut(ChangeOut):
    """`cause`: hand, rule or file. `why` is what whoever reassigned it wrote."""

    cause: str
    why: str
    made_by: str
    made_at: datetime = Field(description="business time")


class PlacingOut(BaseModel):
    """`unplaced`: accounts that have no collector and fit no rule. `by_collector`: how many accounts each gets."""

    dry_run: bool
    version: int
    moved: int
    by_collector: dict[str, int]
    unplaced: int
    changes: list[ChangeOut] = Field(description=f"the first {SHOWN}")

    @classmethod
    def of(cls, placing: Placing, dry_run: bool) -> Self:
        counted: dict[str, int] = {}
        for change in placing.changes:
            counted[change.to_collector] = counted.get(change.to_collector, 0) + 1
        return cls(
            dry_run=dry_run, version=placing.version, moved=len(placing.changes), by_collector=dict(sorted(counted.items())),
            unplaced=placing.unplaced, changes=[ChangeOut.of(change) for change in placing.changes[:SHOWN]],
        )  # fmt: skip


class ReassignmentIn(Body):
    """Some accounts, or all of one collector. Their open tasks go along, except those given to somebody else by name."""

    model_config = example(accounts=["A-7"], to="grace.okafor", why="Anna leaves at the end of the month.")

    accounts: list[str] | None = Field(default=None, min_length=1, max_length=10_000)
    from_collector: str | None = Field(default=None, min_length=1, max_length=100)
    to: str = Field(min_length=1, max_length=100)
    why: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.accounts is None) == (self.from_collector is None):
            raise ValueError("name either the accounts or the collector who has them")
        return self


class ReassignmentOut(BaseModel):
    """Accounts that were this collector's already are not among them."""

    to: str
    moved: int
    tasks: int
    changes: list[ChangeOut] = Field(description=f"the first {SHOWN}")
