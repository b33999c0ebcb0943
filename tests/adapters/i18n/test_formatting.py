"""Amounts as readers expect them, and never less than what is owed."""

import pytest

from adapters.i18n.formatting import format_localised_money


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "shown"),
    [
        (123_456, "EUR", "de_DE", "1.234,56\u00a0€"),
        (123_400, "RSD", "de_DE", "1.234\u00a0RSD"),
        (123_456, "RSD", "de_DE", "1.234,56\u00a0RSD"),
        (-123_456, "RSD", "en_US", "-RSD1,234.56"),
        (1_500_000, "IQD", "en_US", "IQD1,500"),
        (1_500_250, "IQD", "en_US", "IQD1,500.250"),
        (1_234, "JPY", "en_US", "¥1,234"),
    ],
)
def test_an_amount_has_the_decimals_that_people_write_and_all_of_them_where_less_would_round(
    minor: int, currency: str, locale: str, shown: str
) -> None:
    assert format_localised_money(minor, currency, locale) == shown


def test_an_amount_without_its_sign_is_not_rounded_either() -> None:
    assert [format_localised_money(minor, "RSD", "en_US", "#,##0.00") for minor in (123_456, 123_400)] == ["1,234.56", "1,234"]
