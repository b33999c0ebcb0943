"""Whether a system that refuses one record refuses all, or shows another: a rule may hide one invoice from the key's user, and a key that
is good no more hides them all."""

from collections.abc import Callable, Iterable
from itertools import chain, islice

from adapters.billing.errors import BillingAwayError

MOST_ASKED_FOR = 10
"""Others that are asked for, until one is shown."""


class ShownRecord:
    """The record that a system showed last, which is asked for first."""

    def __init__(self, read: Callable[[str], object]) -> None:
        """`read` asks the system for one, by its id, and raises what the system answers else."""
        self._read, self._last = read, ""

    def note(self, external_id: str) -> None:
        self._last = external_id

    def is_another_shown(self, refused: str, others: Iterable[str]) -> bool:
        """Raises BillingAwayError."""
        wanted = chain([self._last] if self._last else [], islice(others, MOST_ASKED_FOR))
        return any(self._is_shown(each) for each in wanted if each != refused)

    def _is_shown(self, external_id: str) -> bool:
        try:
            self._read(external_id)
        except BillingAwayError:
            raise
        except Exception:  # refused, too, or it is this record's alone: it shows nothing
            return False
        self.note(external_id)
        return True
