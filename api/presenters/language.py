"""The language that a caller reads."""

from typing import Annotated

from fastapi import Depends, Header, Query

from api.presenters.phrases import Phrases, phrases, preferred


def words(
    language: Annotated[str | None, Query(pattern="^(en|de|fr|es)$", description="of the sentences; Accept-Language when left out")] = None,
    accept_language: Annotated[str, Header()] = "",
) -> Phrases:
    return phrases(language or preferred(accept_language))


Words = Annotated[Phrases, Depends(words)]
