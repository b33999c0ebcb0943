"""The plan builder's form, as it was filled in: what is to be paid off, and how."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple

from babel.numbers import format_decimal

from adapters.i18n.formatting import format_localised_money
from adapters.read_model.cases import CaseRow
from api.console.acts.form_body import UnreadableField, read_amount
from api.console.acts.sent_form import Values, get_first
from api.console.acts.shown_form import PLAIN_AMOUNT
from api.context import ApiContext
from domain.digits import parse_digits
from domain.payment_plan.instalments import InstalmentFrequency
from domain.payment_plan.present_terms import guess_frequency, list_owed_portions
from domain.payment_plan.summary import PaymentPlanSummary

FIRST_PARTS = 3
FIRST_IN_DAYS = 14
"""How many parts a plan has at first, and in how many days the first one is due."""

RHYTHMS = tuple(InstalmentFrequency)


_PLAIN_FIELDS = ("equal", "first_on", "rhythm", "first_payment", "interest", "asked_by", "why", "comment")


class PlanForm(NamedTuple):
    """`days` and `amounts`: the instalments as they were edited, by row, as they were written; `edited`: these count, and not the equal
    parts. `interest`: per cent a year. `why`: of a plan's other terms alone."""

    invoices: Sequence[str]
    equal: str
    first_on: str
    rhythm: str
    first_payment: str
    days: Sequence[str] = ()
    amounts: Sequence[str] = ()
    asked_by: str = "us"
    interest: str = ""
    why: str = ""
    comment: str = ""
    edited: bool = False

    @classmethod
    def begin(cls, context: ApiContext, invoices: Sequence[str]) -> "PlanForm":
        first_on = (context.today + timedelta(days=FIRST_IN_DAYS)).isoformat()
        return cls(invoices, str(FIRST_PARTS), first_on, InstalmentFrequency.MONTHLY.value, "")

    @classmethod
    def show_terms(cls, plan: CaseRow, rate: Decimal, locale: str) -> "PlanForm":
        """What is still to be paid by the terms that were put forward last."""
        summary = plan.summary_of(PaymentPlanSummary)
        known = summary.proposed_terms or summary.current_terms
        portions = list_owed_portions(known.schedule, summary.received)
        days = [each.due_on for each in portions]
        return cls(
            invoices=summary.invoices,
            equal=str(len(portions)),
            first_on=days[0].isoformat() if days else "",
            rhythm=guess_frequency(days).value,
            first_payment="",
            days=[day.isoformat() for day in days],
            amounts=[format_localised_money(each.amount, summary.currency, locale, PLAIN_AMOUNT) for each in portions],
            interest=format_decimal(rate, locale=locale) if rate else "",
            edited=True,
        )

    @classmethod
    def read(cls, values: Values, edited: bool) -> "PlanForm":
        plain = {name: get_first(values, name) for name in _PLAIN_FIELDS}
        return cls(
            invoices=values.get("invoices", ()), days=values.get("due_on", ()), amounts=values.get("amount", ()), edited=edited, **plain
        )

    def build_terms(self, currency: str, locale: str) -> dict[str, Any]:
        """The terms as the API's requests have them. Raises UnreadableField."""
        interest = {"interest_percent": read_amount("interest", self.interest, locale)} if self.interest.strip() else {}
        return self._build_instalments(currency, locale) | interest

    def _build_instalments(self, currency: str, locale: str) -> dict[str, Any]:
        if self.edited:
            rows = [(day.strip(), amount.strip()) for day, amount in zip_longest(self.days, self.amounts, fillvalue="")]
            filled = [(day, amount) for day, amount in rows if day or amount]
            parts = [{"due_on": day, "amount": read_amount("amount", amount, locale), "currency": currency} for day, amount in filled]
            return {"custom": parts}
        parts_wanted = parse_digits(self.equal.strip())
        if parts_wanted is None:
            raise UnreadableField("equal", str(FIRST_PARTS))
        terms: dict[str, Any] = {
            "first_on": self.first_on,
            "equal": parts_wanted,
            "rhythm": self.rhythm or InstalmentFrequency.MONTHLY.value,
        }
        if self.first_payment.strip():
            amount = read_amount("first_payment", self.first_payment, locale)
            terms["first_payment"] = {"amount": amount, "currency": currency}
        return terms

    def list_rows(self) -> Sequence[Mapping[str, str]]:
        """The instalments as they were edited."""
        rows = zip_longest(self.days, self.amounts, fillvalue="")
        return [{"day": day, "amount": amount} for day, amount in rows if day or amount]
