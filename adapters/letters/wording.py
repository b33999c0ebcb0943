"""The words that every letter of a language shares: column headings, greeting, payment instructions, sign-off."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from adapters.i18n.wording import WordingCatalogue
from adapters.letters.creditor import Consequence, Supplies
from adapters.shipped_files import PROJECT

TEMPLATES_DIR = PROJECT / "letters"

OTHER_LAW = "other"
"""In `late_payment`: the sentence for the law of a country that has no sentence of its own, or is not known."""


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
    account_number: str
    routing_number: str
    bank: str
    reference: str


class ParticularsWords(_WordingModel):
    """How a language calls what the law has a company state in its letters; what it has no word for is stated without one."""

    registered_office: str = ""
    register_entry: str = ""
    managing_directors: str = ""
    supervisory_board_chair: str = ""
    share_capital: str = ""
    vat_id: str = ""


class SupplyWords(_WordingModel):
    """`what` the company supplies ("our deliveries"), and how its suspension is called (`stop`)."""

    what: str
    stop: str


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
    total_left: str = ""
    """What is left of what is not due yet, after credit; where a language has no word for it, `total`."""
    credit: str
    reminded: str
    newly_due: str
    disputed: str
    arranged: str
    due_today: str
    upcoming: str
    instalments: str
    please_pay: str
    pay_online: str
    attached: str
    payment: PaymentWords
    particulars: ParticularsWords = ParticularsWords()
    by_date: str
    already_paid: str
    questions: str
    reasons: dict[str, str]
    supplies: dict[Supplies, SupplyWords]
    consequences: dict[Consequence, str]
    late_payment: dict[str, str]
    sign_off: str
    phone: str
    email: str


def create_letter_catalogue(own_folder: Path | None) -> WordingCatalogue[LetterWording]:
    """Create the catalogue of the letters' words. A company's own, in `own_folder`, take the place of those that come with Duecourse."""
    return WordingCatalogue(
        LetterWording,
        TEMPLATES_DIR,
        file_pattern="{language}/words.yaml",
        variant_pattern="{language}/words.{country}.yaml",
        own_folder=own_folder,
    )
