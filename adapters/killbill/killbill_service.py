"""Suspension in Kill Bill, which really blocks the service: a blocking state of Duecourse's own service on the account. Those of other
services stay as they are."""

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import ConflictingBookingError
from adapters.killbill.killbill_api import KillBillApi, name_path
from adapters.killbill.killbill_orders import KeptOrder, KillBillOrders
from adapters.killbill.killbill_reader import SERVICE, KillBillReader

_SUSPEND, _REINSTATE = ConnectorCapability.SUSPEND.value, ConnectorCapability.REINSTATE.value


class KillBillService:
    def __init__(self, api: KillBillApi, reader: KillBillReader, orders: KillBillOrders) -> None:
        self._api, self._reader, self._orders = api, reader, orders

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        self._order(key, account_id, _SUSPEND, f"{_SUSPEND}: {reason}", is_blocked=True)

    def reinstate(self, key: str, account_id: str) -> None:
        self._order(key, account_id, _REINSTATE, f"{_REINSTATE}:", is_blocked=False)

    def record_note(self, key: str, account_id: str, text: str) -> None:
        self._reader.read_account_record(account_id)
        if not self._orders.find(account_id, key).text:
            self._orders.begin(account_id, key, text)

    def _order(self, key: str, account_id: str, act: str, text: str, *, is_blocked: bool) -> None:
        """One that is given again does what was interrupted, and nothing that was undone since."""
        self._reader.read_account_record(account_id)
        order = self._orders.find(account_id, key, among=(f"{_SUSPEND}:", f"{_REINSTATE}:"))
        if order.text and not order.text.startswith(f"{act}:"):
            raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
        if not order.text:
            self._orders.begin(account_id, key, text)
            order = KeptOrder(text, is_done=False, is_last=True)
        if not order.is_done and order.is_last:
            if self._reader.is_blocked(account_id) is not is_blocked:
                self._set_state(account_id, is_blocked=is_blocked)
            self._orders.finish(account_id, key)

    def _set_state(self, account_id: str, *, is_blocked: bool) -> None:
        state = {
            "stateName": "SUSPENDED" if is_blocked else "ACTIVE",
            "service": SERVICE,
            "isBlockChange": is_blocked,
            "isBlockEntitlement": is_blocked,
            "isBlockBilling": False,
        }
        self._api.send("POST", name_path("accounts", account_id, "block"), state)
