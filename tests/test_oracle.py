"""The oracle against calendars worked out by hand. In June 2013 the 3rd, 10th, 17th and 24th are Mondays."""

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.shipped_files import PROJECT as ROOT
from tests.oracle import Expectation, business_day, countries_of, expected

REAL_FILE = ROOT.parent / "shared" / "data" / "accounts-receivable.csv"
HEADER = "countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate,PaperlessBill"
COUNTRIES = {"1": "DE", "2": "US"}
POLICY = """
minimum_balance: {EUR: 5.00}
catch_up_days: 3
contact: {hours: 09:00-17:00, days_between_letters: 2, gather_days: 0}
timeline:
  - {day: -3, step: courtesy, act: letter, letter: courtesy}
  - {day: 1,  step: first,    act: letter, letter: reminder}
  - {day: 7,  step: second,   act: letter, letter: reminder}
  - {day: 14, step: call,     act: call}
  - {day: 21, step: firm,     act: letter, letter: firm}
  - {day: 30, step: final,    act: letter, letter: final}
  - {day: 45, step: warning,  act: suspension_warning}
  - {day: 60, step: suspension, act: suspension}
"""


def row(
    number: str,
    due: str,
    *,
    issued: str = "5/1/2013",
    settled: str = "",
    account: str = "acme",
    amount: str = "80.00",
    disputed: str = "No",
    region: str = "1",
) -> str:
    return f"{region},{account},1/1/2012,{number},{issued},{due},{amount},{disputed},{settled},Paper"


class OracleRun:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *rows: str, start: date = date(2013, 6, 3), end: date = date(2013, 9, 30), terms: str = POLICY) -> Expectation:
        file, policy = self.folder / "invoices.csv", self.folder / "policy.yaml"
        file.write_text("\n".join([HEADER, *rows]), encoding="utf-8-sig")
        policy.write_text(terms, encoding="utf-8")
        return expected(file, policy, COUNTRIES, start, end)


@pytest.fixture
def play(tmp_path: Path) -> OracleRun:
    return OracleRun(tmp_path)


def us(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def june(*letters: tuple[int, str]) -> list[tuple[date, set[str]]]:
    return [(date(2013, 6, day), set(steps.split())) for day, steps in letters]


def letters(seen: Expectation) -> list[tuple[date, set[str]]]:
    """Each letter's day and its lines as `invoice:step`."""
    return [(letter.on, {f"{invoice}:{step}" for invoice, step in letter.lines}) for letter in seen.letters]


def test_an_invoice_never_paid_climbs_the_whole_timeline(play: OracleRun) -> None:
    seen = play(row("A", "6/12/2013", settled="9/1/2013"))
    assert letters(seen) == [
        *june((10, "A:courtesy"), (13, "A:first"), (19, "A:second")),
        (date(2013, 7, 3), {"A:firm"}),
        (date(2013, 7, 12), {"A:final"}),
    ]
    assert seen.calls == [("A", date(2013, 6, 26), date(2013, 6, 26))]
    assert seen.asked == [("A", "acme", date(2013, 7, 27))], "and from then on its account's suspension holds it"
    assert (seen.opened, seen.closed) == ({"A": date(2013, 6, 3)}, {"A": date(2013, 9, 1)})


def test_a_late_start_climbs_one_step_every_catch_up_days(play: OracleRun) -> None:
    seen = play(row("A", "4/1/2013"))
    assert letters(seen) == june((3, "A:first"), (6, "A:second"), (13, "A:firm"), (17, "A:final"))
    assert seen.calls == [("A", date(2013, 6, 9), date(2013, 6, 10))]
    assert seen.asked == [("A", "acme", date(2013, 6, 20))]


def test_a_courtesy_note_whose_slot_is_after_the_due_date_lapses(play: OracleRun) -> None:
    seen = play(row("A", "6/16/2013", issued="6/15/2013", settled="6/20/2013"))
    assert letters(seen) == june((18, "A:first"))


def test_one_letter_carries_what_an_account_owes_that_day(play: OracleRun) -> None:
    seen = play(
        row("A", "6/12/2013", settled="6/14/2013"),
        row("B", "6/12/2013", settled="6/14/2013"),
        row("C", "6/12/2013", settled="6/14/2013", account="other"),
    )
    assert sorted((letter.account, letter.on.day, len(letter.lines)) for letter in seen.letters) == [
        ("acme", 10, 2),
        ("acme", 13, 2),
        ("other", 10, 1),
        ("other", 13, 1),
    ]


def test_an_accounts_letters_are_days_apart_and_the_moved_ones_count_from_the_day_they_went(play: OracleRun) -> None:
    seen = play(row("A", "6/12/2013", settled="6/25/2013"), row("B", "6/17/2013", settled="6/25/2013"))
    assert letters(seen) == june(
        (10, "A:courtesy"),
        (13, "A:first"),
        (18, "B:first"),
        (20, "A:second"),
        (24, "B:second"),
    ), "and no courtesy note goes to somebody who is overdue"


WEEKLY = POLICY.replace("days_between_letters: 2, gather_days: 0", "days_between_letters: 7, gather_days: 3").replace(
    "letter: final}", "letter: final, apart: true}"
)


def test_a_letter_names_the_accounts_whole_position(play: OracleRun) -> None:
    """The firm reminder of B is due on the 28th, and goes with A's on the 27th; their final demands go in their time, but
    as the third letter within two weeks neither goes."""
    seen = play(row("A", "6/3/2013"), row("B", "6/7/2013", amount="20.00"), end=date(2013, 7, 12), terms=WEEKLY)
    assert letters(seen) == [
        *june((3, "A:courtesy"), (6, "A:first B:courtesy"), (13, "A:second B:first"), (20, "B:second"), (27, "A:firm B:firm")),
        (date(2013, 7, 4), {"A:final"}),
        (date(2013, 7, 11), {"B:final"}),
    ]
    assert [{(number, named_as) for number, named_as, _ in letter.named} for letter in seen.letters][3:] == [
        {("A", "listed"), ("B", "due")},
        {("A", "due"), ("B", "gathered")},
        {("A", "due"), ("B", "listed")},
        {("A", "listed"), ("B", "due")},
    ]
    assert [letter.asked_for for letter in seen.letters] == [None, 80, 100, 100, 100, 100, 100]
    assert [letter.template for letter in seen.letters[2:5]] == ["reminder", "reminder", "firm"]


def test_what_is_disputed_is_named_apart_and_what_is_not_due_yet_only_mentioned(play: OracleRun) -> None:
    seen = play(
        row("A", "6/1/2013", settled="6/7/2013"),
        row("D", "5/20/2013", disputed="Yes", settled="6/7/2013"),
        row("S", "5/20/2013", amount="4.00", settled="6/7/2013"),
        row("U", "6/5/2013", settled="6/7/2013"),
        terms=WEEKLY,
    )
    (letter,) = seen.letters
    assert {(number, named_as) for number, named_as, _ in letter.named} == {("A", "due"), ("D", "disputed"), ("U", "upcoming")}
    assert (letter.asked_for, letters(seen)) == (Decimal(80), june((3, "A:first U:courtesy")))


def test_a_courtesy_note_that_is_moved_beyond_the_due_date_lapses(play: OracleRun) -> None:
    seen = play(
        row("A", "6/1/2013", settled="6/16/2013"),
        row("B", "6/14/2013", issued="6/14/2013", settled="6/19/2013"),
        start=date(2013, 6, 13),
    )
    assert letters(seen) == june((13, "A:first"), (17, "B:first"))


def test_a_letter_is_not_sent_when_its_invoice_was_settled_by_its_slot(play: OracleRun) -> None:
    seen = play(row("A", "6/14/2013", settled="6/17/2013"))
    assert letters(seen) == june((11, "A:courtesy"))


@pytest.mark.parametrize(
    ("changed", "chased"),
    [
        ({"amount": "4.99"}, False),
        ({"amount": "5.00"}, True),
        ({"disputed": "Yes"}, False),
        ({"disputed": "No"}, True),
    ],
)
def test_what_is_disputed_or_too_small_is_open_but_not_chased(play: OracleRun, changed: dict[str, str], chased: bool) -> None:
    seen = play(row("A", "6/14/2013", settled="6/12/2013", **changed))
    assert bool(seen.letters) is chased
    assert seen.opened.keys() == seen.closed.keys() == {"A"}


@pytest.mark.parametrize(
    ("issued", "settled", "opened", "closed"),
    [
        ("6/2/2013", "6/3/2013", None, None),
        ("6/3/2013", "6/4/2013", date(2013, 6, 3), date(2013, 6, 4)),
        ("6/3/2013", "", date(2013, 6, 3), None),
        ("6/5/2013", "6/5/2013", None, None),
        ("6/5/2013", "6/6/2013", date(2013, 6, 5), date(2013, 6, 6)),
        ("10/1/2013", "", None, None),
    ],
)
def test_an_invoice_opens_with_its_issue_unless_settled_and_closes_when_settled(
    play: OracleRun, issued: str, settled: str, opened: date | None, closed: date | None
) -> None:
    seen = play(row("A", "8/30/2013", issued=issued, settled=settled))
    assert (seen.opened.get("A"), seen.closed.get("A")) == (opened, closed)


def test_nobody_is_written_to_on_a_public_holiday_of_their_own_country(play: OracleRun) -> None:
    seen = play(
        row("A", "7/3/2013", settled="7/8/2013", account="german"),
        row("B", "7/3/2013", settled="7/8/2013", account="american", region="2"),
    )
    assert [(letter.account, letter.on.day) for letter in seen.letters] == [
        ("american", 1),
        ("german", 1),
        ("german", 4),
        ("american", 5),
    ]
    assert business_day("US", date(2013, 7, 4)) == date(2013, 7, 5)
    assert business_day("DE", date(2013, 7, 4)) == date(2013, 7, 4)
    assert business_day("DE", date(2013, 10, 3)) == date(2013, 10, 4)


def test_the_countries_are_found_in_a_mapping_file(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("columns: {a: b}\nderived:\n  country: {from: countryCode, table: {'391': DE, 406: US}}\n", encoding="utf-8")
    assert countries_of(mapping) == {"391": "DE", "406": "US"}
    mapping.write_text("regions: {391: {country: DE, time_zone: Europe/Berlin}}\n", encoding="utf-8")
    assert countries_of(mapping) == {"391": "DE"}
    mapping.write_text("columns: {a: b}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="0 tables"):
        countries_of(mapping)


def test_the_projects_own_mapping_names_a_country_for_every_region_of_the_real_file() -> None:
    assert countries_of(ROOT / "mappings" / "accounts-receivable.yaml").keys() == {"391", "406", "770", "818", "897"}


@pytest.mark.skipif(not REAL_FILE.exists(), reason=f"the real invoices are not at {REAL_FILE}")
def test_of_the_real_file_exactly_what_is_issued_and_unsettled_opens_on_the_day_of_import() -> None:
    start = date(2013, 6, 1)
    with REAL_FILE.open(encoding="utf-8-sig", newline="") as file:
        running = {row["invoiceNumber"] for row in csv.DictReader(file) if us(row["InvoiceDate"]) <= start < us(row["SettledDate"])}
    mapping, policy = ROOT / "mappings" / "accounts-receivable.yaml", ROOT / "policies" / "standard.yaml"
    seen = expected(REAL_FILE, policy, mapping, start, date(2013, 6, 30))
    assert {invoice for invoice, day in seen.opened.items() if day == start} == running
    assert len(seen.pairs) == len(set(seen.pairs)) > 20
