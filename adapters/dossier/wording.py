"""The words of a printed dossier, by language."""

from pydantic import BaseModel, ConfigDict

from adapters.i18n.languages import DEFAULT_LANGUAGE, choose_language
from adapters.i18n.shared_wording import SHARED_WORDING, SharedWording
from adapters.i18n.wording import WordingCatalogue, translate_name
from adapters.shipped_files import PROJECT


class DossierWording(BaseModel):
    """`values` are words for names of ours; a name that it lacks is printed with spaces. `shared`: what all else says, too."""

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
    shared: SharedWording

    def translate_value(self, name: str | None) -> str:
        return translate_name(self.values, name) if name else ""

    def translate_decision_reason(self, name: str) -> str:
        """Why an approval was rejected or returned, or why it lapsed."""
        return self.shared.decision_reasons.get(name) or self.translate_value(name)


DOSSIER_WORDING = WordingCatalogue(
    DossierWording, PROJECT / "adapters" / "dossier" / "words", languages=(DEFAULT_LANGUAGE,), parts={"shared": SHARED_WORDING}
)


def load_dossier_wording(language: str) -> DossierWording:
    """Return the words of that language; English where the dossier has none in it."""
    return DOSSIER_WORDING.load(choose_language(language, DOSSIER_WORDING.languages))
