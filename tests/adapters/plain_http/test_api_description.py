"""A description that cannot be used is refused with the line and what to write instead; the shipped ones can be."""

from pathlib import Path

import pytest

from adapters.plain_http.api_description import ApiDescriptionError, load_description, parse_description
from adapters.shipped_files import PROJECT
from tests.adapters.plain_http.sample_world import DESCRIPTION

SAMPLE = DESCRIPTION.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("  rows: data\n  paging", "  row: data\n  paging", r"house\.yaml:[0-9]+: unknown key 'row'; did you mean 'rows'\?"),
        ("    total: amounts.total\n", "", r"house\.yaml:[0-9]+: the key 'invoices\.fields\.total' is missing"),
        ("    due_date: dates.due\n", "", "map due_date, or terms_days"),
        ("    open_balance: amounts.open\n", "", "map one of open_balance and paid_amount"),
        ("    status: status\n", "", "the field status and the list 'statuses' go together"),
        ("{by: offset, parameter: offset, size_parameter: limit, size: 100}", "{by: pages}", r"house\.yaml:[0-9]+: .*write one of"),
        ("{by: offset, parameter: offset, size_parameter: limit, size: 100}", "{by: cursor, parameter: c}", "needs one of 'next'"),
        ("{by: offset, parameter: offset, size_parameter: limit, size: 100}", "{by: page}", "needs a 'parameter'"),
        ("{bearer: api_key}", "{bearer: api_key, basic: {user: a, password: b}}", "both fill the header Authorization"),
        ("{bearer: api_key}", "{bearer: 'Bearer XYZ'}", r"house\.yaml:[0-9]+: sign_in\.bearer"),
        ('"/api/invoices/{invoice}/document"', '"/api/{number}/document"', "{number} stands for nothing here; write one of: {invoice}"),
        ('one: {path: "/api/invoices/{invoice}"}', "one: {path: /api/invoices}", "invoices.one names no {invoice}"),
        ('{"amount": "{amount}", "reference": "{key}", "on": "{on}"}', '{"amount": "{amount}", "on": {on}"}', "no JSON once its words"),
        ('"reason": "{reason}"}', '"reason": "{cause}"}', "credit_note.request.body: {cause} stands for nothing here"),
        ("rows: data, key: reference, invoice: invoice, amount: amount}", "rows: data, key: reference}", "needs 'amount' and 'invoice'"),
        (
            "cancelled: cancelled, draft: not_chased",
            "cancelled: gone",
            r"house\.yaml:[0-9]+: invoices\.statuses\.cancelled cannot be 'gone'",
        ),
        ("api: sample-billing", "dates: [whenever]\napi: sample-billing", "'whenever' is no date format"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_write(written: str, instead: str, said: str) -> None:
    assert written in SAMPLE
    with pytest.raises(ApiDescriptionError, match=said.replace("{", r"\{").replace("}", r"\}")):
        parse_description(SAMPLE.replace(written, instead), "house.yaml")


def test_a_booking_that_could_be_made_twice_is_refused() -> None:
    text = SAMPLE.replace('    find: {path: /api/orders, query: {reference: "{key}"}, rows: data, key: reference}\n', "")
    with pytest.raises(ApiDescriptionError, match="suspend needs 'find' or an 'idempotency_header'"):
        parse_description(text, "house.yaml")


@pytest.mark.parametrize("file", [DESCRIPTION, PROJECT / "examples" / "killbill.yaml"], ids=lambda file: file.name)
def test_the_shipped_descriptions_can_be_used(file: Path) -> None:
    assert load_description(file).api


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiDescriptionError, match=r"none\.yaml:1"):
        load_description(tmp_path / "none.yaml")
