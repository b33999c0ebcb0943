"""What Duecourse leaves on an account in Salesforce: a task that is done for each letter and call, a case for each dispute, and the field
by which it is held.

Each begins its subject with the digest of its key, by which it is looked for before it is made: the text of a task cannot be searched.
A hold's task also says whether the account was held before, so that what others have set stays. One by which Duecourse itself held it says
so too: a reinstatement lifts the hold where any of the suspensions since the last one has set it.
"""

import hashlib
from collections.abc import Mapping
from itertools import takewhile
from typing import Final

from adapters.billing.errors import ConflictingBookingError, UnsupportedOperationError
from adapters.billing.external_records import NoteKind
from adapters.salesforce.salesforce_api import FixedValue, SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_reader import SalesforceReader
from adapters.salesforce.salesforce_records import Record, quote

TASK, CASE = "Task", "Case"
TASK_FIELDS: Final[Mapping[str, FixedValue]] = {"Status": "Completed"}
CASE_FIELDS: Final[Mapping[str, FixedValue]] = {"Origin": "Duecourse"}
HELD, WAS_HELD, RELEASED = "S", "H", "R"
_SUBTYPES: Final = {NoteKind.CALL: "Call", NoteKind.LETTER: "Email"}
_LONGEST_SUBJECT = 255
_LONGEST_TEXT = 32_000
_ORDERS: Final = {
    HELD: "Suspended by Duecourse",
    WAS_HELD: "Suspended by Duecourse, and was held before",
    RELEASED: "Reinstated by Duecourse",
}


class SalesforceNotes:
    def __init__(self, api: SalesforceApi, reader: SalesforceReader, settings: SalesforceSettings, account_object: str) -> None:
        self._api, self._reader, self._hold, self._account_object = api, reader, settings.hold_field, account_object
        self._task_fields, self._case_fields = list_fixed_fields(settings)

    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind) -> None:
        account = self._reader.read_account_record(account_id)["Id"]
        mark = _mark("", key)
        place, of_account = (CASE, "AccountId") if kind is NoteKind.DISPUTE else (TASK, "WhatId")
        if self._find(place, of_account, account, mark):
            return
        first, _, rest = text.strip().partition("\n")
        words = {"Subject": f"{mark} {first}"[:_LONGEST_SUBJECT], "Description": (rest.strip() or first)[:_LONGEST_TEXT]}
        if kind is NoteKind.DISPUTE:
            self._api.create(CASE, {**self._case_fields, "AccountId": account, **words})
            return
        contacts = self._reader.find_contacts(account)
        who = {"WhoId": contacts[0]["Id"]} if contacts else {}
        self._api.create(TASK, {"TaskSubtype": _SUBTYPES.get(kind, "Task"), **self._task_fields, "WhatId": account, **who, **words})

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        account, hold = self._read_held(account_id)
        orders = self._list_orders(account["Id"])
        known = next((order for order in orders if order[1] == _digest(key)), None)
        if known is not None and known[0] == RELEASED:
            raise _build_conflict(key)
        if known is None:
            known = (WAS_HELD if account[hold] else HELD, _digest(key))
            orders.append(known)
            self._note_order(account["Id"], known[0], key, reason)
        if orders[-1] == known and known[0] == HELD and not account[hold]:
            self._api.change(self._account_object, account["Id"], {hold: True})

    def reinstate(self, key: str, account_id: str) -> None:
        account, hold = self._read_held(account_id)
        orders = self._list_orders(account["Id"])
        known = next((order for order in orders if order[1] == _digest(key)), None)
        if known is not None and known[0] != RELEASED:
            raise _build_conflict(key)
        if known is None:
            known = (RELEASED, _digest(key))
            orders.append(known)
            self._note_order(account["Id"], RELEASED, key, "")
        since = takewhile(lambda order: order[0] != RELEASED, reversed(orders[:-1]))
        if orders[-1] == known and account[hold] and any(order == HELD for order, _ in since):
            self._api.change(self._account_object, account["Id"], {hold: False})

    def _read_held(self, account_id: str) -> tuple[Record, str]:
        """The account, and the field. Raises UnknownAccountError, UnsupportedOperationError."""
        account = self._reader.read_account_record(account_id)
        if self._hold is None:
            raise UnsupportedOperationError("the connection names no hold field of Account; name one, or stop serving them there by hand")
        return account, self._hold

    def _note_order(self, account: str, order: str, key: str, reason: str) -> None:
        words = {"Subject": f"{_mark(order, key)} {_ORDERS[order]}", "Description": reason[:_LONGEST_TEXT]}
        self._api.create(TASK, {"TaskSubtype": "Task", **self._task_fields, "WhatId": account, **words})

    def _list_orders(self, account: str) -> list[tuple[str, str]]:
        """(order, digest of its key), the latest last."""
        found = self._find(TASK, "WhatId", account, "[duecourse")
        parts = [str(task["Subject"]).partition("]")[0].removeprefix("[duecourse ").partition(":") for task in found]
        return [(order, digest) for order, _, digest in parts if order in _ORDERS]

    def _find(self, place: str, of_account: str, account: str, mark: str) -> list[Record]:
        """Also those that are archived after a year."""
        text = (
            f"SELECT Id, Subject, CreatedDate, IsDeleted FROM {place} WHERE {of_account} = {quote(account)} "
            f"AND Subject LIKE {quote(mark + '%')} ORDER BY CreatedDate, Id"
        )
        return [record for record in self._api.query(text, with_deleted=True) if not record["IsDeleted"]]


def list_fixed_fields(settings: SalesforceSettings) -> tuple[dict[str, FixedValue], dict[str, FixedValue]]:
    """Of every task, and of every case."""
    task, case = {**TASK_FIELDS, **settings.task_fields}, {**CASE_FIELDS, **settings.case_fields}
    return {name: value for name, value in task.items() if value is not None}, {
        name: value for name, value in case.items() if value is not None
    }


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _mark(order: str, key: str) -> str:
    return f"[duecourse {order}:{_digest(key)}]"


def _build_conflict(key: str) -> ConflictingBookingError:
    return ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
