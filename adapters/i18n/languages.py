"""The languages in which Duecourse speaks. A language is added here, and by a file in each wording catalogue."""

from collections.abc import Sequence
from typing import Literal, get_args

Language = Literal["en", "de", "fr", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT_LANGUAGE: Language = "en"
LANGUAGE_PATTERN = f"^({'|'.join(LANGUAGES)})$"


def choose_language(language: str | None, available: Sequence[str] = LANGUAGES) -> str:
    """Return `language` if it is available; English otherwise."""
    return language if language in available and language is not None else DEFAULT_LANGUAGE
