"""The words that every letter of a language shares: column headings, greeting, payment instructions, sign-off."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict


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


def list_languages(folders: Sequence[Path]) -> list[str]:
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/words.yaml")})


def load_letter_wording(language: str, folders: Sequence[Path]) -> LetterWording:
    """The first folder's words win; a later folder's fill what it leaves out."""
    words: dict[str, object] = {}
    for folder in reversed(folders):
        if (path := folder / language / "words.yaml").exists():
            words |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return LetterWording.model_validate(words)
