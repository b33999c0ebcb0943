"""Suspension in Tryton, and notes: both on the party.

Tryton has no lock on a customer. A credit limit of 0 keeps new sales from being confirmed, for whoever may not exceed limits. `active` is
never touched: a party that is not active cannot be found over REST again.

Each thing that is done leaves a note that begins with its key. A suspension's note says the limit that was in force, and is written first,
so that whoever carries it on after an interruption, or reinstates, knows it.
"""

import re
from decimal import Decimal

from adapters.billing.errors import ConflictingBookingError, UnsupportedOperationError
from adapters.tryton.tryton_api import TrytonApi
from adapters.tryton.tryton_reader import CREDIT_LIMIT, TrytonReader
from adapters.tryton.tryton_records import Record

NO_CREDIT = Decimal(0)
_NOTE = re.compile(r"\[duecourse (?P<key>[^\]]+)\] (?P<text>.*)", re.DOTALL)
_SUSPENDED = re.compile(r"Suspended: credit limit 0, before (?P<limit>none|[0-9.-]+)")
_REINSTATED = "Reinstated: credit limit"


class TrytonService:
    def __init__(self, api: TrytonApi, reader: TrytonReader) -> None:
        self._api, self._reader = api, reader

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        party = self._read_limited_party(account_id)
        notes = self._list_notes(party["id"])
        if (known := notes.get(key)) is not None:
            before = _read_limit_before(key, known)
        else:
            before, notes[key] = party[CREDIT_LIMIT], f"Suspended: credit limit 0, before {_write_limit(party[CREDIT_LIMIT])}. {reason}"
            self._add_note(party["id"], key, notes[key])
        if _is_last_order(notes, key) and party[CREDIT_LIMIT] == before != NO_CREDIT:
            self._api.change("party.party", party["id"], {CREDIT_LIMIT: NO_CREDIT})

    def reinstate(self, key: str, account_id: str) -> None:
        party = self._read_limited_party(account_id)
        notes = self._list_notes(party["id"])
        limits = _list_limits_before(notes, key)
        before = next((limit for limit in reversed(limits) if limit != NO_CREDIT), NO_CREDIT) if limits else party[CREDIT_LIMIT]
        known = notes.get(key)
        if known is None:
            notes[key] = f"{_REINSTATED} {_write_limit(before)}"
            self._add_note(party["id"], key, notes[key])
        elif not known.startswith(_REINSTATED):
            raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
        if limits and _is_last_order(notes, key) and party[CREDIT_LIMIT] == NO_CREDIT != before:
            self._api.change("party.party", party["id"], {CREDIT_LIMIT: before})

    def record_note(self, key: str, account_id: str, text: str) -> None:
        party = self._reader.read_party(account_id)
        if key not in self._list_notes(party["id"]):
            self._add_note(party["id"], key, text)

    def _read_limited_party(self, account_id: str) -> Record:
        """Raises UnknownAccountError, UnsupportedOperationError."""
        party = self._reader.read_party(account_id)
        if CREDIT_LIMIT not in party:
            raise UnsupportedOperationError(
                f"Tryton has no credit limits here; activate its module account_credit_limit, or stop serving {party['name']} there by hand"
            )
        return party

    def _list_notes(self, party_id: int) -> dict[str, str]:
        """By key: the text of each note of Duecourse's on the party, the earliest first."""
        domain = [["resource", "=", f"party.party,{party_id}"], ["message", "like", "[duecourse %"]]
        found = (_NOTE.match(note["message"]) for note in self._api.find("ir.note", domain, ("message",)))
        return {note["key"]: note["text"] for note in found if note}

    def _add_note(self, party_id: int, key: str, text: str) -> None:
        self._api.create("ir.note", {"resource": f"party.party,{party_id}", "message": f"[duecourse {key}] {text}"})


def _is_last_order(notes: dict[str, str], key: str) -> bool:
    """Return whether no other order came after it. One that is given again does what was interrupted, and nothing that was undone since."""
    orders = [each for each, text in notes.items() if _SUSPENDED.match(text) or text.startswith(_REINSTATED)]
    return orders[-1:] == [key]


def _list_limits_before(notes: dict[str, str], key: str) -> list[Decimal | None]:
    """Of each suspension since the latest reinstatement but that of `key`, the earliest first: one that came while another was in force
    found no credit."""
    limits: list[Decimal | None] = []
    for each, text in notes.items():
        if found := _SUSPENDED.match(text):
            limits.append(_parse_limit(found["limit"]))
        elif each != key and text.startswith(_REINSTATED):
            limits.clear()
    return limits


def _read_limit_before(key: str, text: str) -> Decimal | None:
    found = _SUSPENDED.match(text)
    if found is None:
        raise ConflictingBookingError(f"the key {key!r} was used before, for something else; give this its own")
    return _parse_limit(found["limit"])


def _write_limit(limit: Decimal | None) -> str:
    return "none" if limit is None else f"{limit:f}"


def _parse_limit(text: str) -> Decimal | None:
    return None if text == "none" else Decimal(text.rstrip("."))
