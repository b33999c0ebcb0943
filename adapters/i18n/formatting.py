"""Money and dates as a reader of a language expects them: 1.234,56 € in Hamburg, £1,234.56 in Leeds."""

from datetime import date, datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone, get_timezone_location
from babel.numbers import format_currency, format_decimal, get_currency_precision, parse_pattern

from domain.money import Money, minor_digits


@lru_cache(maxsize=256)
def find_locale(language: str, country: str | None, default: str) -> str:
    """`de` and `AT` make de_AT; a pair that nobody speaks, such as `de` and `JP`, or no country at all, makes the default."""
    if country is None:
        return default
    try:
        return str(Locale.parse(f"{language}_{country.upper()}", resolve_likely_subtags=False))
    except (UnknownLocaleError, ValueError):
        return default


@lru_cache(maxsize=4096)
def format_localised_money(minor: int, currency: str, locale: str, pattern: str | None = None) -> str:
    """`minor` in minor units of `currency`, with as many decimals as people usually write of it, and with all where less would round.
    `pattern` is a CLDR pattern such as `#,##0.00`, which shows no sign; None is the locale's own."""
    amount, digits = Money(minor=minor, currency=currency).major, minor_digits(currency)
    unseen = digits - get_currency_precision(currency)
    if unseen <= 0 or minor % 10**unseen == 0:
        return format_currency(amount, currency, pattern, locale=locale)
    exact = parse_pattern(pattern or Locale.parse(locale).currency_formats["standard"].pattern)
    exact.frac_prec = (digits, digits)
    return format_currency(amount, currency, exact, locale=locale, currency_digits=False)


@lru_cache(maxsize=4096)
def format_localised_date(day: date, pattern: str, locale: str) -> str:
    """`pattern` is a CLDR style (`long`) or pattern (`dd.MM.y`). French alone has an ordinal for the first of a month."""
    text = format_date(day, pattern, locale=locale)
    return f"1er{text[1:]}" if pattern == "long" and text.startswith("1 ") and locale.startswith("fr") else text


@lru_cache(maxsize=4096)
def format_localised_count(count: int, locale: str) -> str:
    return str(format_decimal(count, locale=locale))


def format_localised_time(moment: datetime, locale: str) -> str:
    """The time of day in the moment's own time zone."""
    return str(format_time(moment.replace(tzinfo=None), "short", locale=locale))


def name_country(code: str, locale: str) -> str:
    """What readers of a locale call a country; one that nobody knows stays its code."""
    return Locale.parse(locale).territories.get(code) or code


def name_place(time_zone: str, locale: str) -> str:
    """What readers of a locale call the place by whose clock a time zone goes, such as Vienna or Wien."""
    return str(get_timezone_location(get_timezone(time_zone), locale=locale, return_city=True))


def name_language(language: str, locale: str) -> str:
    """What readers of a locale call a language; one that nobody knows stays its code."""
    try:
        return Locale.parse(language).get_language_name(locale) or language
    except (UnknownLocaleError, ValueError):
        return language
