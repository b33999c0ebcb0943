"""What was collected against its target, line by line: all customers of a currency, then each collector who has a target."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from adapters.portfolio.target_store import EVERYBODY, CollectionTarget
from adapters.read_model.overview.collected_figures import CollectedKey, sum_collected

WHOLE = 100


class MonthFigure(NamedTuple):
    """`month`: its first day. Amounts in minor units; `target` None: none was set."""

    month: date
    target: int | None
    collected: int

    @property
    def percent(self) -> int | None:
        """So much of the target, in hundredths; None without one."""
        return self.collected * WHOLE // self.target if self.target else None


class TargetLine(NamedTuple):
    """`collector` is empty for all customers together. `months`: the one under way first."""

    currency: str
    collector: str
    months: list[MonthFigure]

    @property
    def now(self) -> MonthFigure:
        return self.months[0]


def build_target_lines(
    collected: Mapping[CollectedKey, int], targets: Iterable[CollectionTarget], months: Sequence[date]
) -> list[TargetLine]:
    """By currency; what has neither a target nor money in any of the months has no line."""
    aims = {(target.month, target.currency, target.collector): target.amount for target in targets}
    sums = {(month, currency, EVERYBODY): amount for (month, currency), amount in sum_collected(collected).items()}
    sums |= {(key.month, key.currency, key.collector): amount for key, amount in collected.items() if key.collector}
    wanted = {(currency, EVERYBODY) for _, currency, _ in (*aims, *sums)} | {(currency, collector) for _, currency, collector in aims}
    return [
        TargetLine(
            currency,
            collector,
            [MonthFigure(month, aims.get((month, currency, collector)), sums.get((month, currency, collector), 0)) for month in months],
        )
        for currency, collector in sorted(wanted)
    ]
