"""Whatever happens to an account, in any order: its letters are whole, right and not too many, and no invoice is forgotten."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.database.engine import Database
from domain.journal.entry import Entry
from tests.adapters.correspondence.account_play import AccountPlay, Happening, PlayedLetter
from tests.adapters.correspondence.correspondence_setup import POLICY, CorrespondenceSetup
from tests.databases import _sqlite_template

DAYS = 35
INVOICES = 4
ASKED_FOR = {"due", "gathered", "listed"}
WINDOW = timedelta(days=14)
LONGEST_WAIT = POLICY.contact.days_between_letters + 3
"""Days: an account's rhythm, and a slot that a weekend puts off."""

issues = st.lists(
    st.builds(Happening, st.integers(0, 20), st.just("issue"), st.integers(0, INVOICES - 1), st.integers(-25, 5)), min_size=2, max_size=6
)
changes = st.lists(
    st.builds(
        Happening,
        st.integers(1, DAYS - 1),
        st.sampled_from(
            [
                *("pay", "pay_part", "dispute", "end_dispute", "promise", "pause", "resume", "refuse", "refuse", "defer", "lose", "lose"),
                *("arrived", "resend", "reach", "skip"),
            ]
        ),
        st.integers(0, INVOICES - 1),
        st.integers(1, 9),
    ),
    max_size=12,
)


@contextmanager
def played(happenings: list[Happening]) -> Iterator[AccountPlay]:
    with TemporaryDirectory() as folder:
        file = shutil.copy(_sqlite_template(), Path(folder) / "duecourse.db")
        database = Database(f"sqlite:///{file}")
        try:
            correspondence = CorrespondenceSetup(database)
            correspondence.create_account()
            play = AccountPlay(database, correspondence)
            play.play(happenings, DAYS)
            yield play
        finally:
            database.close()


def list_asked_for(letter: PlayedLetter) -> dict[str, int]:
    return {name: amount for name, (named_as, amount) in letter.named.items() if named_as in ASKED_FOR}


def find_step_out_of_turn(entries: list[Entry]) -> str | None:
    """Find a step that was taken though the letter before it had been refused, or was in doubt, and none had arrived since, nor had a
    person decided. A courtesy note makes sense only before the due date: the first reminder does not wait for it."""
    undelivered: tuple[str, str] | None = None
    for entry in entries:
        step = str(entry.facts.get("step"))
        match entry.kind.value:
            case "letter.refused" | "letter.unknown" if step != "courtesy_note" or entry.kind.value == "letter.unknown":
                undelivered = (entry.kind.value, step)
            case "letter.sent" | "letter.skipped" | "letter.dropped" if undelivered and undelivered[1] == step:
                undelivered = None
            case "step.taken" if undelivered and (undelivered[0] == "letter.unknown" or undelivered[1] != step):
                return f"{step} after {undelivered}"
    return None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(issues, changes)
@example([Happening(0, "issue", 0, -25), Happening(0, "issue", 1, 0)], [])
@example([Happening(0, "issue", 0, -1)], [Happening(0, "refuse", 0), Happening(7, "refuse", 0), Happening(9, "reach", 0)])
@example([Happening(0, "issue", 0, -1), Happening(9, "issue", 1, -2)], [Happening(0, "lose", 0), Happening(12, "resend", 0)])
@example([Happening(0, "issue", 0, -1), Happening(9, "issue", 1, -2)], [Happening(0, "refuse", 0), Happening(1, "arrived", 0)])
@example([Happening(0, "issue", 0, -1), Happening(0, "issue", 1, -2)], [Happening(2, "refuse", 0), Happening(3, "refuse", 0)])
def test_whatever_happens_the_letters_of_an_account_are_right(issued: list[Happening], changed: list[Happening]) -> None:
    with played([*issued, *changed]) as play:
        reminders = [letter for letter in play.letters if letter.asked_for is not None]
        for letter in reminders:
            assert list_asked_for(letter) == letter.owed, "a letter asks for all that is overdue and may be chased, and for nothing else"
            assert letter.asked_for == sum(letter.owed.values())
        in_rhythm = [letter.on for letter in reminders if letter.template != "final_demand" and not letter.was_resent]
        assert all(sum(first <= day < first + WINDOW for day in in_rhythm) <= 2 for first in in_rhythm)
        days = [letter.on for letter in reminders if not letter.was_resent]
        for letter in reminders:
            before = [day for day in days if letter.on - WINDOW < day < letter.on]
            if letter.template == "final_demand" and not letter.was_resent and before:
                rested = (letter.on - max(before)).days >= POLICY.contact.days_between_letters
                assert rested or len(before) < 2, "a final demand that comes early is not the third letter within twice the rhythm"
        assert len({letter.on for letter in play.letters}) == len(play.letters), "a day has one letter"
        assert [step for invoice in play.invoices.values() if (step := find_step_out_of_turn(invoice.entries))] == []
        assert all(invoice.longest_wait <= LONGEST_WAIT for invoice in play.invoices.values()), "no invoice is forgotten"
