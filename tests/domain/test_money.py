from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money import CURRENCIES, Money, minor_digits, sum_by_currency

AMOUNTS_IN = st.sampled_from(["EUR", "USD", "GBP", "CHF", "JPY", "KWD", "SEK"])


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("12.34", "EUR", 1234), ("12", "JPY", 12), ("1.234", "KWD", 1234), ("0.005", "EUR", 1), ("-0.005", "EUR", -1), ("12.5", "JPY", 13)],
)
def test_major_units_become_whole_minor_units_rounded_half_up(amount: str, currency: str, minor: int) -> None:
    assert Money.from_major(Decimal(amount), currency).minor == minor


@pytest.mark.parametrize(
    ("digits", "currencies"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (2, "EUR RSD ALL AFN LBP MGA MMK SYP YER SOS SLL LAK IRR KPW HUF COP IDR TZS"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_minor_units_are_those_of_iso_4217(digits: int, currencies: str) -> None:
    assert {code: minor_digits(code) for code in currencies.split()} == dict.fromkeys(currencies.split(), digits)


@given(st.integers(-(10**14), 10**14), AMOUNTS_IN)
def test_minor_to_major_and_back_loses_nothing(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    assert Money.from_major(money.major, currency) == money
    assert -money.major.as_tuple().exponent == minor_digits(currency)  # type: ignore[operator]


def test_money_adds_up_within_a_currency_and_never_across() -> None:
    assert Money(minor=1, currency="EUR") + Money(minor=2, currency="EUR") == Money(minor=3, currency="EUR")
    with pytest.raises(ValueError, match="EUR and USD cannot be added"):
        Money(minor=1, currency="EUR") + Money(minor=2, currency="USD")


@pytest.mark.parametrize("code", ["EURO", "eur", "", "XYZ", "€"])
def test_what_is_no_iso_4217_code_is_refused_with_what_to_write(code: str) -> None:
    with pytest.raises(ValidationError, match="three capital letters such as EUR"):
        Money(minor=1, currency=code)
    assert code not in CURRENCIES


def test_a_float_is_never_an_amount() -> None:
    with pytest.raises(ValidationError):
        Money(minor=12.34, currency="EUR")


def test_each_currency_is_summed_by_itself_in_order_of_the_codes() -> None:
    amounts = [Money(minor=3, currency="USD"), Money(minor=5, currency="EUR"), Money(minor=4, currency="USD")]
    assert sum_by_currency(amounts) == (Money(minor=5, currency="EUR"), Money(minor=7, currency="USD"))
    assert sum_by_currency([]) == ()
