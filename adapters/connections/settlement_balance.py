"""What a connected system says of an invoice, made to add up: its settlements are exactly what is no longer owed."""

from adapters.billing.external_records import ExternalInvoice, Settlement, SettlementKind
from adapters.billing.settlement_names import merge_settlements

UNEXPLAINED = "unexplained"
"""The settlement that stands for what a system does not say the origin of."""


def balance_settlements(invoice: ExternalInvoice) -> tuple[Settlement, ...]:
    """Return the settlements, the latest last, so that they add up to the total less the open balance: the system's balance is the truth.
    What they lack is one more, a payment of unknown origin; what they have too much, the latest have less of."""
    settled = invoice.total - invoice.open_balance
    balanced: list[Settlement] = []
    for settlement in merge_settlements(invoice.settlements):
        amount = min(settlement.amount, settled)
        settled -= amount
        if amount > 0:
            balanced.append(settlement._replace(amount=amount))
    if settled > 0:
        on = balanced[-1].settled_on if balanced else invoice.due_date
        balanced.append(Settlement(f"{UNEXPLAINED}-{invoice.external_id}", SettlementKind.PAYMENT, settled, on))
    return tuple(balanced)


def sum_written_off(invoice: ExternalInvoice) -> int:
    """Return how much of it is written off, in minor units."""
    return sum(each.amount for each in balance_settlements(invoice) if each.kind is SettlementKind.WRITE_OFF)
