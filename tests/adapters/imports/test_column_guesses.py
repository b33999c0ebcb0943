"""Which column could be which field: by its name in four languages, and by what stands in it."""

import pytest

from adapters.imports.column_guesses import NAMES, guess_columns, guess_date_format, normalise_name
from adapters.imports.field_rules import FIELD_RULES

ROW = ("R-1", "K-7", "Brauerei Nord", "01.02.2013", "03.03.2013", "EUR", "1.234,56", "DE")


@pytest.mark.parametrize(
    "header",
    [
        ("Invoice No.", "Customer ID", "Customer name", "Invoice date", "Due date", "Currency", "Amount", "Country"),
        ("Rechnungsnr.", "Kundennummer", "Kunde", "Rechnungsdatum", "Fällig am", "Währung", "Betrag", "Land"),
        ("N° de facture", "Code client", "Raison sociale", "Date de facture", "Échéance", "Devise", "Montant TTC", "Pays"),
        ("Nº factura", "Código cliente", "Razón social", "Fecha factura", "Vencimiento", "Moneda", "Importe total", "País"),
    ],
)
def test_columns_are_known_by_their_names_in_four_languages(header: tuple[str, ...]) -> None:
    fields = ("number", "account_id", "account_name", "issue_date", "due_date", "currency", "total", "country")
    assert guess_columns(header, [ROW]) == dict(zip(fields, header, strict=True))


def test_what_no_name_tells_is_known_by_what_stands_there() -> None:
    header = ("a", "b", "c", "d", "e")
    rows = [("2013-03-03", "2013-02-01", "EUR", "ap@nord.example", "DE"), ("2013-04-03", "2013-03-01", "GBP", "x@y.example", "AT")]
    guessed = guess_columns(header, rows)
    assert guessed == {"currency": "c", "email": "d", "country": "e", "issue_date": "b", "due_date": "a"}


def test_nothing_is_guessed_where_a_name_stands_twice_or_nothing_fits() -> None:
    assert guess_columns(("Total", "Total", "xyz"), [("1", "2", "?")]) == {}
    assert guess_columns(("", ""), [("a", "b")]) == {}


@pytest.mark.parametrize("cell", ["a@" + "." * 100_000 + "@", "a@b", "a@.", "a@b@c.example", "a b@c.example"])
def test_what_is_no_address_is_known_at_once(cell: str) -> None:
    assert guess_columns(("c",), [(cell,)]) == {}


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (("2013-02-01", "2013-12-31T09:00:00"), "YYYY-MM-DD"),
        (("01.02.2013",), "DD.MM.YYYY"),
        (("1/2/2013", "31/12/2013"), "DD/MM/YYYY"),
        (("1/2/2013", "12/31/2013"), "MM/DD/YYYY"),
        (("yesterday",), None),
        ((), None),
    ],
)
def test_a_format_reads_all_of_a_columns_dates(values: tuple[str, ...], written: str | None) -> None:
    assert guess_date_format(values) == written


def test_every_name_is_a_fields_and_written_as_names_are_compared() -> None:
    assert NAMES.keys() <= FIELD_RULES.keys()
    names = [name for each in NAMES.values() for name in each]
    assert [name for name in names if normalise_name(name) != name] == []
