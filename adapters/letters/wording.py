"""The words that every letter of a language shares: column headings, greeting, payment instructions, sign-off."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from adapters.i18n.wording import WordingCatalogue
from adapters.shipped_files import PROJECT

TEMPLATES_DIR = PROJECT / "letters"


class _WordingModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnWords(_WordingModel):
    number: str
    issued: str
    due: str
    days: str
    original: str
    open: str


class ScheduleWords(_WordingModel):
    """The headings of a payment plan's instalments."""

    number: str
    due: str
    interest: str
    amount: str
    total: str


class PaymentWords(_WordingModel):
    holder: str
    iban: str
    bic: str
    bank: str
    reference: str


class LetterWording(BaseModel):
    """What every letter of a language says, from its `words.yaml`. A company's own templates may use words of their own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    locale: str
    table_date: str
    colon: str
    greeting: str
    greeting_without_name: str
    account: str
    columns: ColumnWords
    schedule: ScheduleWords
    total: str
    total_open: str
    total_overdue: str
    credit: str
    newly_due: str
    disputed: str
    arranged: str
    upcoming: str
    instalments: str
    please_pay: str
    payment: PaymentWords
    by_date: str
    by_default: str
    already_paid: str
    questions: str
    reasons: dict[str, str]
    sign_off: str
    phone: str
    email: str


def create_letter_catalogue(own_folder: Path | None) -> WordingCatalogue[LetterWording]:
    """Create the catalogue of the letters' words. A company's own, in `own_folder`, take the place of those that come with Duecourse."""
    return WordingCatalogue(LetterWording, TEMPLATES_DIR, file_pattern="{language}/words.yaml", own_folder=own_folder)
