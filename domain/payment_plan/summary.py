"""What lists know of a payment plan."""

from datetime import date
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from domain.case.summary_fields import PackedWords
from domain.money import Money
from domain.payment_plan.instalments import Instalment, InstalmentSchedule


def _parse_instalments(stored: Any) -> Any:
    if not isinstance(stored, str):
        return stored
    parts = [text.split(":") for text in stored.split()]
    return tuple(
        Instalment(number=number, due_on=date.fromisoformat(day), principal=int(amount) - int(interest), interest=int(interest))
        for number, (day, amount, interest) in enumerate(parts, 1)
    )


def _format_instalments(instalments: tuple[Instalment, ...]) -> str:
    return " ".join(f"{instalment.due_on.isoformat()}:{instalment.amount}:{instalment.interest}" for instalment in instalments)


PackedInstalments = Annotated[
    tuple[Instalment, ...], BeforeValidator(_parse_instalments), PlainSerializer(_format_instalments, return_type=str)
]
"""Instalments, stored as day:amount:interest in minor units, parted by spaces."""


class RevisionSchedule(NamedTuple):
    """Terms as the summary holds them: the revision's number, and its schedule."""

    revision: int
    schedule: InstalmentSchedule


class PaymentPlanSummary(BaseModel):
    """Amounts in minor units of the plan's currency.

    `revision`, `total`, `instalments`, `by` and `schedule` are those of the terms that were put forward last, `agreed…` those of the terms
    that were accepted. `received`: since the proposal. `missed`: so many instalments are in their days of grace. `reason`: why it is over.
    `lapses_on`: the last business date to revise what came back, or to accept the offer.
    """

    model_config = ConfigDict(frozen=True)

    invoices: PackedWords = ()
    revision: int = 0
    total: int = 0
    instalments: int = 0
    received: int = 0
    debt: int = 0
    currency: str = ""
    by: str = ""
    in_force: bool = False
    missed: int = 0
    reason: str = ""
    lapses_on: date | None = None
    schedule: PackedInstalments = ()
    agreed: int | None = None
    agreed_total: int | None = None
    agreed_schedule: PackedInstalments | None = None

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return (Money(minor=self.debt, currency=self.currency),) if self.currency else ()

    @property
    def current_terms(self) -> RevisionSchedule:
        """Those in force or, before any are, those under negotiation or last negotiated."""
        if self.agreed is None or self.agreed_total is None or self.agreed_schedule is None:
            return self._negotiated_terms
        return RevisionSchedule(self.agreed, _build_schedule(self.agreed_schedule, self.agreed_total))

    @property
    def proposed_terms(self) -> RevisionSchedule | None:
        """Those that are to take the place of those in force; None when nobody put any forward."""
        renegotiated = self.agreed is not None and self.revision != self.agreed
        return self._negotiated_terms if renegotiated else None

    @property
    def _negotiated_terms(self) -> RevisionSchedule:
        return RevisionSchedule(self.revision, _build_schedule(self.schedule, self.total))


def _build_schedule(instalments: tuple[Instalment, ...], total: int) -> InstalmentSchedule:
    """What of the total the instalments lack was paid before them."""
    return InstalmentSchedule(instalments=instalments, paid_before=total - sum(instalment.amount for instalment in instalments))
