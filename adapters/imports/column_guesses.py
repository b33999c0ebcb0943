"""Which column of a file could be which field: by the column's name in four languages, and by what stands in it. A person looks at it."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from adapters.imports.cell_parsing import format_cell, parse_date
from adapters.imports.sheet import Sheet
from domain.money import CURRENCIES

SAMPLE_ROWS = 200
DATE_FORMATS = ("YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "DD-MM-YYYY", "YYYY/MM/DD", "DD.MM.YY")
"""As files write dates; where two read the same texts as different dates, the first one is guessed."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "number": (
        *("number", "invoice number", "invoice no", "invoice", "document number", "doc no", "reference", "belegnummer", "belegnr"),
        *("rechnungsnummer", "rechnungsnr", "rechnung", "re nr", "numero de facture", "no facture", "facture", "numero", "n facture"),
        *("numero de factura", "n factura", "factura", "num factura"),
    ),
    "account_id": (
        *("account id", "account", "customer id", "customer number", "customer no", "debtor", "debtor number", "kundennummer", "kundennr"),
        *("debitor", "debitorennummer", "kunden nr", "konto", "code client", "numero client", "no client", "compte client", "compte"),
        *("codigo cliente", "numero de cliente", "n cliente", "id cliente", "cuenta"),
    ),
    "account_name": (
        *("account name", "customer name", "customer", "company", "name", "kunde", "kundenname", "firma", "name des kunden", "client"),
        *("nom du client", "nom client", "raison sociale", "societe", "cliente", "nombre cliente", "nombre del cliente", "razon social"),
    ),
    "issue_date": (
        *("issue date", "invoice date", "document date", "posting date", "date", "rechnungsdatum", "belegdatum", "datum"),
        *("ausstellungsdatum", "date de facture", "date facture", "date d emission", "date emission", "fecha de factura"),
        *("fecha factura", "fecha de emision", "fecha emision", "fecha"),
    ),
    "due_date": (
        *(
            "due date",
            "due",
            "payment due",
            "due on",
            "net due date",
            "falligkeit",
            "fallig am",
            "falligkeitsdatum",
            "zahlbar bis",
            "fallig",
        ),
        *("date d echeance", "echeance", "date echeance", "fecha de vencimiento", "vencimiento", "fecha vencimiento", "vence"),
    ),
    "currency": ("currency", "curr", "ccy", "wahrung", "waehrung", "devise", "monnaie", "moneda", "divisa"),
    "total": (
        *("total", "amount", "invoice amount", "gross", "gross amount", "total amount", "betrag", "bruttobetrag", "brutto", "summe"),
        *("rechnungsbetrag", "gesamtbetrag", "montant", "montant ttc", "total ttc", "ttc", "importe", "importe total", "monto"),
    ),
    "open_balance": (
        *("open balance", "open amount", "balance", "outstanding", "amount due", "open", "offen", "offener betrag", "restbetrag", "saldo"),
        *("offener posten", "solde", "reste a payer", "montant du", "restant du", "saldo pendiente", "pendiente", "importe pendiente"),
    ),
    "paid_amount": (
        "paid",
        "amount paid",
        "paid amount",
        "bezahlt",
        "gezahlt",
        "paye",
        "montant paye",
        "regle",
        "pagado",
        "importe pagado",
    ),
    "country": ("country", "country code", "land", "landercode", "laenderkennzeichen", "pays", "code pays", "pais", "codigo pais"),
    "time_zone": ("time zone", "timezone", "zeitzone", "fuseau horaire", "zona horaria"),
    "language": ("language", "lang", "sprache", "langue", "idioma"),
    "email": ("email", "e mail", "mail", "email address", "e mail adresse", "courriel", "adresse e mail", "correo", "correo electronico"),
    "phone": ("phone", "telephone", "phone number", "telefon", "telefonnummer", "tel", "telefono"),
    "contact_name": ("contact", "contact name", "contact person", "ansprechpartner", "kontakt", "interlocuteur", "contacto"),
    "collector": ("collector", "sachbearbeiter", "bearbeiter", "gestionnaire", "charge de recouvrement", "gestor"),
    "segment": ("segment", "customer group", "kundengruppe", "segmento", "groupe de clients", "grupo de clientes"),
    "settled_on": ("settled on", "paid on", "payment date", "bezahlt am", "zahlungsdatum", "date de paiement", "paye le", "fecha de pago"),
    "disputed": ("disputed", "dispute", "strittig", "reklamiert", "litige", "conteste", "en disputa", "disputada"),
    "cancelled": ("cancelled", "storniert", "annulee", "annule", "anulada", "cancelada"),
}
"""Written as `normalise_name` leaves them. The first ones are the surest."""

_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
"""No more than an address may have: whoever would look in a long cell for the last point would look for minutes."""

_COUNTRY, _LANGUAGE = re.compile(r"[A-Z]{2}"), re.compile(r"[a-z]{2}")
_ZONE = re.compile(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_/]+")


def read_samples(sheet: Sheet) -> list[list[str]]:
    """The first rows below the header, each cell as a person would have typed it."""
    rows = zip(range(SAMPLE_ROWS), sheet.rows(), strict=False)
    return [[format_cell(cell) for cell in row.cells] for _, row in rows if not row.fault]


def guess_columns(header: Sequence[str], samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the column guessed for each field for which there is one; no column stands for two fields. A name that the header has twice is
    guessed for nothing."""
    free = {name: normalise_name(name) for name in header if name and header.count(name) == 1}
    guessed: dict[str, str] = {}
    for exactly in (True, False):
        for field, names in NAMES.items():
            if field not in guessed and (found := _find_by_name(free, names, exactly)):
                guessed[field] = found
                del free[found]
    for field, fits in _CONTENT_TESTS.items():
        if field not in guessed:
            columns = (name for name in free if _fits(list_values(header, samples, name), fits))
            if found := next(columns, None):
                guessed[field] = found
                del free[found]
    return guessed | _guess_dates(header, samples, free, guessed)


def guess_date_format(values: Sequence[str]) -> str | None:
    """Return the first format in which all of the values are dates."""
    days = [value.split("T")[0].split(" ")[0] for value in values if value]
    return next((each for each in DATE_FORMATS if days and all(parse_date(day, (each,)) for day in days)), None)


def list_values(header: Sequence[str], samples: Sequence[Sequence[str]], column: str) -> list[str]:
    """What stands in a column, the empty cells left out."""
    place = header.index(column)
    return [row[place] for row in samples if place < len(row) and row[place]]


def normalise_name(name: str) -> str:
    """Letters and digits alone, in small letters without accents, words parted by spaces."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return _NOT_LETTERS.sub(" ", plain.casefold().replace("°", " ")).strip()


def _find_by_name(free: Mapping[str, str], names: Sequence[str], exactly: bool) -> str | None:
    for wanted in names:
        for column, normalised in free.items():
            if normalised == wanted or (not exactly and len(wanted) > 4 and f" {wanted} " in f" {normalised} "):
                return column
    return None


def _fits(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    return bool(values) and all(test(value) for value in values)


def _is_currency(value: str) -> bool:
    return value in CURRENCIES


_CONTENT_TESTS: Mapping[str, Callable[[str], bool]] = {
    "currency": _is_currency,
    "email": lambda value: _EMAIL.fullmatch(value) is not None and "." in value.rpartition("@")[2][1:-1],
    "time_zone": lambda value: _ZONE.fullmatch(value) is not None,
    "country": lambda value: _COUNTRY.fullmatch(value) is not None,
    "language": lambda value: _LANGUAGE.fullmatch(value) is not None,
}


def _guess_dates(
    header: Sequence[str], samples: Sequence[Sequence[str]], free: Mapping[str, str], guessed: Mapping[str, str]
) -> dict[str, str]:
    """Of columns of dates that no name tells, the earlier is the issue's and the later is when it is due."""
    missing = [field for field in ("issue_date", "due_date") if field not in guessed]
    dated: list[tuple[float, str]] = []
    for column in free:
        values = list_values(header, samples, column)
        if written := guess_date_format(values):
            days = [day.toordinal() for value in values if (day := parse_date(value.split("T")[0].split(" ")[0], (written,)))]
            dated.append((median(days), column))
    return {field: column for field, (_, column) in zip(missing, sorted(dated), strict=False)}
