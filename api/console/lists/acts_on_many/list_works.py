"""Acts on many rows that somebody began: each goes on in the background, says how far it has come, and is kept for a while."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from api.console.acts.refusal import Faults
from api.console.acts.refused_parts import RefusedPart

KEPT_SECONDS = 3_600.0
MOST_OF_ONE_PERSON = 20


class RefusedRow(NamedTuple):
    """A row to which it could not be done, and why, in the reader's language."""

    row_id: str
    name: str
    why: str


class PartlyDoneRow(NamedTuple):
    """A row to which it could be done in part alone, and to what of it not."""

    row_id: str
    name: str
    refused: Sequence[RefusedPart]


@dataclass
class ListWork:
    """`rows`: the names of all rows by their ids. To `done` of them it was done, to those of `partly` in part; of both, `queued` wait for a
    worker. The others are `refused`. `is_first_tried`: set once the first row was; what that found wrong with the form are its `faults`,
    and then it is done to none. `unknown_people`: whom its note names, and who are nobody."""

    token: str
    user: str
    key: str
    list_name: str
    act: str
    back: str
    rows: Mapping[str, str]
    begun_at: float
    done: int = 0
    queued: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    partly: list[PartlyDoneRow] = field(default_factory=list)
    faults: Faults = ()
    is_first_tried: asyncio.Event = field(default_factory=asyncio.Event)
    is_running: bool = True
    unknown_people: Sequence[str] = ()

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def tried(self) -> int:
        return self.done + len(self.partly) + len(self.refused)


@dataclass
class ListWorks:
    """Each is found by whoever began it, and by nobody else. `clock`: real seconds. `tasks`: those that run, held while they do."""

    clock: Callable[[], float] = time.monotonic
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _works: dict[str, ListWork] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, user: str, key: str, list_name: str, act: str, back: str, rows: Mapping[str, str]) -> tuple[ListWork, bool]:
        """The work, and whether it begins with this: the same form sent again finds what it began."""
        with self._lock:
            self._drop_old(user)
            known = next((each for each in self._works.values() if each.user == user and each.key == key), None)
            if known:
                return known, False
            work = ListWork(secrets.token_urlsafe(18), user, key, list_name, act, back, rows, self.clock())
            self._works[work.token] = work
            return work, True

    def drop(self, work: ListWork) -> None:
        """Forget what began with nothing: the same form, mended, begins it."""
        with self._lock:
            self._works.pop(work.token, None)

    def find(self, token: str, user: str) -> ListWork | None:
        """None for what was begun longer than KEPT_SECONDS ago and is over."""
        with self._lock:
            self._drop_old(user)
            found = self._works.get(token)
        return found if found is not None and found.user == user else None

    def find_by_key(self, key: str, user: str) -> ListWork | None:
        with self._lock:
            return next((each for each in self._works.values() if each.user == user and each.key == key), None)

    def _drop_old(self, user: str) -> None:
        over = [each for each in self._works.values() if not each.is_running]
        surplus = sum(each.user == user for each in self._works.values()) - MOST_OF_ONE_PERSON
        for each in over:
            is_surplus = surplus > 0 and each.user == user
            if is_surplus or self.clock() - each.begun_at > KEPT_SECONDS:
                del self._works[each.token]
                surplus -= is_surplus
