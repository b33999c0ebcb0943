"""Stands before a connector: while its system asks to be left alone, nothing is asked of it by anybody, be it a reading, a booking, a note
or a comparison; and what it asks for is kept for all of them."""

from collections.abc import Callable
from typing import Any, cast

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingAwayError
from adapters.billing.external_records import ConnectionStep
from adapters.connections.rests.system_rests import SystemRest, SystemRests


class RestingConnector:
    def __init__(self, connector: BillingConnector, rests: SystemRests) -> None:
        self._connector, self._rests, self.key = connector, rests, connector.key

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connector, name)
        return self._guard(found) if callable(found) and name != ConnectorCapability.VERIFY_WEBHOOK else found

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        if (rest := self._rests.find_rest(self.key)) is not None:
            return (ConnectionStep("rest", False, describe_rest(rest), "nothing: it is called again by itself then"),)
        return self._connector.try_connection()

    def _guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*given: Any, **named: Any) -> Any:
            if (rest := self._rests.find_rest(self.key)) is not None:
                raise BillingAwayError(describe_rest(rest), self._rests.seconds_left(rest), is_untouched=True)
            try:
                return call(*given, **named)
            except BillingAwayError as error:
                if error.rest:
                    self._rests.note_rest(self.key, error.rest, str(error))
                raise

        return guarded


def describe_rest(rest: SystemRest) -> str:
    return f"it asked not to be called before {rest.until:%Y-%m-%d %H:%M:%S} UTC ({rest.reason})"


def build_resting_connector(connector: BillingConnector, rests: SystemRests) -> BillingConnector:
    return cast(BillingConnector, RestingConnector(connector, rests))
