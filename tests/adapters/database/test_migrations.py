"""A database that an earlier version made is brought to this one's schema, and what its rows say is kept. On both kinds of database."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, text
from sqlmodel import SQLModel

from adapters.database.engine import Database
from adapters.database.tables import CallRequest, Case, CaseAwaited, JournalEntry, Message, MessageLine, Task
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind
from tests.domain.builders import moment
from tests.older_schema import make_older

LATER_COLUMNS = {"stage_since", "promised_on", "stated_currency", "stated_amount"}
"""Of a case: what no older version has."""

_columns = SQLModel.metadata.tables["cases"].columns
OLDER_CASES = Table("cases", MetaData(), *(Column(each.name, each.type) for each in _columns if each.name not in LATER_COLUMNS))


ANYTHING = {str: "x", int: 1, bool: True, bytes: b"", object: {}, datetime: moment().real, date: moment().real.date(), Decimal: 1}


def add_row(database: Database, table: str, **values: Any) -> None:
    """Add a row to a table as it is now, in an older schema: with anything in the columns that want something and are not named."""
    with database.engine.begin() as connection:
        older = Table(table, MetaData(), autoload_with=connection)
        wanted = (each for each in older.columns if not each.nullable and not each.primary_key and each.server_default is None)
        connection.execute(insert(older), {each.name: ANYTHING[each.type.python_type] for each in wanted} | values)


def add_case(database: Database, kind: CaseKind, waiting_for: str, role: str | None = None, **more: Any) -> None:
    row: dict[str, Any] = {"case_id": kind, "run_id": "r", "kind": kind, "account_id": "A1", "stage": "x", "waiting_for": waiting_for}
    case = Case(**row | {"awaiting_role": role, "seq": 1, "head": "h", "updated_at": moment().real} | more)
    with database.writing() as session:
        session.execute(insert(OLDER_CASES), [case.model_dump(exclude=LATER_COLUMNS)])


def awaited(database: Database) -> set[tuple[str, str, str]]:
    with database.reading() as session:
        return {(row.case_id, row.part, row.name) for row in session.scalars(select(CaseAwaited))}


@pytest.fixture
def older(database: Database) -> Database:
    make_older(database, "0001")
    return database


@pytest.mark.parametrize(
    ("kind", "waiting_for", "role", "summary", "expected"),
    [
        (CaseKind.INVOICE, "decision", "collections_manager", {}, {("role", "collections_manager")}),
        (CaseKind.DISPUTE, "sales_ops", "sales_ops", {"assignee": "ben"}, {("role", "sales_ops")}),
        (
            CaseKind.APPROVAL,
            "finance_director",
            "finance_director",
            {"roles": "collections_manager finance_director", "requester": "ben", "signed_by": "kim"},
            {("role", "collections_manager"), ("role", "finance_director")},
        ),
        (CaseKind.PAYMENT_PLAN, "author", "collector", {"by": "Anna Maria"}, {("role", "collector"), ("person", "Anna Maria")}),
        (CaseKind.PAYMENT_PLAN, "customer", "collector", {"by": "ben"}, {("role", "collector")}),
        (
            CaseKind.SUSPENSION,
            "requester",
            "collector",
            {"askers": "ben kim"},
            {("role", "collector"), ("person", "ben"), ("person", "kim")},
        ),
        (CaseKind.SUSPENSION, "letter", None, {"askers": "ben kim"}, set()),
        (CaseKind.APPROVAL, "nothing", None, [1], set()),
    ],
)
def test_who_is_awaited_is_read_from_the_rows_of_an_older_version(
    older: Database, kind: CaseKind, waiting_for: str, role: str | None, summary: Any, expected: set[tuple[str, str]]
) -> None:
    add_case(older, kind, waiting_for, role, summary=summary)
    older.migrate()
    assert awaited(older) == {(kind.value, part, name) for part, name in expected}


def test_a_case_that_is_over_waits_for_nobody(older: Database) -> None:
    add_case(older, CaseKind.PAYMENT_PLAN, "author", summary={"by": "ben"}, outcome="cancelled")
    older.migrate()
    assert awaited(older) == set()


def test_more_cases_than_one_statement_takes_are_all_read(older: Database) -> None:
    row: dict[str, Any] = {
        "run_id": "r",
        "kind": CaseKind.INVOICE,
        "account_id": "A1",
        "stage": "x",
        "waiting_for": "decision",
        "seq": 1,
        "head": "h",
    }
    row |= {"awaiting_role": "collections_manager", "updated_at": moment().real}
    with older.writing() as session:
        cases = [Case(**row, case_id=f"invoice:I{number}") for number in range(2_500)]
        session.execute(insert(OLDER_CASES), [case.model_dump(exclude=LATER_COLUMNS) for case in cases])
    older.migrate()
    assert len(awaited(older)) == 2_500


def test_a_database_of_this_version_is_left_as_it_is(database: Database) -> None:
    add_case(database, CaseKind.PAYMENT_PLAN, "author", "collector", summary={"by": "ben"})
    database.migrate()
    assert awaited(database) == set()


def test_the_open_calls_of_an_accounts_invoices_become_one(database: Database) -> None:
    make_older(database, "0005")
    insert = "INSERT INTO tasks (key, kind, account_id, invoice_id, role, due_on, state, outcome) VALUES "
    rows = [
        "('call:invoice:I1:phone_call', 'call', 'A1', 'I1', 'collector', '2013-03-05', 'open', '')",
        "('call:invoice:I2:phone_call', 'call', 'A1', 'I2', 'collector', '2013-03-01', 'open', '')",
        "('call:invoice:I3:phone_call', 'call', 'A1', 'I3', 'collector', '2013-02-01', 'done', 'reached')",
        "('call:invoice:J1:phone_call', 'call', 'A2', 'J1', 'collector', '2013-03-02', 'open', '')",
    ]
    with database.engine.begin() as connection:
        for row in rows:
            connection.execute(text(insert + row))
    database.migrate()
    with database.reading() as session:
        tasks = {(task.account_id, task.invoice_id, task.due_on.day, task.state) for task in session.scalars(select(Task))}
        key_of = {task.id: task.key.split(":")[2] for task in session.scalars(select(Task))}
        requests = {(row.invoice_id, row.step, key_of[row.task_id], row.state) for row in session.scalars(select(CallRequest))}
    assert tasks == {("A1", None, 1, "open"), ("A1", "I1", 5, "dropped"), ("A1", "I3", 1, "done"), ("A2", None, 2, "open")}
    assert requests == {(f"I{number}", "phone_call", "I2", "open") for number in (1, 2)} | {
        ("I3", "phone_call", "I3", "done"),
        ("J1", "phone_call", "J1", "open"),
    }


def test_open_invoices_stand_at_their_stage_since_the_day_that_the_journal_says(database: Database) -> None:
    make_older(database, "0021")
    for name, outcome in (("open", None), ("over", "paid")):
        add_case(database, CaseKind.INVOICE, "time", case_id=name, outcome=outcome)
    add_case(database, CaseKind.DISPUTE, "sales_ops")
    with database.writing() as session:
        for seq, kind in enumerate((EntryKind.CASE_OPENED, EntryKind.STEP_TAKEN, EntryKind.HOLD_PLACED), 1):
            at = moment(seq).business
            chain: dict[str, Any] = {"case_id": "open", "seq": seq, "hash": str(seq), "previous": "", "account_id": "A1"}
            session.add(JournalEntry(**chain, kind=kind, business_at=at, recorded_at=at, actor="ben", facts={}))
    database.migrate()
    with database.reading() as session:
        since = {row.case_id: row.stage_since for row in session.scalars(select(Case))}
    assert since == {"open": moment(2).business.date(), "over": None, CaseKind.DISPUTE: None}


def test_what_older_cases_state_and_promise_is_in_their_rows(database: Database) -> None:
    make_older(database, "0023")
    add_case(database, CaseKind.DISPUTE, "sales_ops", summary={"contested": 9_000, "currency": "EUR"})
    add_case(database, CaseKind.SUSPENSION, "notice", summary={"owed_GBP": 700})
    add_case(database, CaseKind.CREDIT_REVIEW, "credit_analyst")
    add_case(database, CaseKind.INVOICE, "promise", promised_by=moment(9).business.date(), promised_amount=500)
    with database.writing() as session:
        for seq in (1, 2):
            at = moment(seq).business
            chain: dict[str, Any] = {"case_id": CaseKind.INVOICE, "seq": seq, "hash": str(seq), "previous": "", "account_id": "A1"}
            session.add(JournalEntry(**chain, kind=EntryKind.PROMISE_MADE, business_at=at, recorded_at=at, actor="ben", facts={}))
    database.migrate()
    with database.reading() as session:
        rows = {row.case_id: (row.stated_currency, row.stated_amount, row.promised_on) for row in session.scalars(select(Case))}
    assert rows == {
        CaseKind.DISPUTE: ("EUR", 9_000, None),
        CaseKind.SUSPENSION: ("GBP", 700, None),
        CaseKind.CREDIT_REVIEW: ("", 0, None),
        CaseKind.INVOICE: ("", 0, moment(2).business.date()),
    }


def add_letter(database: Database, letter_id: int, lines: dict[int, int]) -> None:
    """`lines`: the open balances, by the days past due."""
    add_row(database, "messages", id=letter_id, key=f"k{letter_id}", message_id=f"<{letter_id}@house>", account_id="A1")
    for days, balance in lines.items():
        invoice = f"I{letter_id}{days}"
        add_row(database, "invoices", id=invoice, account_id="A1", number=invoice)
        add_row(database, "message_lines", message_id=letter_id, invoice_id=invoice, open_balance=balance, days_past_due=days)


def test_letters_of_before_asked_for_what_was_overdue_and_named_the_rest(database: Database) -> None:
    make_older(database, "0002")
    add_row(database, "accounts", id="A1")
    add_letter(database, 1, {3: 1_000, 0: 200, -2: 30})
    add_letter(database, 2, {5: 500, 6: 70})
    add_letter(database, 3, {-3: 900})
    database.migrate()
    with database.reading() as session:
        asked = {letter.id: letter.asked_for for letter in session.scalars(select(Message))}
        named = {(line.message_id, line.days_past_due): line.named_as for line in session.scalars(select(MessageLine))}
    assert asked == {1: 1_000, 2: 570, 3: None}
    assert named == {(1, 3): "due", (1, 0): "upcoming", (1, -2): "upcoming", (2, 5): "due", (2, 6): "due", (3, -3): "due"}


def test_a_case_of_an_older_version_stands_at_its_stage_since_its_last_entry(database: Database) -> None:
    make_older(database, "0022")
    add_case(database, CaseKind.DISPUTE, "sales_ops")
    with database.writing() as session:
        for seq in (1, 2):
            at = moment(seq).business
            chain: dict[str, Any] = {"case_id": CaseKind.DISPUTE, "seq": seq, "hash": str(seq), "previous": "", "account_id": "A1"}
            session.add(JournalEntry(**chain, kind=EntryKind.DISPUTE_REMINDED, business_at=at, recorded_at=at, actor="duecourse", facts={}))
    database.migrate()
    with database.reading() as session:
        assert session.get_one(Case, CaseKind.DISPUTE).stage_since == moment(2).business.date()
