"""The words of a printed dossier, by language."""

from functools import lru_cache
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from adapters.project import PROJECT

WORDS_DIR = PROJECT / "adapters" / "dossier" / "words"
ENGLISH = "en"


class DossierWording(BaseModel):
    """`values` are words for names of ours; a name that it lacks is printed with spaces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str
    page: str
    none: str
    more: str
    total: str
    seal: str
    signature: str
    titles: dict[str, str]
    opening: dict[str, str]
    opening_more: dict[str, str]
    letterhead: dict[str, str]
    sections: dict[str, str]
    captions: dict[str, str]
    columns: dict[str, str]
    suspension: dict[str, str]
    values: dict[str, str]

    def translate_value(self, name: str | None) -> str:
        return "" if not name else self.values.get(name) or name.replace("_", " ")


def list_dossier_languages() -> list[str]:
    return sorted(path.stem for path in WORDS_DIR.glob("*.yaml"))


@lru_cache(maxsize=8)
def load_dossier_wording(language: str) -> DossierWording:
    """English where the language has no file; what a file leaves out is English too."""
    english = _read_words_file(ENGLISH)
    own = _read_words_file(language) if language in list_dossier_languages() else {}
    merged = {
        name: english[name] | own.get(name, {}) if isinstance(english[name], dict) else own.get(name, english[name]) for name in english
    }
    return DossierWording.model_validate(merged)


def _read_words_file(language: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((WORDS_DIR / f"{language}.yaml").read_text(encoding="utf-8"))
    return content
