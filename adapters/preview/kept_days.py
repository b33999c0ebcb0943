"""Days that were played ahead a moment ago, kept while all that they rest on is the same: playing them costs far more than reading it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from time import monotonic
from typing import Generic, TypeVar

Played = TypeVar("Played")

KEPT_SECONDS = 60.0
"""Real time: what an external billing system says is in no fingerprint."""

KEPT_FOR = timedelta(minutes=5)
"""Business time: a letter that would have gone at once goes a little later in what is kept."""

MOST_KEPT = 4
"""Each has the texts of all its letters."""


class KeptDays(Generic[Played]):
    """Shared by all who look. One plays at a time: whoever asks for the same meanwhile waits for it and plays nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, datetime, Played]] = OrderedDict()

    def find_or_play(self, key: Hashable, now: datetime, play: Callable[[], Played]) -> Played:
        """`key`: another one once anything changed on which the days rest; `now` is business time."""
        with self._lock:
            known = self._kept.get(key)
            if known and monotonic() - known[0] < KEPT_SECONDS and timedelta(0) <= now - known[1] < KEPT_FOR:
                return known[2]
            played = play()
            self._kept[key] = (monotonic(), now, played)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return played
