"""Quotation marks, encodings and line ends of CSV files: no line is lost, and none becomes part of another."""

import codecs
from io import StringIO
from pathlib import Path

import pytest

from adapters.imports.column_mapping import FileFormat
from adapters.imports.csv_records import MAX_BROKEN_RECORDS, MAX_LINES_OF_RECORD, read_records
from adapters.imports.csv_sheet import CsvSheet
from adapters.imports.sheet import BrokenSheetError, HeaderError, HeaderSearch

SEARCH = HeaderSearch(None, ("a", "b", "c"), ("a", "b", "c"))


def read(text: str, width: int = 3) -> list[tuple[int, list[str], bool]]:
    """(line, cells, whether it is broken)"""
    return [(row.number, [str(cell) for cell in row.cells], bool(row.fault)) for row in read_records(StringIO(text), "x.csv", ",", width)]


@pytest.mark.parametrize(
    ("text", "broken", "good"),
    [
        ('1,2,"three\n4,5,6\n7,8,9\n', [1], [2, 3]),
        ('1,2,"three\n4,5,6\n7,8,nine"\n10,11,12\n', [1], [2, 3, 4]),
        ('1,2,"three\n4,5,6\n7,8,"nine"\n', [1], [2, 3]),
        ('1,"two,3\n4,five",6\n7,8,9\n', [1], [2, 3]),
        ('1,2,"three"x\n4,5,6\n', [1], [2]),
        ('1,2,3\n4,5,"six', [2], [1]),
        ('"1,2,3\r\n4,5,6\r\n', [1], [2]),
    ],
    ids=["to the end", "to the end of a later row", "to a later quotation mark", "column to column", "goes on", "last line", "first cell"],
)
def test_an_unpaired_quotation_mark_costs_its_own_line_alone(text: str, broken: list[int], good: list[int]) -> None:
    rows = read(text)
    assert [number for number, _, is_broken in rows if is_broken] == broken
    assert [number for number, _, is_broken in rows if not is_broken] == good
    assert all(len(cells) == 3 for _, cells, is_broken in rows if not is_broken)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ('1,"two\nlines",3\n', ["1", "two\nlines", "3"]),
        ('1,"Meier, ""Max"", Einkauf",3\n', ["1", 'Meier, "Max", Einkauf', "3"]),
        ('1,5" pipe,3\n', ["1", '5" pipe', "3"]),
        ('"1","2","a, b\nc, d"\n', ["1", "2", "a, b\nc, d"]),
    ],
)
def test_a_cell_may_have_line_breaks_delimiters_and_quotation_marks(text: str, cells: list[str]) -> None:
    assert read(text + "x,y,z\n") == [(1, cells, False), (text.count("\n") + 1, ["x", "y", "z"], False)]


def test_a_cell_that_never_ends_is_given_up_after_so_many_lines() -> None:
    rows = read('1,2,"three\n' + "free text\n" * (MAX_LINES_OF_RECORD + 5))
    assert (rows[0][0], rows[0][2], len(rows)) == (1, True, MAX_LINES_OF_RECORD + 6)


def test_a_file_of_unpaired_quotation_marks_is_refused() -> None:
    with pytest.raises(BrokenSheetError, match="not paired"):
        read('1,2,"x\n' * (MAX_BROKEN_RECORDS + 2))


@pytest.mark.parametrize(
    ("content", "encoding", "guessed"),
    [
        ("a,b,c\n1,Müller,Söhne\n".encode("cp1252"), "cp1252", True),
        ("a,b,c\n1,Müller,Söhne\n".encode(), "utf-8", False),
        (codecs.BOM_UTF8 + "a,b,c\n1,Müller,x\n".encode(), "utf-8-sig", False),
        ("a,b,c\n1,Müller,x\n".encode("utf-16"), "utf-16", False),
    ],
)
def test_a_guessed_encoding_is_said(tmp_path: Path, content: bytes, encoding: str, guessed: bool) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    sheet = CsvSheet(tmp_path / "x.csv", FileFormat(), SEARCH)
    assert (sheet.encoding, bool(sheet.notes)) == (encoding, guessed)
    assert [row.cells[1] for row in sheet.rows()] == ["Müller"]


@pytest.mark.parametrize(
    ("content", "file", "words"),
    [
        (b"a,b,c\n1,M\xc3\xbcller,x\n2,M\xfcller,x\n", FileFormat(), "line 3 is not UTF-8, yet line 2 is"),
        (b"a,b,c\n1,M\xfcller,x\n2,M\xc3\xbcller,x\n", FileFormat(), "line 2 is not UTF-8, yet line 3 is"),
        (b"a,b,c\n1,x,x\n2,M\xfcller,x\n", FileFormat(encoding="utf-8"), "is not utf-8 from line 3 on"),
        (b"a,b,c\n1,\x81,x\n", FileFormat(encoding="cp1252"), "is not cp1252 from line 2 on"),
    ],
)
def test_a_file_that_is_not_of_one_encoding_names_its_first_bad_line(tmp_path: Path, content: bytes, file: FileFormat, words: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(BrokenSheetError, match=words):
        list(CsvSheet(tmp_path / "x.csv", file, SEARCH).rows())


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "\ufeffsep=;\n"])
def test_a_sep_line_is_obeyed_in_every_form(tmp_path: Path, first: str) -> None:
    (tmp_path / "x.csv").write_bytes((first + "a;b;c\n1;2,5;3\n").encode())
    sheet = CsvSheet(tmp_path / "x.csv", FileFormat(delimiter=","), SEARCH)
    assert (sheet.header, [row.cells for row in sheet.rows()]) == (["a", "b", "c"], [["1", "2,5", "3"]])
    assert [row.number for row in sheet.rows()] == [3]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_machine(tmp_path: Path, ends: str) -> None:
    (tmp_path / "x.csv").write_bytes(ends.join(("a|b|c", "1|2|3", "4|5|6")).encode())
    assert [row.number for row in CsvSheet(tmp_path / "x.csv", FileFormat(), SEARCH).rows()] == [2, 3]


def test_a_line_longer_than_a_cell_may_be_says_nothing_of_the_delimiter(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"x" * 200_000 + b"\na;b;c\n1;2;3\n")
    with pytest.raises(HeaderError, match="row 2 looks like the header"):
        CsvSheet(tmp_path / "x.csv", FileFormat(), SEARCH)


def test_a_line_that_is_no_line_of_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b,c\n" + b"1" * 1_100_000 + b"\n")
    with pytest.raises(BrokenSheetError, match="line 2 has 1,000,000 characters or more"):
        list(CsvSheet(tmp_path / "x.csv", FileFormat(), SEARCH).rows())
