from pathlib import Path

import pytest

from adapters.imports.cell_parsing import AmbiguousAmountsError, AmountParser, DateParser, DecimalMarkDetector
from adapters.imports.column_mapping import MappingError, load_mapping, parse_mapping
from adapters.shipped_files import PROJECT

MAPPINGS = PROJECT / "mappings"
WHOLE = """\
mapping: ours
fields:
  number: Number
  account_id: Customer
  issue_date: Issued
  due_date: Due
  currency: {constant: EUR}
  total: Amount
  country: {constant: NO}
  time_zone: {constant: Europe/Oslo}
  language: {constant: en}
"""


def complaint(text: str) -> str:
    with pytest.raises(MappingError) as refusal:
        parse_mapping(text, "ours.yaml")
    return str(refusal.value)


@pytest.mark.parametrize("file", sorted(MAPPINGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_mapping_of_the_project_can_be_used(file: Path) -> None:
    assert load_mapping(file).mapping == file.stem


def test_norway_is_a_country_and_not_a_falsehood() -> None:
    country = parse_mapping(WHOLE, "ours.yaml").fields.country

    assert country.constant == "NO"


def test_an_unknown_field_is_named_with_its_line_and_the_right_word() -> None:
    assert complaint(WHOLE + "  emial: Mail\n") == "ours.yaml:12: unknown key 'emial'; did you mean 'email'?"


def test_a_missing_field_is_named() -> None:
    assert "ours.yaml:2: the key 'fields.total' is missing; add it" in complaint(WHOLE.replace("  total: Amount\n", ""))


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("  email: {column: a, constant: b}", "ours.yaml:12: a field has one source, this has column, constant"),
        ("  email: {template: nobody@example.test}", "ours.yaml:12: 'nobody@example.test' is no template"),
        ("  email: {template: '{a|shout}@example.test'}", "there is no filter 'shout'"),
        ("  open_balance: a\n  paid_amount: b", "keep the one that the file is surer of"),
        ("file: {dates: [D/M/YYYY, M/D/YYYY]}", "as different dates; keep only the one that the file uses"),
        ("file: {dates: [someday]}", "'someday' is no date format; write for example 'DD.MM.YYYY'"),
        ("file: {decimal: dot}", "ours.yaml:12: file.decimal cannot be 'dot'; write one of"),
        ("fields: {}", "ours.yaml:12: the key 'fields' is given twice; remove one"),
        ("  [", "this is not YAML"),
    ],
)
def test_a_mistake_is_named_with_what_to_write_instead(line: str, advice: str) -> None:
    assert advice in complaint(WHOLE + line + "\n")


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="cannot be read"):
        load_mapping(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "decimal", "minor"),
    [
        ("55.94", ".", 5594),
        ("55,94", ",", 5594),
        ("1,234.5", ".", 123_450),
        ("1.234.567,89", ",", 123_456_789),
        ("7", ".", 700),
        ("€ 1 234,50", ",", 123_450),
        ("1'234.50", ".", 123_450),
        ("12.50-", ".", -1250),
        ("(12.50)", ".", -1250),
        ("55.9400", ".", 5594),
    ],
)
def test_an_amount_is_read_as_it_was_meant(text: str, decimal: str, minor: int) -> None:
    assert AmountParser(decimal).parse(text, 2, "EUR") == minor


@pytest.mark.parametrize(
    ("text", "decimal"), [("1234.5", ","), ("1,23", "."), ("12,34,5", "."), ("abc", "."), ("12.345", "."), ("1e5", ".")]
)
def test_an_amount_that_could_be_misread_is_refused(text: str, decimal: str) -> None:
    with pytest.raises(ValueError, match=r"amount|decimals"):
        AmountParser(decimal).parse(text, 2, "EUR")


@pytest.mark.parametrize(
    ("values", "mark"), [(["1,234", "5,50"], ","), (["1,234.00"], "."), (["1.234.567"], ","), (["10", "20"], "."), (["1,234", "7.5"], ".")]
)
def test_the_decimal_mark_is_found_from_the_whole_column(values: list[str], mark: str) -> None:
    column = DecimalMarkDetector("Amount")
    for value in values:
        column.add_cell(value)

    assert column.detect_mark() == mark


@pytest.mark.parametrize("values", [["1,234"], ["1,50", "1.50"]])
def test_a_column_whose_decimal_mark_cannot_be_told_is_refused(values: list[str]) -> None:
    column = DecimalMarkDetector("Amount")
    for value in values:
        column.add_cell(value)

    with pytest.raises(AmbiguousAmountsError, match=r"the column 'Amount' has .* write 'decimal: point' or 'decimal: comma'"):
        column.detect_mark()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2/1/2013", "M/D/YYYY"),
        ("01.02.2013", "DD.MM.YYYY"),
        ("20130201", "YYYYMMDD"),
        ("1 Feb 2013", "%d %b %Y"),
        ("2013-02-01", "M/D/YYYY"),
    ],
)
def test_a_date_is_read_in_the_formats_of_the_mapping(text: str, written: str) -> None:
    assert DateParser((written,)).parse(text).isoformat() == "2013-02-01"
