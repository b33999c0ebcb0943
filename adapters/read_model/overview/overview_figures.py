"""All figures of the overview, as of one moment, and kept for a minute: whoever opens the page meanwhile is shown the same ones."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from threading import Lock

from pydantic import BaseModel, ConfigDict

from adapters.database.engine import Database
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


class OverviewFigures(BaseModel):
    """`read_at` is real time: when they were read. `stages` in the order in which invoices pass through them. `settled`: how many invoices
    are over, by their status; `sent_before`: how many letters were sent on all days before this one."""

    model_config = ConfigDict(frozen=True)

    read_at: datetime
    currencies: list[CurrencyFigures]
    stages: list[StageFigures]
    collectors: list[CollectorFigures]
    disputes: list[DisputeFigures]
    waiting: list[WaitingFigures]
    settled: dict[str, int]
    sent_before: int

    @property
    def are_of_nothing(self) -> bool:
        """There has never been an invoice that was open."""
        return not self.currencies and not self.stages


class OverviewReader:
    """Reads the figures of one database, and keeps those of the last day for which it was asked. An empty page is read anew each time: the
    first import shows at once."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._kept: tuple[date, OverviewFigures] | None = None

    def read(self, today: date, now: datetime, clock: Clock) -> OverviewFigures:
        """`now` is real time. One reader at a time: those who come meanwhile wait for what it finds."""
        with self._lock:
            if self._kept is None or self._kept[0] != today or self._kept[1].are_of_nothing or now - self._kept[1].read_at >= KEPT_FOR:
                self._kept = (today, load_overview(self._database, today, now, lambda at: clock.to_business(at).date()))
            return self._kept[1]


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
        )
