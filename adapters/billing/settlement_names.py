"""Settlements by their names: what a payment settles of an invoice is one, however often the system says part of it."""

from collections.abc import Iterable

from adapters.billing.external_records import Settlement


def merge_settlements(settlements: Iterable[Settlement]) -> list[Settlement]:
    """One for each name, at the place of the first."""
    merged: dict[str, Settlement] = {}
    for settlement in settlements:
        known = merged.get(settlement.external_id)
        merged[settlement.external_id] = settlement if known is None else known._replace(amount=known.amount + settlement.amount)
    return list(merged.values())
