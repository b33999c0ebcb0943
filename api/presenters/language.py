"""The language that a caller reads."""

from typing import Annotated

from fastapi import Depends, Header, Query

from api.presenters.phrases import Phrases, choose_language, load_phrases


def choose_phrases(
    language: Annotated[str | None, Query(pattern="^(en|de|fr|es)$", description="of the sentences; Accept-Language when left out")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Phrases:
    return load_phrases(language or choose_language(accept_language))


ReaderPhrases = Annotated[Phrases, Depends(choose_phrases)]
