"""The scope of an audit: one account, or everything that happened in a period."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple


class AccountScope(NamedTuple):
    """All of one account, from its first entry on."""

    account_id: str


class PeriodScope(NamedTuple):
    """A period from the first day to the last, both included: dates of business time (UTC).

    Every case with an entry in the period belongs to it, from its first entry on: a chain can be followed from its beginning only.
    """

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        """The first moment of the period (UTC)."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_before(self) -> datetime:
        """The first moment after the period (UTC)."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


AuditScope = AccountScope | PeriodScope
