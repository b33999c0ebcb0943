"""Who may act on a case: rows beside the case's own, written with it and only when they change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, select
from sqlmodel import col

from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.database.tables import CaseAwaited
from domain.case.case_view import AwaitedParties, CaseView
from domain.case_write import CaseWrite
from domain.identifiers import CaseKind
from domain.invoice.carried_state import CarriedState
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.roles import Role
from tests.domain.builders import moment

MANAGER, DIRECTOR = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR


class WrittenCase:
    """A case that is written with whatever it waits for at the time."""

    def __init__(self, database: Database, case_id: str = "approval:plan:A1:1:1", kind: CaseKind = CaseKind.APPROVAL) -> None:
        self.database, self.kind = database, kind
        self.journal = Journal(case_id=case_id, account_id="A1")
        self.store = CaseStore(database)

    def record(self, role: Role | None = None, roles: tuple[Role, ...] = (), people: tuple[str, ...] = ()) -> CaseWrite:
        self.journal.write(EntryKind.NOTE_ADDED, moment().business, moment().real)
        entries = list(self.journal.pending)
        self.journal.mark_written(self.journal.seq)
        view = CaseView(
            case_id=self.journal.case_id,
            run_id="run",
            kind=self.kind,
            account_id="A1",
            invoice_id=None,
            stage="x",
            next_step=None,
            next_on=None,
            waiting_for="x",
            awaiting_role=role,
            awaited=AwaitedParties(roles=list(roles), people=list(people)) if roles or people else None,
        )
        carried = CarriedState(seq=self.journal.seq, head=self.journal.head)
        return CaseWrite(now=moment().business, entries=entries, case=view, carried=carried)

    def write(self, *awaited: Any, **more: Any) -> None:
        self.store.write([self.record(*awaited, **more)])

    def rows(self) -> set[tuple[str, str]]:
        with self.database.reading() as session:
            found = session.execute(
                select(col(CaseAwaited.part), col(CaseAwaited.name)).where(col(CaseAwaited.case_id) == self.journal.case_id)
            )
            return {(part, name) for part, name in found}


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Those that are sent to the table of who is awaited."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "case_awaited" in statement and not statement.startswith("SELECT cases"):
            sent.append(statement.split()[0])

    event.listen(database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)


def test_the_rows_follow_what_the_case_waits_for(database: Database) -> None:
    case = WrittenCase(database)
    case.write(MANAGER, (MANAGER,))
    assert case.rows() == {("role", "collections_manager")}
    case.write(DIRECTOR, (MANAGER, DIRECTOR))
    assert case.rows() == {("role", "collections_manager"), ("role", "finance_director")}
    case.write(Role.COLLECTOR, people=("Anna Maria", "ben"))
    assert case.rows() == {("role", "collector"), ("person", "Anna Maria"), ("person", "ben")}
    case.write()
    assert case.rows() == set()


def test_a_case_that_waits_for_nobody_sends_no_statement(database: Database) -> None:
    case = WrittenCase(database, "invoice:I1", CaseKind.INVOICE)
    with statements(database) as sent:
        case.write()
        case.write()
    assert sent == []


def test_only_what_changed_is_written(database: Database) -> None:
    case = WrittenCase(database)
    with statements(database) as sent:
        case.write(MANAGER)
        assert sent == ["INSERT"]
        case.write(MANAGER)
        assert sent == ["INSERT", "SELECT"]
        case.write(DIRECTOR)
        assert sent == ["INSERT", "SELECT", "SELECT", "DELETE", "INSERT"]
        case.write()
        assert sent[5:] == ["SELECT", "DELETE"]


def test_a_record_that_is_written_again_leaves_the_rows_as_they_are(database: Database) -> None:
    case = WrittenCase(database)
    record = case.record(MANAGER, people=("ben",))
    case.store.write([record])
    case.store.write([record])
    assert case.rows() == {("role", "collections_manager"), ("person", "ben")}


def test_cases_of_one_transaction_keep_their_own_rows(database: Database) -> None:
    asked, silent, other = (WrittenCase(database, f"approval:plan:A{number}:1:1") for number in range(3))
    asked.store.write([asked.record(MANAGER), silent.record(), other.record(DIRECTOR, people=("kim",))])
    asked.store.write([asked.record(), silent.record(DIRECTOR), other.record(DIRECTOR, people=("kim",))])
    assert (asked.rows(), silent.rows()) == (set(), {("role", "finance_director")})
    assert other.rows() == {("role", "finance_director"), ("person", "kim")}
