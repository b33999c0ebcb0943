"""Files that were made to do harm, or came to it on their way: each is refused in words, or every line of it has a verdict."""

import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import xlsxwriter

from adapters.config.company import CompanyError, load_company_file
from adapters.database.engine import Database
from adapters.imports.column_mapping import MappingError, load_mapping, parse_mapping
from adapters.imports.sheet import BrokenSheetError, SheetError, SheetRow
from adapters.imports.sheet_reader import open_sheet
from domain.policy.policy_parsing import PolicyError, parse_policy
from tests.adapters.imports.field_cases import HEADER, OURS, import_file, line

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def pack_sheet(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """An Excel file of one good row, with its sheet's XML changed."""
    good, bad = folder / "good.xlsx", folder / "bad.xlsx"
    with xlsxwriter.Workbook(good) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write_row(1, 0, line().split(","))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            content = source.read(part)
            target.writestr(part.filename, change(content) if part.filename == "xl/worksheets/sheet1.xml" else content)
    return bad


def put_cell(reference: str) -> Callable[[bytes], bytes]:
    row = "".join(filter(str.isdigit, reference))
    cell = f'<row r="{row}"><c r="{reference}"><v>1</v></c></row></sheetData>'
    return lambda sheet: sheet.replace(b"</sheetData>", cell.encode())


BOMBS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a cell in the last corner": (put_cell("XFD1048576"), "row 1,048,576 and column 16,384"),
    "a cell in a far column of many rows": (put_cell("ZZZ100000"), "has cells as far away"),
    "a cell beyond the last corner": (put_cell("ZZZ9999999"), "has cells as far away"),
    "blanks that pack well": (lambda sheet: sheet.replace(b"<sheetData>", b" " * 8 * 2**20 + b"<sheetData>"), "packed tighter"),
    "half of a sheet": (lambda sheet: sheet[: len(sheet) // 2], "bad.xlsx: "),
    "no sheet at all": (lambda sheet: b"", "bad.xlsx: "),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_excel_bomb_is_refused_in_words_before_it_goes_off(tmp_path: Path, bomb: str) -> None:
    change, words = BOMBS[bomb]
    with pytest.raises(SheetError, match=words):
        open_sheet(pack_sheet(tmp_path, change), OURS.file, OURS.required_columns(), OURS.known_columns())


def test_a_package_that_says_it_is_too_large_is_not_unpacked(tmp_path: Path) -> None:
    file = pack_sheet(tmp_path, bytes)
    content = bytearray(file.read_bytes())
    size = content.rindex(b"xl/worksheets/sheet1.xml") - 46 + 24
    content[size : size + 4] = (600 * 2**20).to_bytes(4, "little")
    file.write_bytes(bytes(content))
    with pytest.raises(BrokenSheetError, match="larger, once unpacked"):
        open_sheet(file, OURS.file, OURS.required_columns(), OURS.known_columns())


def test_a_reader_that_takes_too_much_memory_ends_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.imports.excel_sheet.MAX_MEMORY_BYTES", 2**20)
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(3, 9_000))
    file = pack_sheet(tmp_path, lambda sheet: sheet.replace(b"</sheetData>", rows.encode() + b"</sheetData>"))
    with pytest.raises(BrokenSheetError, match=r"memory|readable"):
        open_sheet(file, OURS.file, OURS.required_columns(), OURS.known_columns())


@pytest.mark.parametrize("cell", [b"1e999", b"-1e999", b"nan"])
@on_sqlite
def test_a_number_that_is_none_rejects_its_row(database: Database, tmp_path: Path, cell: bytes) -> None:
    def change(sheet: bytes) -> bytes:
        head, mark, tail = sheet.rpartition(b'<c r="I2"')
        return head + mark + b"><v>" + cell + b"</v></c>" + tail.partition(b"</c>")[2]

    result = import_file(database, pack_sheet(tmp_path, change), dry_run=True)
    assert len(result.rejected) == 1


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join(['*' + before] * 10)}]}}\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
TEXTS_OF_YAML = {"names by the billion": LAUGHS, "merges by the billion": MERGES, "long": "a: [" + "x, " * 200_000 + "x]\n"}


@pytest.mark.parametrize("text", TEXTS_OF_YAML.values(), ids=TEXTS_OF_YAML)
def test_a_text_of_yaml_that_grows_without_end_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MappingError):
        parse_mapping(text, "mine.yaml")
    with pytest.raises(PolicyError):
        parse_policy(text, "mine.yaml", ())
    (tmp_path / "company.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CompanyError):
        load_company_file(tmp_path / "company.yaml")


def test_a_mapping_that_is_no_text_that_a_person_wrote_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"#" * 300 * 1024)
    with pytest.raises(MappingError, match="256 KB"):
        load_mapping(tmp_path / "mine.yaml")


GOOD_ROWS = [
    line(number=f"R-{n}", account=f"A{n % 5}", name=f'"Müller, ""Söhne"" {n}"' if n % 3 == 0 else f"Firma {n}", total=f"{n}.50")
    for n in range(1, 13)
]
GOOD = "\n".join((HEADER, *GOOD_ROWS)) + "\n"
GOOD_FILES = (GOOD.encode(), GOOD.replace(",", ";").replace("\n", "\r\n").encode("cp1252"), GOOD.replace(",", "\t").encode("utf-8-sig"))
LINE_END = re.compile(r"\r\n|\r|\n")
PIECES = [
    b'"',
    b",",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xc3",
    b"=",
    b"'",
    b"\t",
    b"\x1a",
    b"-",
    b"9" * 40,
    b"\xe2\x80\xae",
    b"sep=;\n",
    b'""',
]


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Some bytes put in, taken out, doubled or exchanged, the header left alone more often than not."""
    begin = len(HEADER) + 1 if chance.random() < 0.8 else 0
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(begin, len(changed))
        length = chance.choice((1, 1, 2, 5, 60))
        match chance.randrange(5):
            case 0:
                changed[place:place] = chance.choice(PIECES)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length]
            case 3:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                changed[place : place + length] = chance.choice(PIECES)
        if len(changed) <= begin:
            break
    return bytes(changed)


def find_lost_lines(content: bytes, encoding: str, rows: list[SheetRow]) -> set[int]:
    """The lines with anything on them, from the first row on, that are part of no row."""
    lines = LINE_END.split(content.decode(encoding))
    filled = {number for number, text in enumerate(lines, 1) if text.strip(',;\t"\ufeff')}
    for row in rows:
        breaks = 0 if row.fault else sum(len(LINE_END.findall(str(cell))) for cell in row.cells)
        filled -= set(range(row.number, row.number + breaks + 1))
    return {number for number in filled if number >= rows[0].number}


@on_sqlite
def test_mutated_files_have_a_verdict_for_every_line_or_are_refused(database: Database, tmp_path: Path) -> None:
    chance, refused = random.Random(20130304), 0
    file = tmp_path / "mutated.csv"
    for number in range(200):
        content = mutate(GOOD_FILES[number % len(GOOD_FILES)], chance)
        file.write_bytes(content)
        try:
            result = import_file(database, file, dry_run=number % 20 != 0)
            sheet = open_sheet(file, OURS.file, OURS.required_columns(), OURS.known_columns(), guess=True)
        except SheetError:
            refused += 1
            continue
        rows = list(sheet.rows())
        assert result.rows == len(rows) == len({row.number for row in rows}) == sum(result.verdicts.values())
        assert find_lost_lines(content, sheet.encoding, rows) == set()
    assert refused < 100


def test_mutated_excel_files_are_read_or_refused(tmp_path: Path) -> None:
    chance, good = random.Random(20130304), pack_sheet(tmp_path, bytes).read_bytes()
    file = tmp_path / "mutated.xlsx"
    for _ in range(8):
        changed = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            changed[chance.randrange(4, len(changed))] = chance.randrange(256)
        file.write_bytes(bytes(changed))
        with suppress(SheetError):
            list(open_sheet(file, OURS.file, OURS.required_columns(), OURS.known_columns()).rows())
