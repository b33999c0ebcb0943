"""What the journal's entries say to a person, in four languages. The sentences stand in `console/phrases/`.

A sentence names facts in braces; a stretch in square brackets is left out when one of its facts is missing or empty.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from adapters.localised import date_text, money_text

PHRASES = Path(__file__).parent / "console" / "phrases"
LANGUAGES = ("en", "de", "fr", "es")
_stretch = re.compile(r"\[([^\]]*)\]")
_fact = re.compile(r"\{(\w+)\}")

MONEY_FACTS = frozenset({"amount", "open_balance", "received"})
DAY_FACTS = frozenset({"due_date", "by", "until", "letter_at", "since", "on"})
WORD_FACTS = {
    "step": "steps",
    "hold_kind": "holds",
    "role": "roles",
    "status": "stages",
    "stage": "stages",
    "waiting": "holds",
}
"""Facts that are words of ours, and the group of phrases that translates them."""


class Phrases(BaseModel):
    """One language's words. `reasons` are the drop reasons, `why` says why a case's next step comes when it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str
    entries: dict[str, str]
    steps: dict[str, str]
    stages: dict[str, str]
    holds: dict[str, str]
    reasons: dict[str, str]
    roles: dict[str, str]
    calls: dict[str, str]
    tasks: dict[str, str]
    letters: dict[str, str]
    why: dict[str, str]

    def entry(self, kind: str, facts: Mapping[str, Any], currency: str | None) -> str:
        """The sentence for a journal entry. Amounts among the facts are minor units of `currency`."""
        return self.fill(self.entries.get(kind, kind), self._localised(kind, facts, currency))

    def say_why(self, reason: str, facts: Mapping[str, Any], currency: str | None = None) -> str:
        return self.fill(self.why[reason], self._localised(reason, facts, currency))

    def word(self, group: str, name: str) -> str:
        """The word for a name of ours; a company's own step is shown by its name, with spaces."""
        words: dict[str, str] = getattr(self, group)
        return words.get(name) or name.replace("_", " ")

    def step(self, name: str) -> str:
        return self.word("steps", name)

    def stage(self, name: str) -> str:
        """A stage is `new`, a status or the name of the last step."""
        return self.stages.get(name) or self.step(name)

    def day(self, day: date) -> str:
        return date_text(day, "medium", self.locale)

    def money(self, minor: int, currency: str) -> str:
        return money_text(minor, currency, self.locale)

    def fill(self, sentence: str, facts: Mapping[str, str]) -> str:
        kept = _stretch.sub(lambda found: found[1] if all(facts.get(name) for name in _fact.findall(found[1])) else "", sentence)
        return _fact.sub(lambda found: facts.get(found[1]) or "–", kept)

    def _localised(self, kind: str, facts: Mapping[str, Any], currency: str | None) -> dict[str, str]:
        return {name: self._fact(kind, name, value, currency) for name, value in facts.items()}

    def _fact(self, kind: str, name: str, value: Any, currency: str | None) -> str:
        if value is None or value == "":
            return ""
        if name in MONEY_FACTS and currency and isinstance(value, int):
            return self.money(value, currency)
        if name in DAY_FACTS:
            return self.day(value if isinstance(value, date) else datetime.fromisoformat(str(value)).date())
        if name == "reason":
            return self.word("reasons", str(value)) if kind in ("letter.dropped", "letter.withdrawn") else str(value)
        if name == "outcome":
            return self.word("calls" if kind == "call.logged" else "stages", str(value))
        return self.word(WORD_FACTS[name], str(value)) if name in WORD_FACTS else str(value)


@lru_cache(maxsize=len(LANGUAGES))
def phrases(language: str) -> Phrases:
    return Phrases.model_validate(yaml.safe_load((PHRASES / f"{language}.yaml").read_text(encoding="utf-8")))


def preferred(accept_language: str) -> str:
    """The first of our languages that a browser's Accept-Language asks for, by its weights; English otherwise."""
    wanted = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), place, tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((language for _, _, language in sorted(wanted) if language in LANGUAGES), LANGUAGES[0])
