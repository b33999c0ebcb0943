"""What an auditor takes along: one account, or everything that happened in a period."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple


class AccountScope(NamedTuple):
    """All that there is of it, from its first entry on."""

    account_id: str


class PeriodScope(NamedTuple):
    """From the first day to the last, both included: dates of business time, in UTC.

    Every case with an entry in the period belongs to it, from its first entry on: a chain can be followed from its beginning only.
    """

    first: date
    last: date

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends_before(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


AuditScope = AccountScope | PeriodScope
