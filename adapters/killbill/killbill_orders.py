"""What Duecourse has ordered of an account, as its custom fields have it: a value for what was begun, and one for what was done.

Kill Bill has no keys of what is booked. A field is written before anything is done for a key, and another when it is done: so a key given
again does nothing twice, and what was interrupted is carried on.
"""

from typing import NamedTuple

from adapters.killbill.invoice_records import LONGEST_TEXT, mark_key
from adapters.killbill.killbill_api import KillBillApi, name_path
from adapters.killbill.killbill_reader import KillBillReader

FIELD = "duecourse"
_DONE = " (done)"


class KeptOrder(NamedTuple):
    """`text`: what was ordered, as it was written when it was begun, or begun again; empty where nothing was. `is_last`: no other came
    after it."""

    text: str
    is_done: bool
    is_last: bool


class KillBillOrders:
    def __init__(self, api: KillBillApi, reader: KillBillReader) -> None:
        self._api, self._reader = api, reader

    def find(self, account_id: str, key: str, *, among: tuple[str, ...] = ()) -> KeptOrder:
        """`among`: how the texts of the orders begin of which it may be the last."""
        mark = mark_key(key)
        texts = [value for name, value in self._reader.list_fields(account_id) if name == FIELD]
        begun = [text.removeprefix(f"{mark} ") for text in texts if text.startswith(f"{mark} ") and not text.endswith(_DONE)]
        others = [text for text in texts if text.partition("] ")[2].startswith(among) and not text.endswith(_DONE)] if among else []
        return KeptOrder(begun[-1] if begun else "", f"{mark}{_DONE}" in texts, bool(others) and others[-1].startswith(f"{mark} "))

    def begin(self, account_id: str, key: str, text: str) -> None:
        said = " ".join(text.split()).removesuffix(_DONE)
        self._add(account_id, f"{mark_key(key)} {said}"[: LONGEST_TEXT - len(_DONE)])

    def finish(self, account_id: str, key: str) -> None:
        self._add(account_id, f"{mark_key(key)}{_DONE}")

    def _add(self, account_id: str, text: str) -> None:
        self._api.send("POST", name_path("accounts", account_id, "customFields"), [{"name": FIELD, "value": text}])
