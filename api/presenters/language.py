"""The language that a caller reads."""

from typing import Annotated

from fastapi import Depends, Header, Query

from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGE_PATTERN, LANGUAGES
from api.presenters.phrases import Phrases, load_phrases


def choose_reader_language(
    language: Annotated[str | None, Query(pattern=LANGUAGE_PATTERN, description="of the sentences; Accept-Language when left out")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> str:
    return language or choose_accepted_language(accept_language)


def choose_accepted_language(accept_language: str) -> str:
    """Return the first of LANGUAGES that a browser's Accept-Language asks for, by its weights; English otherwise."""
    accepted = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            accepted.append((-float(weight or 1), place, tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((language for _, _, language in sorted(accepted) if language in LANGUAGES), DEFAULT_LANGUAGE)


ReaderLanguage = Annotated[str, Depends(choose_reader_language)]


def choose_phrases(language: ReaderLanguage) -> Phrases:
    return load_phrases(language)


ReaderPhrases = Annotated[Phrases, Depends(choose_phrases)]
