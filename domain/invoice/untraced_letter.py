"""A letter that the database has no trace of: its outcome, and the person's task about it."""

from datetime import date, datetime

from domain.case.case_view import TaskKind, TaskRequest
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.roles import Role

NO_LETTER_RECORD = "no_record"
"""The reason of a letter's unknown fate when the database has no trace of it."""

SENT_AGAIN = "sent_again"
"""The reason for which such a letter is taken back: a person has it sent again."""


def build_untraced_outcome(step: str, at: datetime, on: date) -> LetterOutcome:
    """Nobody can say whether the letter of the step went; no attempt of it is known."""
    return LetterOutcome(step=step, attempt=0, fate=LetterResult.UNKNOWN, at=at, on=on, reason=NO_LETTER_RECORD)


def build_untraced_letter_task(case_id: str, step: str, due_on: date, done_by: str | None = None) -> TaskRequest:
    """Build the task to find out what became of the letter of a step; `done_by` closes it."""
    key = f"{TaskKind.UNKNOWN_LETTER}:{case_id}:{step}"
    return TaskRequest(key=key, kind=TaskKind.UNKNOWN_LETTER, role=Role.COLLECTOR, due_on=due_on, done_by=done_by)
