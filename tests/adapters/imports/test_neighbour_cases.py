"""Neighbours of the cases from the field: each kind of fault in other shapes than the reported one."""

from pathlib import Path

import pytest
import xlsxwriter

from adapters.database.engine import Database
from adapters.imports.cell_filters import apply_filters, compile_filters, find_filter_fault
from adapters.imports.cell_parsing import AmountParser, DateParser
from adapters.imports.importer import Importer
from adapters.imports.open_list import ListNotClosableError
from adapters.imports.rejected_rows import neutralise_cell, restore_cells
from adapters.imports.sheet import HeaderError
from adapters.ledger.ledger import Ledger
from adapters.mail.mail_addresses import MailAddressError, normalise_address
from domain.accepted_texts import MAX_ID_LENGTH, MAX_NAME_LENGTH, find_id_fault, find_text_fault, fold_whitespace
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.imports.field_cases import (
    CASES_DAY,
    HEADER,
    count,
    import_file,
    import_lines,
    import_text,
    line,
    map_with,
    read_invoices,
    read_names,
    read_verdicts,
)
from tests.adapters.ledger.builders import AT, find_unbalanced_invoices, list_event_kinds

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1'234'567.50", "CHF", 123_456_750),
        ("Fr. 1 234.50", "CHF", 123_450),
        ("US$ 5.00", "USD", 500),
        ("$5.00", "AUD", 500),
        ("kr. 1.00", "DKK", 100),
        ("-€ 5.00", "EUR", -500),
        ("€ -5.00", "EUR", -500),
        ("(€5.00)", "EUR", -500),
        ("5.000", "KWD", 5_000),
        ("100000000000.00", "EUR", 10**13),
        (1234.56, "RSD", 123_456),
        (0.1 + 0.2, "EUR", 30),
        (1e3, "JPY", 1_000),
        (7, "EUR", 700),
    ],
)
def test_an_amount_is_read_whatever_stands_beside_it(amount: object, currency: str, minor: int) -> None:
    digits = {"KWD": 3, "JPY": 0}.get(currency, 2)
    assert AmountParser(".").parse(amount, digits, currency) == minor


@pytest.mark.parametrize(
    "amount",
    [
        "12 34.50",
        "1,23.50",
        "--5.00",
        "(-5.00)",
        "5.00 USD",
        "£5.00",
        "EUR 5.00 EUR",
        "5.00%",
        "٥.٠٠",
        "²",
        "1.2.3",
        "1e400",
        "nan",
        "",
        "100000000000.01",
        "-100000000000.01",
        "9" * 400,
        1234.505,
        1e17,
        float("inf"),
        float("nan"),
        True,
    ],
)
def test_an_amount_that_could_be_another_is_rejected(amount: object) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals|range|number"):
        AmountParser(".").parse(amount, 2, "EUR")


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2013-03-03T23:30:00Z", "America/New_York", "2013-03-03"),
        ("2013-03-03T23:30:00-05:00", "Europe/Berlin", "2013-03-04"),
        ("2013-03-04T00:30:00+0100", "UTC", "2013-03-03"),
        ("2013-03-03T12:00:00.123456789Z", "Pacific/Kiritimati", "2013-03-04"),
        ("03.03.2013 14:05", "Europe/Berlin", "2013-03-03"),
        ("2013-03-03 12:15 AM", "Europe/Berlin", "2013-03-03"),
        ("2999-12-31", "", "2999-12-31"),
    ],
)
def test_a_moment_is_read_as_its_date_for_the_account(text: str, zone: str, day: str) -> None:
    assert DateParser(("DD.MM.YYYY",)).parse(text, zone).isoformat() == day


@pytest.mark.parametrize(
    "text",
    [
        "2013-03-03 24:00",
        "2013-03-03 13:00 PM",
        "2013-02-30",
        "1969-12-31",
        "3000-01-01",
        "2013-03-03T00:00+99:00",
        "२०१३-03-03",
        "41336",
        "2999-12-31T23:59:00-12:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_a_date_that_cannot_be_counted_with_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|outside"):
        DateParser(("DD.MM.YYYY",)).parse(text, "Pacific/Kiritimati")


@pytest.mark.parametrize(
    ("filters", "text", "result"),
    [
        (["strip_zeros"], "000123", "123"),
        (["strip_zeros"], "000", "0"),
        (["pad:8"], "123", "00000123"),
        (["pad:2"], "123", "123"),
        (["cut_zero_decimals", "pad:6"], "4711.0", "004711"),
        (["cut_zero_decimals"], "4711.5", "4711.5"),
        (["upper"], "ab", "AB"),
        (["slug"], "Müller & Söhne", "muller-sohne"),
        (["pad:4"], "", ""),
    ],
)
def test_filters_change_a_cell_one_after_the_other(filters: list[str], text: str, result: str) -> None:
    assert apply_filters(text, compile_filters(filters)) == result


@pytest.mark.parametrize("name", ["shout", "pad", "pad:0", "pad:101", "pad:x", "pad:²", "lower|upper"])
def test_a_filter_that_is_none_is_named_with_those_there_are(name: str) -> None:
    assert "pad:N" in (find_filter_fault(name) or "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A B", None),
        ("../admin", None),
        ("00042", None),
        ("Ä-1/#?%", None),
        ("x" * MAX_ID_LENGTH, None),
        ("<b>1</b>", None),
        (".", "cannot be an id"),
        ("..", "cannot be an id"),
        ("x" * (MAX_ID_LENGTH + 1), "at most 100"),
        ("a\u200bb", "U+200B"),
        ("a\nb", "U+000A"),
        ("a\tb", "U+0009"),
        ("a\u00a0b", "U+00A0"),
        ("\x00", "U+0000"),
        ("\ud800", "U+D800"),
    ],
)
def test_an_id_is_whatever_can_be_seen(text: str, fault: str | None) -> None:
    found = find_id_fault(text)
    assert found is None if fault is None else fault in (found or "")


def test_a_name_keeps_what_can_be_printed_and_loses_what_cannot_be_in_a_line() -> None:
    for kept in ("Müller  &  Co", "می‌خواهم", "👩‍👩‍👧", "x" * MAX_NAME_LENGTH):
        assert (fold_whitespace(kept), find_text_fault(kept, MAX_NAME_LENGTH)) == (kept, None)
    assert fold_whitespace("a \r\n\t b\u2028c\u00a0d") == "a b c d"
    for refused in ("a\x1bb", "a\x00b", "a\u202eb", "\ud800", "x" * (MAX_NAME_LENGTH + 1)):
        assert find_text_fault(fold_whitespace(refused), MAX_NAME_LENGTH)


@pytest.mark.parametrize(
    ("address", "normalised"),
    [
        ("a@faß.example", "a@xn--fa-hia.example"),
        ("a@ΒΌΛΟΣ.example", "a@xn--nxasmq6b.example"),
        ("zoë@x.example", "zoë@x.example"),
        ("a+b@x.example", "a+b@x.example"),
        ("o'neil@x.example", "o'neil@x.example"),
    ],
)
def test_a_domain_goes_by_idna_2008_and_what_stands_before_it_stays(address: str, normalised: str) -> None:
    assert normalise_address(address) == normalised


@pytest.mark.parametrize(
    "address",
    [
        "a@-x.example",
        "a@x..example",
        "a@x-.example",
        "a@",
        "@x.example",
        "mailto:a@x.example",
        "a b@x.example",
        "a@☃☃☃.example",
        f"{'a' * 65}@x.example",
        f"a@{'x' * 64}.example",
        ".a@x.example",
        "a..b@x.example",
        "a@x.example, b@x.example",
        "a@a_b.example",
    ],
)
def test_an_address_to_which_nothing_can_be_sent_is_none(address: str) -> None:
    with pytest.raises(MailAddressError):
        normalise_address(address)


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "@SUM(A1)", "-x", "\tx", "'=1+1", "''=1", "'q'", "plain", "-5.00", "+5", "", "'", "-"])
def test_a_cell_leaves_as_no_formula_and_reads_back_right(text: str) -> None:
    leaving = neutralise_cell(text)
    assert not leaving.startswith(("=", "@", "\t", "\r"))
    assert leaving[:1] not in "+-" or text in ("-5.00", "+5", "")
    assert restore_cells([leaving]) == [text]


@on_sqlite
def test_all_faults_of_a_row_are_told_and_an_empty_needed_cell_is_called_empty(database: Database, tmp_path: Path) -> None:
    result = import_lines(database, tmp_path, line(number="", currency="", total="ten", due="soon", email="x", zone=""), line())

    (rejected,) = result.rejected
    for complaint in ("number: is empty", "currency: is empty", "total: 'ten'", "due_date: 'soon'", "email: 'x'", "time_zone: is empty"):
        assert complaint in rejected.reason
    assert count(result) == {"new": 1, "rejected": 1}


@on_sqlite
def test_a_due_date_before_the_issue_date_is_taken_with_a_warning(database: Database, tmp_path: Path) -> None:
    result = import_lines(database, tmp_path, line(due="2013-01-31"))
    assert (count(result), [warning.row for warning in result.warnings]) == ({"new": 1}, [2])
    assert "'2013-01-31' lies before the issue date 2013-02-01" in result.warnings[0].warning


@on_sqlite
def test_title_lines_and_totals_are_declared_and_a_dry_run_finds_them(database: Database, tmp_path: Path) -> None:
    text = "\n".join(("Open items,of March", "", HEADER, line(), "Summe,,,,,,,,100.00")) + "\n"

    with pytest.raises(HeaderError, match="write 'header_row: 3'"):
        import_text(database, tmp_path, text)
    guessed = import_text(database, tmp_path, text, dry_run=True)
    assert (count(guessed), "header_row: 3" in guessed.notes[0]) == ({"new": 1, "rejected": 1}, True)
    assert "write its first word as 'totals'" in guessed.rejected[0].reason
    declared = map_with("header_row: 3\n  totals: [Summe]")
    assert count(import_text(database, tmp_path, text, declared)) == {"new": 1, "left_out": 1}
    with pytest.raises(HeaderError, match="row 2"):
        import_text(database, tmp_path, text, map_with("header_row: 2"))


@on_sqlite
def test_a_sheet_is_chosen_by_its_name_and_its_header_by_its_row(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "made.xlsx"
    with xlsxwriter.Workbook(file) as workbook:
        workbook.add_worksheet("Notes").write(0, 0, "nothing")
        sheet = workbook.add_worksheet("Offene Posten")
        sheet.write(1, 1, "Stand 4.3.2013")
        sheet.write_row(4, 1, HEADER.split(","))
        sheet.write_row(5, 1, line().split(","))
    mapping = map_with("sheet: Offene Posten\n  header_row: 5")
    result = import_file(database, file, mapping)
    assert (count(result), read_verdicts(database, result)[6][0]) == ({"new": 1}, "new")


@on_sqlite
def test_filters_mend_what_an_export_has_spoilt(database: Database, tmp_path: Path) -> None:
    mapping = map_with("", ("  account_id: account_id", '  account_id: {column: account_id, filters: [cut_zero_decimals, "pad:6"]}'))
    import_lines(database, tmp_path, line(account="4711.0"), line(number="007", account="4711"), mapping=mapping)
    assert {each.account_id for each in read_invoices(database).values()} == {"004711"}
    assert set(read_invoices(database)) == {"R-1", "007"}


def test_a_negative_row_reduces_the_invoice_that_it_names_and_else_waits(database: Database, tmp_path: Path) -> None:
    header = f"{HEADER},credits"
    lines = (
        line(number="C-1", total="-30.00") + ",R-1",
        line() + ",",
        line(number="C-2", total="-100.00") + ",R-1",
        line(number="C-3", total="-5.00") + ",",
        line(number="C-4", total="-7.00") + ",R-9",
        line(number="C-5", total="-7.00", account="A2") + ",R-1",
    )
    result = import_lines(database, tmp_path, *lines, header=header)

    assert count(result) == {"new": 1, "credited": 5}
    assert [warned.row for warned in result.warnings] == [6, 7]
    assert read_invoices(database)["R-1"].status == InvoiceStatus.CREDITED
    assert [kind for kind, _, _ in list_event_kinds(database)] == ["invoice.issued", "credit_note.issued", "credit_note.issued"]
    assert Ledger(database).get_unapplied_credit("A1") == {"EUR": 3_000 + 500 + 700}
    assert Ledger(database).get_unapplied_credit("A2") == {"EUR": 700}
    assert find_unbalanced_invoices(database) == []
    assert count(import_lines(database, tmp_path, *lines, header=header)) == {"unchanged": 6}
    other = import_lines(database, tmp_path, line(number="C-3", total="-6.00") + ",", header=header)
    assert "in the books already" in other.rejected[0].reason


@on_sqlite
def test_a_credit_note_that_comes_twice_is_a_duplicate_of_the_first(database: Database, tmp_path: Path) -> None:
    row = line(number="C-1", total="-30.00")
    result = import_lines(database, tmp_path, row, line(), row)
    assert count(result) == {"credited": 1, "new": 1, "duplicate": 1}
    assert "in row 2 already" in result.warnings[0].warning

    header = f"{HEADER},invoice_id"
    again = import_lines(database, tmp_path, f"{row},X-1", f"{line(number='C-1', total='-31.00')},X-2", header=header)
    assert count(again) == {"duplicate": 1, "credited": 1}
    assert "is booked as 'credit_note:A1:C-1'" in again.warnings[0].warning
    assert count(import_lines(database, tmp_path, row)) == {"unchanged": 1}
    assert Ledger(database).get_unapplied_credit("A1") == {"EUR": 3_000 + 3_100}


@on_sqlite
def test_a_payment_that_was_booked_here_is_not_booked_again_by_a_file(database: Database, tmp_path: Path) -> None:
    import_lines(database, tmp_path, line())
    ledger = Ledger(database)
    ledger.record_payment("P1", "A1", "EUR", 4_000, AT.date(), "bank 4711", "R-1", at=AT)
    header = f"{HEADER},open_balance"
    assert count(import_lines(database, tmp_path, f"{line()},60.00", header=header)) == {"changed": 1}
    assert [payment.payment_id for payment in ledger.list_payments("A1")] == ["P1"]


@on_sqlite
def test_a_credit_note_that_was_used_elsewhere_is_settled(database: Database, tmp_path: Path) -> None:
    header = f"{HEADER},open_balance"
    lines = (line(number="C-1", total="-30.00") + ",0.00", line(number="C-2", total="-30.00") + ",-10.00", line(total="-5.00") + ",-6.00")
    result = import_lines(database, tmp_path, *lines, header=header)
    assert count(result) == {"settled": 1, "credited": 1, "rejected": 1}
    assert Ledger(database).get_unapplied_credit("A1") == {"EUR": 1_000}


@on_sqlite
def test_a_number_of_another_customer_is_another_invoice_unless_it_is_the_same_that_moved(database: Database, tmp_path: Path) -> None:
    import_lines(database, tmp_path, line(number="1001"))

    later = import_lines(database, tmp_path, line(number="1001", account="A2", total="70.00"))
    moved = import_lines(database, tmp_path, line(number="1001", account="A3"))
    both = import_lines(database, tmp_path, line(number="1001", account="A3"), line(number="1001"))

    assert (count(later), count(moved), count(both)) == ({"new": 1}, {"rejected": 1}, {"new": 1, "unchanged": 1})
    assert set(read_invoices(database)) == {"1001", "A2-1001", "A3-1001"}
    assert count(import_lines(database, tmp_path, line(number="1001", account="A2", total="70.00"))) == {"unchanged": 1}


@on_sqlite
def test_an_empty_cell_clears_only_what_no_other_row_of_the_file_gives(database: Database, tmp_path: Path) -> None:
    import_lines(database, tmp_path, line())

    import_lines(database, tmp_path, line(number="R-2", email=""), line(number="R-3"), line(number="R-4", email=""))
    assert read_names(database)["A1"] == ("Firma", "AP", "ap@x.example")
    import_lines(database, tmp_path, line(number="R-5", email=""), mapping=map_with("", ("title:", "empty_cells: keep\ntitle:")))
    assert read_names(database)["A1"] == ("Firma", "AP", "ap@x.example")
    import_lines(database, tmp_path, line(number="R-6", email="", name=""))
    assert read_names(database)["A1"] == ("Firma", "AP", "")


def test_the_money_of_an_invoice_that_moved_is_taken_in_part_too(database: Database, tmp_path: Path) -> None:
    header = f"{HEADER},open_balance"
    import_lines(database, tmp_path, line() + ",100.00", header=header)

    result = import_lines(database, tmp_path, line(account="A9", email="other@x.example") + ",40.00", header=header)

    assert count(result) == {"changed": 1}
    assert read_invoices(database)["R-1"].open_balance == 4_000
    assert set(read_names(database)) == {"A1"}
    again = import_lines(database, tmp_path, line(account="A9", email="other@x.example") + ",40.00", header=header)
    assert again.rejected[0].reason.startswith("account: ")


@on_sqlite
def test_rejected_rows_keep_the_delimiter_and_the_encoding_of_their_file(database: Database, tmp_path: Path) -> None:
    text = "\n".join((HEADER, line(name="Müller", due="soon"), line(number="R-2", name='"Söhne'))).replace(",", ";")
    result = import_text(database, tmp_path, text.encode("cp1252"))

    rejects = b"".join(Importer(database).export_rejected_rows(result.import_id or "").lines)

    assert (rejects.count(b"\r\n"), "Müller".encode("cp1252") in rejects, b'"R-2";' in rejects) == (3, True, True)
    again = import_text(database, tmp_path, rejects.replace(b"soon", b"2013-03-03"))
    assert count(again) == {"new": 2}


@on_sqlite
def test_a_lookup_and_a_constant_are_told_beside_other_faults(database: Database, tmp_path: Path) -> None:
    mapping = map_with("", ("country: country", "country: {lookup: {column: country, values: {49: DE}}}"))
    result = import_lines(database, tmp_path, line(total="x"), mapping=mapping)
    assert "'DE' is not in the mapping's list (49)" in result.rejected[0].reason
    assert "total: 'x'" in result.rejected[0].reason


@on_sqlite
def test_what_is_missing_is_not_closed_where_the_file_may_be_at_fault(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    import_lines(database, tmp_path, line(), line(number="R-2"), line(number="R-3"))

    def close(*lines: str, expected: int, is_complete: bool = True) -> int:
        file.write_text("\n".join((HEADER, *lines)), encoding="utf-8")
        result = import_file(database, file, is_complete=is_complete)
        return Importer(database).close_missing(result.import_id or "", expected, "manager", CASES_DAY, AT)

    with pytest.raises(ListNotClosableError, match="not said to be the complete list"):
        close(line(), expected=2, is_complete=False)
    with pytest.raises(ListNotClosableError, match="1 rows were rejected"):
        close(line(), line(number="R-2", due="soon"), expected=2)
    file.write_text("\n".join((HEADER, line())), encoding="utf-8")
    earlier = import_file(database, file, is_complete=True)
    import_lines(database, tmp_path, line())
    with pytest.raises(ListNotClosableError, match="another file was imported since"):
        Importer(database).close_missing(earlier.import_id or "", 2, "manager", CASES_DAY, AT)
    Ledger(database).record_payment("P", "A1", "EUR", 10_000, CASES_DAY, invoice_id="R-2", at=AT)
    assert close(line(), expected=1) == 1
    assert {number: invoice.status for number, invoice in read_invoices(database).items()} == {"R-1": "open", "R-2": "paid", "R-3": "paid"}
