"""What an account owes by the invoices that joined one of its cases. Amounts in minor units, never added across currencies."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from domain.billing.billing_events import InvoiceFacts
from domain.money import Currency, Money
from domain.policy.collection_policy import Policy


class Receivable(BaseModel):
    """One invoice at one version of its facts. `disputed` is the part of the open balance that the customer contests."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    version: int
    currency: Currency
    open_balance: int
    disputed: int = 0
    settled: bool = False

    @classmethod
    def from_facts(cls, invoice_id: str, facts: InvoiceFacts, disputed: int | None = None) -> "Receivable":
        """`disputed` None: the whole open balance if billing calls the invoice disputed, else nothing."""
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
        """Open, and worth chasing."""
        return not self.settled and self.open_balance >= policy.minimum_open_balance(self.currency)

    def is_collectable(self, policy: Policy) -> bool:
        """What is not disputed of it is worth chasing."""
        return self.is_owed(policy) and self.open_balance - self.disputed >= policy.minimum_open_balance(self.currency)


class InvoiceUpdate(BaseModel):
    """What an invoice tells the cases of its account that it is part of.

    `disputed`: how much of it is contested, in minor units. `planned`: it is part of a payment plan, proposed or kept. `insolvent`: so the
    customer is, or may be. In both cases nobody may press for it.
    """

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    facts: InvoiceFacts
    disputed: int = 0
    planned: bool = False
    insolvent: bool = False

    @property
    def receivable(self) -> Receivable:
        """Nothing of it can be pressed for where billing calls it disputed, on a payment plan, or when insolvency stops everything."""
        untouchable = self.facts.disputed or self.planned or self.insolvent
        return Receivable.from_facts(self.invoice_id, self.facts, self.facts.open_balance if untouchable else self.disputed)


def sum_undisputed_by_currency(receivables: Iterable[Receivable]) -> dict[str, int]:
    """The undisputed open balances."""
    totals: Counter[str] = Counter()
    for claim in receivables:
        totals[claim.currency] += max(claim.open_balance - claim.disputed, 0)
    return dict(totals)


def find_largest_amount(amounts: dict[str, int]) -> tuple[int, str]:
    """The amount, with its currency, that is largest in major units. It stands for all of them where one is shown; nothing is decided by
    it, for amounts in different currencies cannot be compared."""
    currency = max(sorted(amounts), key=lambda code: Money(minor=amounts[code], currency=code).major)
    return amounts[currency], currency


def list_other_amounts(amounts: dict[str, int]) -> dict[str, int]:
    """What there is in the currencies that `find_largest_amount` leaves out; nothing where nothing is owed."""
    _, shown = find_largest_amount(amounts)
    return {currency: amount for currency, amount in sorted(amounts.items()) if currency != shown and amount > 0}
