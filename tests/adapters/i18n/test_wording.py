"""Wording catalogues: a file that does not fit its model, or says something else than the English one, is refused by its name and key."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from adapters.dossier.wording import DOSSIER_WORDING
from adapters.i18n.languages import LANGUAGES, choose_language
from adapters.i18n.shared_wording import SHARED_WORDING
from adapters.i18n.wording import WordingCatalogue, WordingError, fill_placeholders, read_wording_file, translate_name
from adapters.letters.wording import create_letter_catalogue
from adapters.notifications.staff_notices import NOTICE_WORDING
from api.presenters.phrases import PHRASES
from api.presenters.solvency import SOLVENCY_SENTENCES

ENGLISH = 'greeting: "Dear {name}[, of {company}]"\nreasons:\n  price: the price\n  tax: the tax\n'
GERMAN = 'greeting: "Guten Tag {name}[ von {company}]"\nreasons:\n  price: der Preis\n  tax: die Steuer\n'
CATALOGUES: dict[str, WordingCatalogue[Any]] = {
    "shared words": SHARED_WORDING,
    "notices": NOTICE_WORDING,
    "phrases": PHRASES,
    "solvency": SOLVENCY_SENTENCES,
    "letters": create_letter_catalogue(None),
    "dossier": DOSSIER_WORDING,
}


class Wording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    greeting: str
    reasons: dict[str, str]


class OpenWording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    greeting: str
    reasons: dict[str, str]


class OuterWording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    inner: Wording
    title: str


def catalogue(folder: Path, german: str | None = GERMAN, english: str = ENGLISH) -> WordingCatalogue[Wording]:
    (folder / "en.yaml").write_text(english, encoding="utf-8")
    if german is not None:
        (folder / "de.yaml").write_text(german, encoding="utf-8")
    return WordingCatalogue(Wording, folder, languages=("en", "de"))


def company_catalogue(folder: Path, language: str, own: str) -> WordingCatalogue[OpenWording]:
    shipped, own_folder = folder / "shipped", folder / "own"
    shipped.mkdir()
    own_folder.mkdir()
    (shipped / "en.yaml").write_text(ENGLISH, encoding="utf-8")
    (own_folder / f"{language}.yaml").write_text(own, encoding="utf-8")
    return WordingCatalogue(OpenWording, shipped, languages=("en",), own_folder=own_folder)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [name for name in CATALOGUES if name != "dossier"])
def test_every_catalogue_speaks_every_language(name: str, language: str) -> None:
    assert language in CATALOGUES[name].languages
    assert CATALOGUES[name].load(language)


@pytest.mark.parametrize("name", CATALOGUES)
def test_everything_that_is_shipped_can_be_read(name: str) -> None:
    assert CATALOGUES[name].load_all().keys() == set(CATALOGUES[name].languages)


def test_a_language_is_read_once(tmp_path: Path) -> None:
    words = catalogue(tmp_path)
    read = words.load("de")
    (tmp_path / "de.yaml").unlink()
    assert words.load("de") is read


@pytest.mark.parametrize(
    ("german", "fault"),
    [
        (GERMAN.replace("  tax: die Steuer\n", ""), r"de\.yaml:\d+: reasons\.tax: is missing"),
        ("reasons:\n  price: der Preis\n  tax: die Steuer\n", r"de\.yaml:\d+: greeting: is missing"),
        (GERMAN + "  quality: die Ware\n", r"de\.yaml:\d+: reasons\.quality: English has no such key"),
        (GERMAN + "farewell: Tschüss\n", r"de\.yaml:5: farewell: is not a key of this wording"),
        (GERMAN.replace("{name}", "{nmae}"), r"de\.yaml:\d+: greeting: names \{company\}, \{nmae\}, English names \{company\}, \{name\}"),
        (GERMAN.replace("[ von {company}]", ""), r"de\.yaml:\d+: greeting: names \{name\}, English names \{company\}, \{name\}"),
        (GERMAN.replace("der Preis", '"{amount}"'), r"de\.yaml:\d+: reasons\.price: names \{amount\}, English names no fact"),
        (GERMAN.replace("die Steuer", '"die Steuer]"'), r"de\.yaml:\d+: reasons\.tax: has a bracket that opens or closes nothing"),
        (GERMAN.replace("die Steuer", '"{Steuer"'), r"de\.yaml:\d+: reasons\.tax: has a bracket that opens or closes nothing"),
        (GERMAN + "  tax: die Abgabe\n", r"de\.yaml:5: the key 'tax' is given twice"),
        (GERMAN.replace("die Steuer", "[a, b]"), r"de\.yaml: reasons\.tax: Input should be a valid string"),
        ("- greeting\n", r"de\.yaml:1: this should be a list of keys and values"),
        ("greeting: [\n", r"de\.yaml:2: this is not YAML"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_name_and_key(tmp_path: Path, german: str, fault: str) -> None:
    with pytest.raises(WordingError, match=fault):
        catalogue(tmp_path, german).load("de")


def test_every_fault_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"greeting: names .*\n.*reasons\.tax: is missing"):
        catalogue(tmp_path, 'greeting: "Guten Tag"\nreasons:\n  price: der Preis\n').load("de")


def test_a_key_that_english_lacks_is_missing_from_the_model(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"en\.yaml: reasons: Field required"):
        catalogue(tmp_path, english='greeting: "Dear {name}"\n').load("en")


def test_a_language_without_a_file_is_refused_whatever_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"de\.yaml: the file is missing"):
        catalogue(tmp_path, german=None).load("en")


def test_a_file_that_no_language_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(GERMAN, encoding="utf-8")
    with pytest.raises(WordingError, match=r"it\.yaml: it is not a language of this wording"):
        catalogue(tmp_path).load("en")


def test_a_language_that_the_catalogue_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"there is no wording in 'it'; its languages are en, de"):
        catalogue(tmp_path).load("it")


def test_a_part_comes_from_its_own_catalogue_in_the_same_language(tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "en.yaml").write_text("title: A letter\n", encoding="utf-8")
    (outer / "de.yaml").write_text("title: Ein Brief\n", encoding="utf-8")
    words = WordingCatalogue(OuterWording, outer, languages=("en", "de"), parts={"inner": catalogue(tmp_path)}).load("de")
    assert (words.title, words.inner.reasons["tax"]) == ("Ein Brief", "die Steuer")


# --- a company's own words


def test_a_companys_own_words_win_and_may_leave_facts_out(tmp_path: Path) -> None:
    words = company_catalogue(tmp_path, "en", "greeting: Ahoy\nmotto: We sail {ship}\n").load("en")
    assert (words.greeting, words.reasons["tax"]) == ("Ahoy", "the tax")
    assert words.model_extra == {"motto": "We sail {ship}"}


def test_a_companys_own_words_can_name_no_fact_that_is_not_known_there(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"own/en\.yaml:1: greeting: names \{nmae\}, which is not known there"):
        company_catalogue(tmp_path, "en", 'greeting: "Ahoy {nmae}"\n').load("en")


def test_a_company_adds_a_language(tmp_path: Path) -> None:
    words = company_catalogue(tmp_path, "it", 'greeting: "Buongiorno {name}"\nreasons: {}\n')
    assert words.languages == ("en", "it")
    assert words.load("it").greeting == "Buongiorno {name}"


def test_a_language_that_a_company_adds_has_every_word(tmp_path: Path) -> None:
    with pytest.raises(WordingError, match=r"own/it\.yaml: reasons: Field required"):
        company_catalogue(tmp_path, "it", 'greeting: "Buongiorno {name}"\n').load("it")


# --- a country's own words


def country_catalogue(folder: Path, files: dict[str, str]) -> WordingCatalogue[OpenWording]:
    for name, content in {"shipped/en.yaml": ENGLISH, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return WordingCatalogue(
        OpenWording, folder / "shipped", languages=("en",), variant_pattern="variants/{language}.{country}.yaml", own_folder=folder / "own"
    )


def test_a_country_says_otherwise_only_what_its_file_holds(tmp_path: Path) -> None:
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "variants").mkdir()
    words = country_catalogue(tmp_path, {"shipped/variants/en.US.yaml": 'greeting: "Hi {name}"\n'})
    assert words.languages == ("en",)
    assert [words.load("en", country).greeting for country in ("US", "GB", None)] == ["Hi {name}", *["Dear {name}[, of {company}]"] * 2]
    assert words.load("en", "US").reasons["tax"] == "the tax"


def test_a_companys_own_words_win_over_a_countrys(tmp_path: Path) -> None:
    (tmp_path / "shipped" / "variants").mkdir(parents=True)
    words = country_catalogue(tmp_path, {"shipped/variants/en.US.yaml": "greeting: Hi\n", "own/en.yaml": "greeting: Ahoy\n"})
    assert words.load("en", "US").greeting == "Ahoy"


def test_a_countrys_words_can_name_no_fact_that_is_not_known_there(tmp_path: Path) -> None:
    (tmp_path / "shipped" / "variants").mkdir(parents=True)
    words = country_catalogue(tmp_path, {"shipped/variants/en.US.yaml": 'greeting: "Hi {nmae}"\n'})
    with pytest.raises(WordingError, match=r"en\.US\.yaml:1: greeting: names \{nmae\}"):
        words.load_all()


# --- sentences


def test_a_stretch_without_its_fact_is_left_out_and_a_missing_fact_is_a_dash() -> None:
    sentence = "Dear {name}[, of {company}]"
    assert fill_placeholders(sentence, {"name": "Ann", "company": "Acme"}) == "Dear Ann, of Acme"
    assert fill_placeholders(sentence, {"company": ""}) == "Dear –"


@pytest.mark.parametrize(("days", "told"), [("1", "1 day left"), ("2", "2 days left"), ("0", "0 days left"), ("21", "21 days left")])
def test_a_number_is_followed_by_the_word_that_goes_with_it(days: str, told: str) -> None:
    assert fill_placeholders("{days|day|days} left[, {weeks|week|weeks}]", {"days": days}) == told


def test_a_fact_is_never_read_as_a_sentence() -> None:
    assert fill_placeholders("{name}", {"name": "{company} [x]", "company": "Acme"}) == "{company} [x]"


def test_a_name_without_a_word_is_shown_with_spaces() -> None:
    assert (translate_name({"tax": "the tax"}, "tax"), translate_name({}, "field_visit")) == ("the tax", "field visit")


def test_a_word_stays_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "en.yaml").write_text("norway: NO\nfive: 5\n", encoding="utf-8")
    assert read_wording_file(tmp_path / "en.yaml").content == {"norway": "NO", "five": "5"}


@pytest.mark.parametrize(("wanted", "chosen"), [("de", "de"), ("sv", "en"), ("", "en"), (None, "en")])
def test_a_language_that_does_not_exist_becomes_english(wanted: str | None, chosen: str) -> None:
    assert choose_language(wanted) == chosen
