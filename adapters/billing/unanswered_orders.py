"""Calls that write and are not answered: they may still be running there, so the same is not ordered again at once, and may have done
meanwhile what is refused now."""

from collections.abc import Callable

import httpx

from adapters.billing.errors import BillingAwayError, RefusedByBillingError, UnansweredOrderError

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


def post_draft(system: str, post: Callable[[], object], is_posted: Callable[[], bool], gone: type[Exception]) -> None:
    """Post a booking's draft; one that cannot be posted may have been by an earlier call: then it stands. `gone`: what `post` raises where
    there is no such draft. Raises RefusedByBillingError, BillingAwayError."""
    try:
        post()
    except RefusedByBillingError:
        if not is_posted():
            raise
    except gone as error:
        raise BillingAwayError(f"the draft of this booking is gone from {system}; what stands there is read again") from error


def delete_draft(system: str, delete: Callable[[], object], is_posted: Callable[[], bool], gone: type[Exception]) -> None:
    """Delete a booking's draft, if it is there. Raises RefusedByBillingError; BillingAwayError for one that an earlier call has posted
    meanwhile: it is read again."""
    try:
        delete()
    except gone:
        return
    except RefusedByBillingError as error:
        if not is_posted():
            raise
        raise BillingAwayError(f"this was booked in {system} just now; what stands there is read again") from error
