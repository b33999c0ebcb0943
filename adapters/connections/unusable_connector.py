"""Stands for a connection that cannot be used: one that was switched off, or whose secret cannot be read. What is asked of it is refused
with the reason, so that nothing of its invoices is booked elsewhere."""

from typing import Any, NoReturn, cast

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingAwayError, UnsupportedOperationError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import ConnectionStep


class UnusableConnector:
    """`is_off`: a person switched it off, and does there what is asked meanwhile. Otherwise it is waited for, as for a system that is
    away."""

    def __init__(self, key: SystemKey, reason: str, *, is_off: bool) -> None:
        self.key, self._reason, self._is_off = key, reason, is_off

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return frozenset() if self._is_off else frozenset(ConnectorCapability)

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        return (ConnectionStep("secrets", False, self._reason, "what it says"),)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise UnsupportedOperationError(self._reason) if self._is_off else BillingAwayError(self._reason)


def build_unusable_connector(key: SystemKey, reason: str, *, is_off: bool = False) -> BillingConnector:
    return cast(BillingConnector, UnusableConnector(key, reason, is_off=is_off))
