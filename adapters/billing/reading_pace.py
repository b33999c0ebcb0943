"""How many objects are read one by one before what was read is handed over.

A system that lets itself be asked a few times a minute must be left enough for their customers, or the same would be read again and again
and never taken in. So fewer are read after it went away, and more again once that went well.
"""

MOST_AT_ONCE = 10


class ReadingPace:
    def __init__(self) -> None:
        self.most = MOST_AT_ONCE

    def note_read(self) -> None:
        self.most = min(self.most * 2, MOST_AT_ONCE)

    def note_away(self, read: int) -> None:
        """After so many of them."""
        self.most = max(read // 2, 1)
