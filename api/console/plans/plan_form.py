"""The plan builder's form, as it was filled in: what is to be paid off, and how."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import Any, NamedTuple

from api.console.acts.form_body import UnreadableField, read_amount
from api.console.acts.sent_form import Values, get_first
from api.context import ApiContext
from domain.digits import parse_digits
from domain.payment_plan.instalments import InstalmentFrequency

FIRST_PARTS = 3
FIRST_IN_DAYS = 14
"""How many parts a plan has at first, and in how many days the first one is due."""

RHYTHMS = tuple(InstalmentFrequency)


class PlanForm(NamedTuple):
    """`days` and `amounts`: the instalments as they were edited, by row, as they were written; `edited`: these count, and not the equal
    parts."""

    invoices: Sequence[str]
    equal: str
    first_on: str
    rhythm: str
    first_payment: str
    days: Sequence[str] = ()
    amounts: Sequence[str] = ()
    asked_by: str = "us"
    comment: str = ""
    edited: bool = False

    @classmethod
    def begin(cls, context: ApiContext, invoices: Sequence[str]) -> "PlanForm":
        first_on = (context.today + timedelta(days=FIRST_IN_DAYS)).isoformat()
        return cls(invoices, str(FIRST_PARTS), first_on, InstalmentFrequency.MONTHLY.value, "")

    @classmethod
    def read(cls, values: Values, edited: bool) -> "PlanForm":
        plain = {name: get_first(values, name) for name in ("equal", "first_on", "rhythm", "first_payment", "asked_by", "comment")}
        return cls(
            invoices=values.get("invoices", ()), days=values.get("due_on", ()), amounts=values.get("amount", ()), edited=edited, **plain
        )

    def build_body(self, currency: str, locale: str) -> dict[str, Any]:
        """The body of the API's request for a preview. Raises UnreadableField."""
        return {"invoices": list(self.invoices), "currency": currency, "terms": self._build_terms(currency, locale)}

    def _build_terms(self, currency: str, locale: str) -> dict[str, Any]:
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
