"""What billing cannot book from here, or refuses, becomes a task for a person, with the words to do it there as a note."""

from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlmodel import col

from adapters.cases.billing_people import choose_billing_role
from adapters.cases.bookings_shown import BookingsShown, name_booking_by_hand
from adapters.cases.notes import record_account_note, save_note
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Invoice, Note, Task
from domain.case.case_view import TaskKind


class BookingsByHand:
    """Each is known by the key of the booking. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shown = BookingsShown(database)

    def ask(self, key: str, account_id: str, invoice_id: str | None, words: str, at: datetime) -> bool:
        """Open the task, once for a booking's `key`; whether it still waits for somebody. `words`: what is to be done, and why it is not
        done from here; `at`: business time. `account_id`: empty where it is the invoice's."""
        act_id = name_booking_by_hand(key)
        account_id = account_id or self._find_owner(invoice_id)
        note_id = save_note(self._database, act_id, account_id, invoice_id, "duecourse", words, at)
        record_account_note(self._database, note_id, datetime.now(UTC))
        with self._database.writing() as session:
            if invoice_id:
                self.shown.keep_credited_before(session, key, account_id, invoice_id)
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
            dropped = update(Task).where(col(Task.key) == act_id, col(Task.state) == TaskState.DROPPED)
            session.execute(dropped.values(state=TaskState.OPEN, due_on=at.date()))
        return self.find_state(key) is TaskState.OPEN

    def ask_again(self, key: str, invoice_id: str, words: str, at: datetime) -> bool:
        """Open the task once more, for what is not to be seen there though somebody has closed it. False where that was done before: then
        what they say counts."""
        act_id = f"{name_booking_by_hand(key)}:again"
        with self._database.writing() as session:
            if session.get(Note, f"note:{act_id}") is not None:
                return False
        record_account_note(
            self._database,
            save_note(self._database, act_id, self._find_owner(invoice_id), invoice_id, "duecourse", words, at),
            datetime.now(UTC),
        )
        with self._database.writing() as session:
            mine = update(Task).where(col(Task.key) == name_booking_by_hand(key), col(Task.state) == TaskState.DONE)
            session.execute(mine.values(state=TaskState.OPEN, due_on=at.date(), closed_by=None, outcome=""))
        return True

    def _find_owner(self, invoice_id: str | None) -> str:
        with self._database.reading() as session:
            return str(session.execute(select(col(Invoice.account_id)).where(col(Invoice.id) == invoice_id)).scalar_one())

    def find_state(self, key: str) -> TaskState | None:
        """What became of the task; None where nobody was asked. Whoever closes it says that it is done there."""
        with self._database.reading() as session:
            state = session.execute(select(col(Task.state)).where(col(Task.key) == name_booking_by_hand(key))).scalar_one_or_none()
            return TaskState(state) if state else None

    def drop(self, key: str) -> None:
        """There is nothing left to be done by hand."""
        with self._database.writing() as session:
            mine = update(Task).where(col(Task.key) == name_booking_by_hand(key), col(Task.state) == TaskState.OPEN)
            session.execute(mine.values(state=TaskState.DROPPED))
