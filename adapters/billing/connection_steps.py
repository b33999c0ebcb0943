"""A step of the test of a connection: what was tried, and what to ask for where it does not work."""

from collections.abc import Callable

from adapters.billing.errors import BillingAwayError, BillingError
from adapters.billing.external_records import ConnectionStep
from domain.errors import OperatingError
from domain.refusal import Refusal


def try_step(name: str, attempt: Callable[[], str], ask_for: Refusal) -> ConnectionStep:
    """`attempt` returns what was found, or raises what says why not."""
    try:
        return ConnectionStep(name, True, attempt())
    except (BillingError, OperatingError, BillingAwayError) as error:
        return ConnectionStep(name, False, str(error), ask_for)


def describe_some(is_any: object) -> Refusal:
    """What a look into a list found."""
    return Refusal("trial.some", "there are some") if is_any else Refusal("trial.none_yet", "there are none yet")


def describe_right() -> Refusal:
    return Refusal("trial.allowed", "allowed")


def refuse_writing(what: str) -> Refusal:
    return Refusal("trial.may_not_write", "the key's user may not write {what}", what=what)


def describe_company(name: object, currency: object) -> Refusal:
    return Refusal("trial.company", "{name}, books in {currency}", name=name, currency=currency)


def describe_first(number: object) -> Refusal:
    return Refusal("trial.number", "number {number}", number=number)


def refuse_path(path: object) -> Refusal:
    return Refusal("trial.nothing_there", "there is nothing at {path}", path=path)
