"""The customer's time zone, worked out in one place for everything that is written to them or happens on their date."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col

from adapters.database.tables import Account, Contact

BILLING_CONTACT_ORDER: tuple[Any, ...] = (col(Contact.undeliverable_since).is_not(None), col(Contact.id))
"""Which of an account's billing contacts is written to: the first whose address has not bounced, else the first."""


def select_customer_zone() -> ColumnElement[str]:
    """The IANA name, as a column of a query that reads accounts: the zone of the contact who is written to, else the account's own."""
    written_to = (
        select(func.nullif(col(Contact.time_zone), ""))
        .where(col(Contact.account_id) == col(Account.id), col(Contact.role) == "billing")
        .order_by(*BILLING_CONTACT_ORDER)
        .limit(1)
        .correlate(Account)
        .scalar_subquery()
    )
    return func.coalesce(written_to, col(Account.time_zone))
