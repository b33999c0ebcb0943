import csv
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from io import StringIO
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import func, select
from sqlmodel import SQLModel, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Contact, ImportRow, ImportRun, Invoice, LedgerEvent, Payment
from adapters.imports.column_mapping import ColumnMapping, load_mapping, parse_mapping
from adapters.imports.importer import Importer, ImportResult, ImportVerdict, UnknownImportError
from adapters.imports.sheet import BrokenSheetError, EmptySheetError, HeaderError, SheetError
from adapters.ledger.ledger import Ledger
from adapters.shipped_files import PROJECT
from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from tests.adapters.ledger.builders import AT, TODAY, find_unbalanced_invoices, list_event_kinds

REAL_FILE = PROJECT.parent / "shared" / "data" / "accounts-receivable.csv"
OURS = load_mapping(PROJECT / "mappings" / "duecourse.yaml")
ROW = {
    "number": "R1",
    "account_id": "A1",
    "account_name": "Müller & Söhne",
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "language": "de",
    "email": "pay@mueller.example",
    "issue_date": "2013-04-01",
    "due_date": "2013-05-01",
    "currency": "EUR",
    "total": "100.00",
    "open_balance": "",
    "settled_on": "",
    "disputed": "",
    "cancelled": "",
}


def row(**changes: str) -> dict[str, str]:
    return ROW | changes


def table(rows: Iterable[dict[str, str]], delimiter: str = ",") -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(ROW), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def run(
    database: Database, folder: Path, *rows: dict[str, str], on: date = TODAY, dry_run: bool = False, mapping: ColumnMapping = OURS
) -> ImportResult:
    file = folder / "invoices.csv"
    file.write_text(table(rows), encoding="utf-8")
    return run_file(database, file, on=on, dry_run=dry_run, mapping=mapping)


def run_file(database: Database, file: Path, on: date = TODAY, dry_run: bool = False, mapping: ColumnMapping = OURS) -> ImportResult:
    return Importer(database).run(file, mapping, on, start_of_day(on), "tester", dry_run)


def counted(result: ImportResult) -> dict[str, int]:
    return {verdict.value: count for verdict, count in result.verdicts.items() if count}


def size(database: Database, entity: type[SQLModel]) -> int:
    with database.reading() as session:
        return int(session.execute(select(func.count()).select_from(entity)).scalar_one())


def reason_of(database: Database, folder: Path, **changes: str) -> str:
    result = run(database, folder, row(**changes), row(number="good"))
    assert counted(result) == {"rejected": 1, "new": 1}
    return result.rejected[0].reason


def test_an_open_invoice_is_new_and_its_workflow_hears_of_it(database: Database, tmp_path: Path) -> None:
    assert counted(run(database, tmp_path, row(open_balance="60.00", disputed="yes"))) == {"new": 1}

    facts = Ledger(database).get_invoice_facts("R1")
    assert (facts.total, facts.open_balance, facts.disputed, facts.version) == (10_000, 6_000, True, 1)
    assert list_event_kinds(database) == [("invoice.issued", 0, "open")]
    assert find_unbalanced_invoices(database) == []


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (table([row(total="1,234.50")]).encode("utf-8-sig"), "auto"),
        (table([row(total="1.234,50")], ";").encode("utf-8"), "auto"),
        (table([row(total="1234,50")], "\t").encode("latin-1"), "auto"),
        (table([row(total="1234,50")], ";").encode("utf-16"), "auto"),
        (table([row(total="1.234")], ";").replace("1.234", "1.234,5").encode("cp1252"), "comma"),
    ],
    ids=["byte order mark", "semicolon and decimal comma", "tab and Latin-1", "UTF-16", "decimal comma by mapping"],
)
def test_a_file_is_read_as_it_was_written(database: Database, tmp_path: Path, content: bytes, mapping: str) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(content)
    how = OURS.model_copy(update={"file": OURS.file.model_copy(update={"decimal": "," if mapping == "comma" else "auto"})})

    assert counted(run_file(database, file, mapping=how)) == {"new": 1}
    assert Ledger(database).get_invoice_facts("R1").total == 123_450
    with database.reading() as session:
        assert session.get_one(Account, "A1").name == "Müller & Söhne"


def test_excel_dates_and_numbers_are_taken_as_they_are(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "export.xlsx"
    with xlsxwriter.Workbook(file) as workbook:
        sheet, day = workbook.add_worksheet(), workbook.add_format({"num_format": "dd/mm/yy"})
        sheet.write_row(0, 0, list(ROW))
        sheet.write_row(1, 0, list(row(number="", total="").values()))
        sheet.write_number(1, list(ROW).index("number"), 4711)
        sheet.write_number(1, list(ROW).index("total"), 99.99)
        sheet.write_datetime(1, list(ROW).index("due_date"), datetime(2013, 5, 3), day)

    assert counted(run_file(database, file)) == {"new": 1}
    facts = Ledger(database).get_invoice_facts("4711")
    assert (facts.total, facts.due_date) == (9_999, date(2013, 5, 3))


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", EmptySheetError, "is empty"),
        (b"\n\n", EmptySheetError, "is empty"),
        (table([]).encode(), EmptySheetError, "no row below it"),
        (b"a,b\n\x00\x01\x02\n", BrokenSheetError, "neither CSV nor Excel"),
        (b"PK\x03\x04 torn", BrokenSheetError, "not a readable Excel file"),
        (table([row()]).replace("due_date", "due_dat").encode(), HeaderError, "lacks 'due_date' .is it 'due_dat'"),
        (table([row()]).replace("email", "number").encode(), HeaderError, "'number' more than once"),
        (table([row(total="1,234")]).encode(), SheetError, "'1,234', which could be two amounts"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_as_a_whole(
    database: Database, tmp_path: Path, content: bytes, error: type[SheetError], words: str
) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(content)

    with pytest.raises(error, match=words):
        run_file(database, file)
    assert size(database, ImportRun) == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": ""}, "number: is empty"),
        ({"total": "ten"}, "total: 'ten' is not an amount"),
        ({"open_balance": "-5.00"}, "open_balance: '-5.00' is negative"),
        ({"total": "5.005", "open_balance": ""}, "total: '5.005' has more decimals"),
        ({"due_date": "1.5.2013"}, "due_date: '1.5.2013' is not a date written as YYYY-MM-DD"),
        ({"due_date": ""}, "due_date: is empty"),
        ({"due_date": "1969-12-31"}, "due_date: '1969-12-31' lies outside 1970-01-01 to 2999-12-31"),
        ({"currency": "EURO"}, "currency: 'EURO' is not an ISO 4217"),
        ({"country": "XX"}, "country: 'XX' is not an ISO 3166"),
        ({"time_zone": "Europe/Hamburg"}, "time_zone: 'Europe/Hamburg' is not"),
        ({"language": "it"}, "language: 'it' is not a language of the letters"),
        ({"email": "nobody@home"}, "email: 'nobody@home' is not an e-mail address"),
        ({"disputed": "perhaps"}, "disputed: 'perhaps' is neither yes nor no"),
        ({"open_balance": "101.00"}, "open_balance: '101.00' is more than the total 100.00"),
        ({"open_balance": "1.00", "settled_on": "2013-05-02"}, "open_balance: '1.00' is still open, yet settled on 2013-05-02"),
    ],
)
def test_a_bad_row_is_rejected_in_words_and_stops_no_good_one(
    database: Database, tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    assert reason in reason_of(database, tmp_path, **changes)


def test_one_number_with_two_contents_is_rejected_and_a_mere_repetition_is_not(database: Database, tmp_path: Path) -> None:
    result = run(database, tmp_path, row(), row(), row(total="7.00"))

    assert counted(result) == {"new": 1, "unchanged": 1, "rejected": 1}
    assert "is in row 2 already" in result.rejected[0].reason


def test_what_is_not_issued_yet_comes_at_its_own_date(database: Database, tmp_path: Path) -> None:
    later = row(issue_date="2013-06-10", due_date="2013-07-10")

    assert counted(run(database, tmp_path, later)) == {"not_yet_issued": 1}
    assert size(database, Invoice) == size(database, Account) == 0
    assert counted(run(database, tmp_path, later, on=date(2013, 6, 10))) == {"new": 1}


def test_what_is_settled_already_is_written_closed_and_no_workflow_hears_of_it(database: Database, tmp_path: Path) -> None:
    rows = [
        row(settled_on="2013-05-20"),
        row(number="R2", open_balance="0"),
        row(number="R3", cancelled="yes"),
        row(number="R4", total="0"),
    ]

    assert counted(run(database, tmp_path, *rows)) == {"settled": 4}
    assert [Ledger(database).get_invoice_facts(number).status.value for number in ("R1", "R2", "R3", "R4")] == [
        "paid",
        "paid",
        "cancelled",
        "paid",
    ]
    assert list_event_kinds(database) == []
    with database.reading() as session:
        assert session.get_one(Invoice, "R1").settled_on == date(2013, 5, 20)


def test_a_settlement_after_the_business_date_is_not_known_yet(database: Database, tmp_path: Path) -> None:
    paid_later = row(settled_on="2013-06-15", open_balance="0.00")

    assert counted(run(database, tmp_path, paid_later)) == {"new": 1}
    assert Ledger(database).get_invoice_facts("R1").open_balance == 10_000
    assert counted(run(database, tmp_path, paid_later, on=date(2013, 6, 14))) == {"unchanged": 1}
    assert counted(run(database, tmp_path, paid_later, on=date(2013, 6, 15))) == {"changed": 1}
    assert list_event_kinds(database)[-1] == ("payment.received", 10_000, "paid")
    assert find_unbalanced_invoices(database) == []


def test_the_same_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    rows = [row(), row(number="R2", settled_on="2013-05-20"), row(number="R3", open_balance="1.00")]
    run(database, tmp_path, *rows)
    before = [size(database, entity) for entity in (LedgerEvent, Payment, Contact)]

    assert counted(run(database, tmp_path, *rows)) == {"unchanged": 3}
    assert [size(database, entity) for entity in (LedgerEvent, Payment, Contact)] == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"due_date": "2013-05-20"}, [("invoice.changed", 0, "open")]),
        ({"total": "120.00"}, [("invoice.changed", 0, "open")]),
        ({"disputed": "yes"}, [("invoice.changed", 0, "open")]),
        ({"open_balance": "30.00"}, [("payment.received", 5_000, "open")]),
        ({"open_balance": "0.00"}, [("payment.received", 8_000, "paid")]),
        ({"settled_on": "2013-05-30", "open_balance": ""}, [("payment.received", 8_000, "paid")]),
        ({"open_balance": "100.00"}, [("payment.reversed", 2_000, "open")]),
        ({"cancelled": "yes"}, [("invoice.cancelled", 8_000 + 2_000, "cancelled")]),
        ({"due_date": "2013-05-20", "open_balance": "0"}, [("invoice.changed", 0, "open"), ("payment.received", 8_000, "paid")]),
        ({"total": "50.00", "open_balance": "0"}, [("invoice.changed", 0, "open"), ("payment.received", 3_000, "paid")]),
        ({"account_name": "Müller GmbH"}, []),
    ],
)
def test_a_changed_row_becomes_the_events_that_it_means(
    database: Database, tmp_path: Path, changes: dict[str, str], expected: list[tuple[str, int, str]]
) -> None:
    run(database, tmp_path, row(open_balance="80.00"))

    assert counted(run(database, tmp_path, row(open_balance="80.00") | changes | _still_paid(changes))) == {"changed": 1}
    assert list_event_kinds(database)[1:] == expected
    assert find_unbalanced_invoices(database) == []


def _still_paid(changes: dict[str, str]) -> dict[str, str]:
    """With another total, what was paid stays the same unless the case says otherwise."""
    return {"open_balance": "100.00"} if changes == {"total": "120.00"} else {}


def test_a_paid_invoice_whose_balance_is_back_is_open_again(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row(settled_on="2013-05-20"))

    assert counted(run(database, tmp_path, row())) == {"changed": 1}
    assert list_event_kinds(database) == [("payment.reversed", 10_000, "open")]
    assert Ledger(database).get_unapplied_credit("A1") == {}
    assert find_unbalanced_invoices(database) == []


def test_a_payment_recorded_here_is_not_taken_back_by_a_file_that_is_silent_on_it(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row())
    Ledger(database).record_payment("P1", "A1", "EUR", 4_000, TODAY, at=AT)

    run(database, tmp_path, row(due_date="2013-05-09"))
    assert Ledger(database).get_invoice_facts("R1").open_balance == 6_000
    run(database, tmp_path, row(due_date="2013-05-09", open_balance="60.00"))

    assert Ledger(database).get_invoice_facts("R1").open_balance == 6_000
    assert find_unbalanced_invoices(database) == []


def test_a_lower_balance_is_a_credit_note_where_the_mapping_says_so(database: Database, tmp_path: Path) -> None:
    mapping = OURS.model_copy(update={"reductions": "credit_note"})
    run(database, tmp_path, row(), mapping=mapping)

    run(database, tmp_path, row(open_balance="0"), mapping=mapping)

    assert Ledger(database).get_invoice_facts("R1").status is InvoiceStatus.CREDITED
    assert list_event_kinds(database)[1:] == [("credit_note.issued", 10_000, "credited")]


def test_what_was_overpaid_becomes_unapplied_credit(database: Database, tmp_path: Path) -> None:
    paid = OURS.model_dump()
    paid["fields"] |= {"paid_amount": {"column": "open_balance"}, "open_balance": None}
    mapping = ColumnMapping.model_validate(paid)

    assert counted(run(database, tmp_path, row(open_balance="125.00"), mapping=mapping)) == {"settled": 1}
    assert Ledger(database).get_unapplied_credit("A1") == {"EUR": 2_500}


def test_an_invoice_never_changes_its_account_or_currency(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row(), row(number="R2"))

    result = run(database, tmp_path, row(account_id="A2"), row(number="R2", currency="USD"))

    assert [rejected.reason.partition(":")[0] for rejected in result.rejected] == ["account", "currency"]
    assert size(database, Account) == 1


def test_a_new_address_replaces_the_old_one_without_an_event(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row())

    run(database, tmp_path, row(email="new@mueller.example", language="en"))

    with database.reading() as session:
        assert session.execute(select(col(Contact.email))).scalars().all() == ["new@mueller.example"]
        assert session.get_one(Account, "A1").language == "en"
    assert list_event_kinds(database) == [("invoice.issued", 0, "open")]


def test_a_dry_run_says_the_same_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row(number="R0"), row(number="R5"))
    rows = [
        row(),
        row(number="R0"),
        row(number="R5", cancelled="yes"),
        row(number="R2", total="x"),
        row(number="R3", settled_on="2013-05-05"),
    ]
    entities = (Invoice, Account, Contact, LedgerEvent, Payment, ImportRun, ImportRow)
    before = [size(database, entity) for entity in entities]

    dry = run(database, tmp_path, *rows, dry_run=True)

    assert [size(database, entity) for entity in entities] == before
    assert dry.import_id is None
    wet = run(database, tmp_path, *rows)
    assert (wet.verdicts, wet.rejected) == (dry.verdicts, dry.rejected)


def test_rejected_rows_come_back_with_their_reason_and_can_be_mended(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_bytes(table([row(number="R;1", due_date="soon"), row(number="R2")], ";").encode("latin-1"))
    first = run_file(database, file)
    assert first.import_id is not None

    rejects = tmp_path / "rejected.csv"
    rejects.write_bytes(b"".join(Importer(database).export_rejected_rows(first.import_id).lines))
    assert "due_date: 'soon' is not a date" in rejects.read_text(encoding="cp1252")
    again = run_file(database, rejects)
    assert (counted(again), again.import_id is not None) == ({"rejected": 1}, True)
    twice = b"".join(Importer(database).export_rejected_rows(again.import_id or "").lines)
    assert twice == rejects.read_bytes()

    rejects.write_bytes(twice.replace(b'"soon"', b'"2013-05-01"'))
    assert counted(run_file(database, rejects)) == {"new": 1}
    assert Ledger(database).get_invoice_facts("R;1").total == 10_000


def test_rejected_rows_of_an_unknown_import_are_refused(database: Database) -> None:
    with pytest.raises(UnknownImportError, match="'none'"):
        Importer(database).export_rejected_rows("none")


def test_every_row_has_its_verdict_in_the_order_of_the_file(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row(), row(number="R2", total="?"), row(number="R3"))

    with database.reading() as session:
        verdicts = session.execute(
            select(col(ImportRow.row), col(ImportRow.verdict), col(ImportRow.invoice_id)).order_by(col(ImportRow.row))
        )
        assert [tuple(each) for each in verdicts] == [(2, "new", "R1"), (3, "rejected", None), (4, "new", "R3")]
        outcome = session.execute(select(col(ImportRun.state), col(ImportRun.rows), col(ImportRun.verdicts))).one()
        assert tuple(outcome) == ("done", 3, {"new": 2, "rejected": 1})


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from adapters.database.engine import Database
from adapters.imports.importer import Importer
from adapters.imports.column_mapping import load_mapping
from domain.clock import start_of_day
day = date(2013, 6, 1)
Importer(Database(sys.argv[1])).run(
    Path(sys.argv[2]), load_mapping(Path("mappings/duecourse.yaml")), day, start_of_day(day), "tester",
    progress=lambda rows, fraction: os.kill(os.getpid(), signal.SIGKILL),
)
"""


def test_an_import_that_was_killed_can_be_run_again(database: Database, tmp_path: Path) -> None:
    rows = [row(number=f"R{number}") for number in range(2_500)]
    file = tmp_path / "invoices.csv"
    file.write_text(table(rows), encoding="utf-8")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database.url, str(file)], cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert size(database, Invoice) == size(database, LedgerEvent) == 2_000

    assert counted(run(database, tmp_path, *rows)) == {"unchanged": 2_000, "new": 500}
    assert size(database, Invoice) == size(database, LedgerEvent) == 2_500
    assert find_unbalanced_invoices(database) == []


def test_a_lookup_that_lacks_a_code_rejects_the_row(database: Database, tmp_path: Path) -> None:
    text = (PROJECT / "mappings" / "duecourse.yaml").read_text(encoding="utf-8")
    mapping = parse_mapping(text.replace("country: country", "country: {lookup: {column: country, values: {391: DE}}}"), "x.yaml")

    result = run(database, tmp_path, row(country="391"), row(number="R2", country="999"), mapping=mapping)

    assert counted(result) == {"new": 1, "rejected": 1}
    assert result.rejected[0].reason.startswith("country: '999' is not in the mapping's list (391)")


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the public sample is not at {REAL_FILE}")
def test_every_row_of_the_real_file_gets_the_verdict_that_its_dates_say(database: Database) -> None:
    with REAL_FILE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    def day(text: str) -> date:
        month, day_of_month, year = map(int, text.split("/"))
        return date(year, month, day_of_month)

    expected = Counter(
        "not_yet_issued" if day(each["InvoiceDate"]) > TODAY else "settled" if day(each["SettledDate"]) <= TODAY else "new" for each in rows
    )
    is_open = {each["invoiceNumber"] for each in rows if day(each["InvoiceDate"]) <= TODAY < day(each["SettledDate"])}
    disputed = {each["invoiceNumber"] for each in rows if each["invoiceNumber"] in is_open and each["Disputed"] == "Yes"}

    result = run_file(database, REAL_FILE, mapping=load_mapping(PROJECT / "mappings" / "accounts-receivable.yaml"))

    assert result.rows == len(rows) == 2_466
    assert counted(result) == dict(expected)
    with database.reading() as session:
        found = session.execute(select(col(Invoice.id), col(Invoice.disputed)).where(col(Invoice.status) == "open")).all()
    assert {number for number, _ in found} == is_open
    assert {number for number, in_dispute in found if in_dispute} == disputed
    assert len(list_event_kinds(database)) == len(is_open)
    assert ImportVerdict.REJECTED not in expected
    assert find_unbalanced_invoices(database) == []


def test_what_a_file_says_is_paid_of_a_written_off_invoice_is_a_recovery(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path, row())
    ledger = Ledger(database)
    ledger.write_off("W1", "R1", 7_000, "EUR", TODAY, at=AT)

    assert counted(run(database, tmp_path, row(open_balance="0.00", settled_on=TODAY.isoformat()))) == {"changed": 1}
    assert list_event_kinds(database)[-2:] == [("payment.received", 3_000, "paid"), ("payment.recovered", 7_000, "paid")]
    assert find_unbalanced_invoices(database) == []

    run(database, tmp_path, row(open_balance="50.00"))
    assert list_event_kinds(database)[-1] == ("payment.recovered", -5_000, "paid")
    assert (find_unbalanced_invoices(database), ledger.get_unapplied_credit("A1")) == ([], {})


def test_a_file_says_which_accounts_are_served_in_advance(database: Database, tmp_path: Path) -> None:
    def import_file(number: str, prepaid: str) -> bool:
        file = tmp_path / "export.csv"
        file.write_text(
            table([row(number=number)]).replace("cancelled", "cancelled,prepaid").rstrip("\r\n") + f",{prepaid}\r\n", encoding="utf-8"
        )
        run_file(database, file)
        with database.reading() as session:
            return session.get_one(Account, "A1").prepaid

    assert [import_file("R1", ""), import_file("R2", "yes"), import_file("R3", ""), import_file("R4", "no")] == [False, True, True, False]
    assert not run_file(database, tmp_path / "export.csv").rejected
