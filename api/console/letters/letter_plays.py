"""The letters of the next days as the console plays them: of many accounts that takes its time, and a page says how far it is."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock, Thread
from typing import NamedTuple

from adapters.preview.letter_preview import LettersAhead, PlayProgress

WAITED_SECONDS = 1.5
"""For so long a page waits for the letters: those of a collector's accounts are played by then."""

MOST_KEPT = 4
"""Each has the texts of all its letters."""


@dataclass
class LetterPlay:
    """`began`: business time. `letters`: so many were played so far; `ahead`: what came of it, `fault` why nothing did."""

    began: datetime
    letters: int = 0
    ahead: LettersAhead | None = None
    fault: BaseException | None = None
    is_over: Event = field(default_factory=Event)

    def report_progress(self, letters: int) -> None:
        self.letters = letters


class LettersFound(NamedTuple):
    """What there is to show: `ahead` is None while nothing was ever played. `played_at`: business time, of letters that are played again
    just now, because something has changed since; None of letters as they stand. `so_far`: how many were played again."""

    ahead: LettersAhead | None
    played_at: datetime | None = None
    so_far: int = 0


class LetterPlays:
    """One play at a time of each view; `waited_seconds`: real time."""

    def __init__(self, waited_seconds: float = WAITED_SECONDS) -> None:
        self.waited_seconds = waited_seconds
        self._lock = Lock()
        self._running: dict[Hashable, LetterPlay] = {}
        self._latest: OrderedDict[Hashable, LetterPlay] = OrderedDict()

    def look(self, view: Hashable, now: datetime, play: Callable[[PlayProgress], LettersAhead]) -> LettersFound:
        """The letters of a view, such as those of one collector on one day, as they stand; or what was played of them last, while `play`
        goes on. Raises what `play` raised."""
        with self._lock:
            running = self._running.get(view)
            if running is None:
                running = self._running[view] = LetterPlay(now)
                Thread(target=self._run, args=(view, running, play), daemon=True).start()
        running.is_over.wait(self.waited_seconds)
        if running.fault is not None:
            raise running.fault
        if running.ahead is not None:
            return LettersFound(running.ahead)
        with self._lock:
            latest = self._latest.get(view)
        return LettersFound(latest.ahead, latest.began, running.letters) if latest else LettersFound(None, None, running.letters)

    def _run(self, view: Hashable, running: LetterPlay, play: Callable[[PlayProgress], LettersAhead]) -> None:
        try:
            running.ahead = play(running.report_progress)
        except BaseException as error:
            running.fault = error
        with self._lock:
            del self._running[view]
            if running.ahead is not None:
                self._latest[view] = running
                self._latest.move_to_end(view)
                while len(self._latest) > MOST_KEPT:
                    self._latest.popitem(last=False)
        running.is_over.set()
