"""What somebody began at the console and goes on in the background: found by whoever began it, and kept for a while once it is over."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

KEPT_SECONDS = 3_600.0
_MARK_SIGN = "~"


class BegunWork(Protocol):
    """`begun_at` in real seconds of the clock by which it is kept."""

    token: str
    user: str
    begun_at: float
    is_running: bool


Work = TypeVar("Work", bound=BegunWork)


def make_token(user: str) -> str:
    """By which what somebody began is found. It says who began it also when nothing is known of that any more."""
    secret = secrets.token_urlsafe(18)
    return f"{secret}{_MARK_SIGN}{_mark_beginner(secret, user)}"


def is_token_of(token: str, user: str) -> bool:
    secret, _, mark = token.rpartition(_MARK_SIGN)
    return bool(secret) and secrets.compare_digest(mark.encode(), _mark_beginner(secret, user).encode())


def _mark_beginner(secret: str, user: str) -> str:
    return blake2b(f"{secret}\n{user}".encode(), digest_size=8).hexdigest()


class KeptWorks(Generic[Work]):
    """Of one person's works that are over at most `most_of_one_person` are kept. `clock`: real seconds. `tasks`: those that run."""

    def __init__(self, most_of_one_person: int, clock: Callable[[], float]) -> None:
        self._most_of_one_person, self._clock = most_of_one_person, clock
        self._works: dict[str, Work] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self._lock = Lock()

    def begin(self, user: str, is_same: Callable[[Work], bool], build: Callable[[str, float], Work]) -> tuple[Work, bool]:
        """The work, and whether it begins with this: where one of the person's `is_same`, that one. `build` is given the token and the
        moment of a new one."""
        with self._lock:
            self._drop_old(user)
            if known := self._find_first(user, is_same):
                return known, False
            work = build(make_token(user), self._clock())
            self._works[work.token] = work
            return work, True

    def hold(self, working: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let it go on in the background, held while it does: the loop alone would lose it."""
        task = asyncio.create_task(working)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def find(self, token: str, user: str) -> Work | None:
        """None for what was begun longer than KEPT_SECONDS ago and is over."""
        with self._lock:
            self._drop_old(user)
            found = self._works.get(token)
        return found if found is not None and found.user == user else None

    def find_first(self, user: str, is_wanted: Callable[[Work], bool]) -> Work | None:
        with self._lock:
            return self._find_first(user, is_wanted)

    def drop(self, work: Work) -> None:
        with self._lock:
            self._works.pop(work.token, None)

    def _find_first(self, user: str, is_wanted: Callable[[Work], bool]) -> Work | None:
        return next((each for each in self._works.values() if each.user == user and is_wanted(each)), None)

    def _drop_old(self, user: str) -> None:
        surplus = sum(each.user == user for each in self._works.values()) - self._most_of_one_person
        for each in list(self._works.values()):
            is_surplus = surplus > 0 and each.user == user
            if not each.is_running and (is_surplus or self._clock() - each.begun_at > KEPT_SECONDS):
                del self._works[each.token]
                surplus -= is_surplus
