"""What the forms say, in four languages."""

from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from adapters.i18n.wording import WordingCatalogue, fill_placeholders
from adapters.shipped_files import PROJECT
from api.presenters.phrases import Phrases


class ActWording(BaseModel):
    """One language's words. `hints` say what follows from an act, `done` what is so after it; `fields` label the fields by their place in
    the request's body, and by the form before that where one form calls it otherwise. `parts` say what a part of a form is for that is
    folded away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    titles: dict[str, str]
    hints: dict[str, str]
    done: dict[str, str]
    fields: dict[str, str]
    parts: dict[str, str]
    choices: dict[str, str]
    notices: dict[str, str]

    def fill_notice(self, name: str, **facts: str) -> str:
        return fill_placeholders(self.notices[name], facts)


ACT_WORDING = WordingCatalogue(ActWording, PROJECT / "api" / "console" / "acts" / "words")


class Reader(NamedTuple):
    """Who reads, by what is written for them."""

    act_words: ActWording
    phrases: Phrases

    @property
    def locale(self) -> str:
        return self.phrases.shared.locale

    def format_local_time(self, now: datetime, zone: str) -> str:
        """What time it is at a customer's, in the reader's way of writing."""
        return self.phrases.shared.format_time(now, zone)
