"""What billing cannot book from here, or refuses, becomes a task for a person, with the words to do it there as a note."""

from datetime import UTC, datetime

from adapters.cases.billing_people import choose_billing_role
from adapters.cases.notes import record_account_note, save_note
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Task
from domain.case.case_view import TaskKind


class BookingsByHand:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, key: str, account_id: str, invoice_id: str | None, words: str, at: datetime) -> None:
        """Open the task, once for a booking's `key`. `words`: what is to be done, and why it is not done from here; `at`: business time."""
        act_id = f"{TaskKind.BOOKING_BY_HAND}:{key}"
        note_id = save_note(self._database, act_id, account_id, invoice_id, "duecourse", words, at)
        record_account_note(self._database, note_id, datetime.now(UTC))
        with self._database.writing() as session:
            task = {
                "key": act_id,
                "kind": TaskKind.BOOKING_BY_HAND,
                "account_id": account_id,
                "invoice_id": invoice_id,
                "role": choose_billing_role(session),
                "due_on": at.date(),
                "state": TaskState.OPEN,
                "outcome": "",
            }
            session.execute(self._database.build_insert_or_ignore(Task).values(**task))
