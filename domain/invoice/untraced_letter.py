"""A person's task about a letter that the database has no trace of."""

from datetime import date

from domain.case.case_view import TaskKind, TaskRequest
from domain.roles import Role

NO_LETTER_RECORD = "no_record"
"""The reason of a letter's unknown fate when the database has no trace of it."""


def build_untraced_letter_task(case_id: str, step: str, due_on: date, done_by: str | None = None) -> TaskRequest:
    """Build the task to find out what became of the letter of a step; `done_by` closes it."""
    key = f"{TaskKind.UNKNOWN_LETTER}:{case_id}:{step}"
    return TaskRequest(key=key, kind=TaskKind.UNKNOWN_LETTER, role=Role.COLLECTOR, due_on=due_on, done_by=done_by)
