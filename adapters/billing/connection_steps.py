"""A step of the test of a connection: what was tried, and what to ask for where it does not work."""

from collections.abc import Callable

from adapters.billing.errors import BillingAwayError, BillingError
from adapters.billing.external_records import ConnectionStep
from domain.errors import OperatingError


def try_step(name: str, attempt: Callable[[], str], ask_for: str) -> ConnectionStep:
    """`attempt` returns what was found, or raises what says why not."""
    try:
        return ConnectionStep(name, True, attempt())
    except (BillingError, OperatingError, BillingAwayError) as error:
        return ConnectionStep(name, False, str(error), ask_for)
