"""The signs that people write beside an amount, and which currencies each may mean."""

from domain.money import CURRENCIES

_PESOS = ("ARS", "CLP", "COP", "CUP", "DOP", "MXN", "PHP", "UYU")
_SIGNS: dict[str, frozenset[str]] = {
    "€": frozenset({"EUR"}),
    "$": frozenset({code for code in CURRENCIES if code.endswith("D")} | set(_PESOS)),
    "us$": frozenset({"USD"}),
    "£": frozenset({"GBP", "GIP", "FKP", "SHP", "EGP", "LBP", "SYP"}),
    "¥": frozenset({"JPY", "CNY"}),
    "₹": frozenset({"INR"}),
    "rs": frozenset({"INR", "PKR", "LKR", "NPR", "MUR", "SCR"}),
    "zł": frozenset({"PLN"}),
    "kč": frozenset({"CZK"}),
    "ft": frozenset({"HUF"}),
    "lei": frozenset({"RON"}),
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "fr": frozenset({"CHF"}),
    "sfr": frozenset({"CHF"}),
    "₽": frozenset({"RUB"}),
    "₺": frozenset({"TRY"}),
    "₩": frozenset({"KRW"}),
    "₪": frozenset({"ILS"}),
    "₴": frozenset({"UAH"}),
    "r$": frozenset({"BRL"}),
    "din": frozenset({"RSD"}),
}


def is_sign_of(sign: str, currency: str) -> bool:
    """Return true when the sign, or the ISO 4217 code, may stand for the currency: `$` for USD, `kr.` for SEK."""
    return sign.upper() == currency or currency in _SIGNS.get(sign.casefold().rstrip("."), ())
