"""All figures of the overview, as of one moment, and kept for a minute: whoever opens the page meanwhile is shown the same ones. While they
are asked for they are read ahead: over 100,000 invoices that takes up to a second. Overnight they are read now and then, so that the first
in the morning waits no longer than the others."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Lock

from pydantic import BaseModel, ConfigDict

from adapters.database.engine import Database
from adapters.read_model.overview.collected_figures import CollectedKey, load_collected
from adapters.read_model.overview.flow_figures import StageFigures, load_stage_figures
from adapters.read_model.overview.money_figures import (
    CollectorFigures,
    CurrencyFigures,
    load_collector_figures,
    load_currency_figures,
)
from adapters.read_model.overview.waiting_figures import DisputeFigures, WaitingFigures, load_dispute_figures, load_waiting_figures
from adapters.read_model.portfolio_totals import count_sent_before, count_settled, load_stage_order
from domain.clock import Clock

KEPT_FOR = timedelta(minutes=1)
WANTED_FOR = timedelta(hours=1)
"""So long after somebody asked for them they are read ahead, each before it is a minute old."""

REMEMBERED_FOR = timedelta(days=4)
"""So long after that they are read now and then: over a weekend, and a holiday beside it."""

READ_OVERNIGHT_EVERY = timedelta(minutes=10)
KEPT_OVERNIGHT_FOR = timedelta(minutes=12)
"""So old are those that the first may be shown who asks for them again."""


class OverviewFigures(BaseModel):
    """`read_at` is real time: when they were read. `stages` in the order in which invoices pass through them. `settled`: how many invoices
    are over, by their status; `sent_before`: how many letters were sent on all days before this one. `collected`: in the last months, in
    minor units."""

    model_config = ConfigDict(frozen=True)

    read_at: datetime
    currencies: list[CurrencyFigures]
    stages: list[StageFigures]
    collectors: list[CollectorFigures]
    disputes: list[DisputeFigures]
    waiting: list[WaitingFigures]
    settled: dict[str, int]
    sent_before: int
    collected: dict[CollectedKey, int]

    @property
    def are_of_nothing(self) -> bool:
        """There has never been an invoice that was open."""
        return not self.currencies and not self.stages


class OverviewReader:
    """Reads the figures of one database, and keeps those of the last day for which it was asked. An empty page is read anew each time: the
    first import shows at once. `now` is real time throughout."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._kept: tuple[date, OverviewFigures] | None = None
        self._asked_at: datetime | None = None

    def read(self, today: date, now: datetime, clock: Clock) -> OverviewFigures:
        """One reader at a time: those who come meanwhile wait for what it finds."""
        with self._lock:
            figures = self._find_kept(today, now, KEPT_FOR if self._are_wanted(now, WANTED_FOR) else KEPT_OVERNIGHT_FOR)
            self._asked_at = now
            if figures is None:
                figures = self._load(today, now, clock)
                self._kept = (today, figures)
            return figures

    def read_ahead(self, today: date, now: datetime, clock: Clock) -> None:
        """Read those that were asked for of late before they are too old. Whoever asks meanwhile is shown the older ones."""
        if not self._are_wanted(now, REMEMBERED_FOR):
            return
        if self._find_kept(today, now, KEPT_FOR / 2 if self._are_wanted(now, WANTED_FOR) else READ_OVERNIGHT_EVERY) is None:
            figures = self._load(today, now, clock)
            with self._lock:
                self._kept = (today, figures)

    def _are_wanted(self, now: datetime, duration: timedelta) -> bool:
        return self._asked_at is not None and now - self._asked_at < duration

    def _find_kept(self, today: date, now: datetime, age: timedelta) -> OverviewFigures | None:
        if self._kept is None or self._kept[0] != today or self._kept[1].are_of_nothing or now - self._kept[1].read_at >= age:
            return None
        return self._kept[1]

    def _load(self, today: date, now: datetime, clock: Clock) -> OverviewFigures:
        return load_overview(self._database, today, now, lambda at: clock.to_business(at).date())


def load_overview(database: Database, today: date, now: datetime, to_business_day: Callable[[datetime], date]) -> OverviewFigures:
    order = {stage: place for place, stage in enumerate(load_stage_order(database))}
    with database.snapshot() as session:
        stages = load_stage_figures(session, today)
        return OverviewFigures(
            read_at=now,
            currencies=load_currency_figures(session, today),
            stages=sorted(stages, key=lambda row: (order.get(row.stage, len(order)), row.stage)),
            collectors=load_collector_figures(session, today),
            disputes=load_dispute_figures(session, today),
            waiting=load_waiting_figures(session, to_business_day),
            settled=count_settled(session),
            sent_before=count_sent_before(session, today),
            collected=load_collected(session, today),
        )
