"""The words that the console and the messages to our people share, in four languages, and how a sentence is filled with facts.

A sentence names facts in braces; a stretch in square brackets is left out when one of its facts is missing or empty.
"""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from adapters.i18n.formatting import format_localised_date, format_localised_money
from adapters.project import PROJECT

SHARED_WORDS_DIR = PROJECT / "adapters" / "i18n" / "words"
LANGUAGES = ("en", "de", "fr", "es")
"""Those in which people of ours may read; the first one where nothing is known of them."""

_optional_part = re.compile(r"\[([^\]]*)\]")
_placeholder = re.compile(r"\{(\w+)\}")


class SharedWording(BaseModel):
    """One language's words: what people are asked about, why customers contest, and how such things end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str
    matters: dict[str, str]
    dispute_reasons: dict[str, str]
    resolutions: dict[str, str]
    results: dict[str, str]
    lapses: dict[str, str]
    review_reasons: dict[str, str]
    plan_reasons: dict[str, str]

    def translate(self, group: str, name: str) -> str:
        """The word for a name of ours; what a company named itself is shown by its name, with spaces."""
        words: dict[str, str] = getattr(self, group)
        return words.get(name) or name.replace("_", " ")

    def format_day(self, day: date) -> str:
        return format_localised_date(day, "medium", self.locale)

    def format_money(self, minor: int, currency: str) -> str:
        """`minor` in minor units of `currency`."""
        return format_localised_money(minor, currency, self.locale)

    def fill_sentence(self, sentence: str, facts: Mapping[str, str]) -> str:
        """A fact that is missing outside of a stretch leaves a dash."""
        kept = _optional_part.sub(
            lambda found: found[1] if all(facts.get(name) for name in _placeholder.findall(found[1])) else "", sentence
        )
        return _placeholder.sub(lambda found: facts.get(found[1]) or "–", kept)


def load_wording(language: str, folder: Path) -> dict[str, Any]:
    """The words of a folder beside those that all share."""
    return _load_yaml(SHARED_WORDS_DIR / f"{language}.yaml") | _load_yaml(folder / f"{language}.yaml")


def _load_yaml(path: Path) -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return words
