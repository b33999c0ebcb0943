"""The receivables of the invoices that joined a case of an account. Amounts in minor units, never added across currencies."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.billing.billing_events import InvoiceFacts
from domain.money import Currency, Money
from domain.policy.collection_policy import Policy


class Receivable(BaseModel):
    """One invoice at one version of its facts. `disputed` is the part of the open balance that the customer contests; `promised_amount`
    is promised by a day, if an invoice that tells so has such a promise."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    version: int
    currency: Currency
    open_balance: int
    disputed: int = 0
    settled: bool = False
    promised_by: date | None = None
    promised_amount: int = 0

    @classmethod
    def from_facts(cls, invoice_id: str, facts: InvoiceFacts, disputed: int | None = None) -> "Receivable":
        """Build a receivable. `disputed` None: the whole open balance if billing marks the invoice as disputed, else nothing."""
        amount = (facts.open_balance if facts.disputed else 0) if disputed is None else disputed
        return cls(
            invoice_id=invoice_id,
            version=facts.version,
            currency=facts.currency,
            open_balance=facts.open_balance,
            disputed=amount,
            settled=facts.is_settled,
        )

    def is_owed(self, policy: Policy) -> bool:
        """Return true when it is open and not below the policy's minimum balance."""
        return not self.settled and self.open_balance >= policy.minimum_open_balance(self.currency)

    def is_collectable(self, policy: Policy) -> bool:
        """Return true when its undisputed part is not below the policy's minimum balance."""
        return self.is_owed(policy) and self.open_balance - self.disputed >= policy.minimum_open_balance(self.currency)


class InvoiceUpdate(BaseModel):
    """The update that an invoice sends to the cases of its account that it is part of.

    `disputed`: how much of it is contested, in minor units. `planned`: it is part of a payment plan, proposed or kept. `insolvent`: the
    customer is insolvent, or may be. In both cases it must not be chased. `promised_amount`: promised by a day, in minor units.
    """

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    facts: InvoiceFacts
    disputed: int = 0
    planned: bool = False
    insolvent: bool = False
    promised_by: date | None = None
    promised_amount: int = 0

    @property
    def receivable(self) -> Receivable:
        """The receivable; all of it counts as disputed where billing marks it so, on a payment plan, or while insolvency stops
        everything."""
        is_uncollectable = self.facts.disputed or self.planned or self.insolvent
        disputed = self.facts.open_balance if is_uncollectable else self.disputed
        promised = {"promised_by": self.promised_by, "promised_amount": self.promised_amount}
        return Receivable.from_facts(self.invoice_id, self.facts, disputed).model_copy(update=promised)


def sum_undisputed_by_currency(receivables: Iterable[Receivable]) -> dict[str, int]:
    """Sum the undisputed open balances, in minor units by currency."""
    totals: Counter[str] = Counter()
    for receivable in receivables:
        totals[receivable.currency] += max(receivable.open_balance - receivable.disputed, 0)
    return dict(totals)


def find_largest_amount(amounts: dict[str, int]) -> tuple[int, str]:
    """Return the amount (minor units) and currency that are largest in major units. It represents all of them where one is shown; no
    decision rests on it, since amounts in different currencies cannot be compared."""
    currency = max(sorted(amounts), key=lambda code: Money(minor=amounts[code], currency=code).major)
    return amounts[currency], currency


def list_other_amounts(amounts: dict[str, int]) -> dict[str, int]:
    """Return the positive amounts in the currencies that `find_largest_amount` leaves out, in minor units by currency."""
    _, shown = find_largest_amount(amounts)
    return {currency: amount for currency, amount in sorted(amounts.items()) if currency != shown and amount > 0}
