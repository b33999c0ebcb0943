"""Calls that write and are not answered: they may still be running there, so the same is not ordered again at once."""

import httpx

from adapters.billing.errors import BillingAwayError, UnansweredOrderError

RUNS_AT_MOST = 300.0
"""Seconds that a call without an answer may go on there; more than Duecourse waits for any."""


def build_unanswered_error(error: BillingAwayError) -> BillingAwayError:
    """Return what is raised in place of an error at which a call that writes has ended."""
    if error.is_untouched:
        return error
    rest = max(RUNS_AT_MOST, error.retry_after or 0.0)
    words = f"{error}; it may still be booking, and is looked for in {rest / 60:.0f} minutes"
    return UnansweredOrderError(words, rest, error.rest)


def is_unsent(error: httpx.HTTPError) -> bool:
    """Return whether a call never reached the system."""
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
