"""Acts on many rows that somebody began: each goes on in the background, says how far it has come, and is kept for a while."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from api.console.acts.refusal import Faults
from api.console.acts.refused_parts import RefusedPart
from api.console.kept_works import KeptWorks

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


class ActOnRows(NamedTuple):
    """What is done, and where. `list_name`: as the titles of lists have it. `back`: the page from which it was begun; `again`: the one on
    which it is begun again, empty where no address can say with what. `row_page`: the pages of the rows, by their ids. `undone_by`: the
    act by which it is undone, on the page `undo`, if any."""

    list_name: str
    act: str
    back: str
    again: str
    row_page: str
    undone_by: str = ""
    undo: str = ""


@dataclass
class ListWork:
    """`rows`: the names of all rows by their ids. To `done` of them it was done, to those of `partly` in part; of both, `queued` wait for a
    worker. The others are `refused`. `is_first_tried`: set once the first row was; what that found wrong with the form are its `faults`,
    and then it is done to none. `unknown_people`: whom its note names, and who are nobody."""

    token: str
    user: str
    key: str
    what: ActOnRows
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


class ListWorks:
    """Each is found by whoever began it, and by nobody else. `clock`: real seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = KeptWorks[ListWork](MOST_OF_ONE_PERSON, clock)

    def begin(self, user: str, key: str, what: ActOnRows, rows: Mapping[str, str]) -> tuple[ListWork, bool]:
        """The work, and whether it begins with this: the same form sent again finds what it began."""
        return self._kept.begin(user, lambda each: each.key == key, lambda token, at: ListWork(token, user, key, what, rows, at))

    def drop(self, work: ListWork) -> None:
        """Forget what began with nothing: the same form, mended, begins it."""
        self._kept.drop(work)

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """Those that run."""
        return self._kept.tasks

    def hold(self, working: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._kept.hold(working)

    def find(self, token: str, user: str) -> ListWork | None:
        """None for what was begun longer than an hour ago and is over."""
        return self._kept.find(token, user)

    def find_by_key(self, key: str, user: str) -> ListWork | None:
        return self._kept.find_first(user, lambda each: each.key == key)
