"""The fields of an import: what each is, whether it is needed, what it may contain, and an example. `docs/imports.md` lists them."""

from typing import NamedTuple

from domain.accepted_texts import MAX_EMAIL_LENGTH, MAX_ID_LENGTH, MAX_NAME_LENGTH, MAX_WORD_LENGTH
from domain.clock import FIRST_DAY, LAST_DAY

_DATE_LIMITS = f"{FIRST_DAY.isoformat()} to {LAST_DAY.isoformat()}; a time of day behind it is left out"
_AMOUNT_LIMITS = "no more decimals than the currency has; at most 10¹³ minor units"
_ID_LIMITS = f"{MAX_ID_LENGTH} characters that can be seen; not `.` or `..`"
_NAME_LIMITS = f"{MAX_NAME_LENGTH} characters; line breaks and tabs become spaces"
_WORD_LIMITS = f"{MAX_WORD_LENGTH} characters"
_FLAG_LIMITS = "one of the mapping's `true_words` or `false_words`"


class FieldRule(NamedTuple):
    """`needed`: a row without it is rejected. `max_length` in characters; None where the content has another limit. `is_id`: it names
    something, and is taken as it is, leading zeros too."""

    what: str
    needed: bool
    limits: str
    example: str
    max_length: int | None = None
    is_id: bool = False


FIELD_RULES: dict[str, FieldRule] = {
    "number": FieldRule("the invoice's number, as the customer knows it", True, _ID_LIMITS, "2013-0042", MAX_ID_LENGTH, True),
    "account_id": FieldRule("the customer's account", True, _ID_LIMITS, "C-1042", MAX_ID_LENGTH, True),
    "issue_date": FieldRule("when the invoice was issued", True, _DATE_LIMITS, "2013-02-01"),
    "due_date": FieldRule(
        "when it is due; before the issue date is taken, with a warning; may be empty for a credit note", True, _DATE_LIMITS, "2013-03-03"
    ),
    "currency": FieldRule("of all amounts of the row", True, "an ISO 4217 code", "EUR"),
    "total": FieldRule("the whole amount; a negative one is a credit note", True, _AMOUNT_LIMITS, "1234.56"),
    "country": FieldRule("the customer's country", True, "an ISO 3166-1 code of two letters", "DE"),
    "time_zone": FieldRule("in which the customer's days begin and end", True, "an IANA name", "Europe/Berlin"),
    "language": FieldRule("of the customer's letters", True, "one of the letters' languages", "de"),
    "invoice_id": FieldRule(
        "what names the invoice here; without it the number does, or account and number where two accounts have the same number",
        False,
        _ID_LIMITS,
        "C-1042-2013-0042",
        MAX_ID_LENGTH,
        True,
    ),
    "account_name": FieldRule("the customer's name; without it the account's id", False, _NAME_LIMITS, "Müller & Söhne", MAX_NAME_LENGTH),
    "segment": FieldRule("the segment, by which policies are chosen", False, _WORD_LIMITS, "key", MAX_WORD_LENGTH),
    "collector": FieldRule("who collects from it; a person's choice here is kept", False, _WORD_LIMITS, "j.keller", MAX_WORD_LENGTH),
    "contact_name": FieldRule("whom letters address; an empty cell clears it", False, _NAME_LIMITS, "Erika Muster", MAX_NAME_LENGTH),
    "email": FieldRule(
        "where letters go; an empty cell clears it", False, f"an address of at most {MAX_EMAIL_LENGTH} characters", "ap@mueller.example"
    ),
    "phone": FieldRule("whom to call; an empty cell clears it", False, _WORD_LIMITS, "+49 30 1234", MAX_WORD_LENGTH),
    "open_balance": FieldRule("what is still owed; the total unless given. Not beside `paid_amount`", False, _AMOUNT_LIMITS, "200.00"),
    "paid_amount": FieldRule("what was paid. Not beside `open_balance`", False, _AMOUNT_LIMITS, "1034.56"),
    "settled_on": FieldRule("when it was settled; after the business date it is still open", False, _DATE_LIMITS, "2013-03-06"),
    "disputed": FieldRule("whether the customer contests it", False, _FLAG_LIMITS, "no"),
    "cancelled": FieldRule("whether it was cancelled", False, _FLAG_LIMITS, "no"),
    "credits": FieldRule(
        "of a credit note: the invoice that it reduces, by number or id", False, _ID_LIMITS, "2013-0042", MAX_ID_LENGTH, True
    ),
    "prepaid": FieldRule("whether the account is served in advance of its money, and never suspended", False, _FLAG_LIMITS, "no"),
}


def format_field_table() -> str:
    """The table of all fields as Markdown."""
    lines = ["| field | what it is | needed | limits | example |", "|---|---|---|---|---|"]
    for name, rule in FIELD_RULES.items():
        lines.append(f"| `{name}` | {rule.what} | {'yes' if rule.needed else ''} | {rule.limits} | `{rule.example}` |")
    return "\n".join(lines)
