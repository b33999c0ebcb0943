"""Wording catalogues: YAML files of words and sentences, one for each language, read into a typed model.

A sentence names facts in braces; a stretch in square brackets is left out when one of its facts is missing or empty. `{days|day|days}`
is the fact followed by the word that goes with its number, for one and for any other. Every file is held against the English one: it has
the same keys, and each sentence names the same facts. Where a country has words of its own in a language, a file beside holds what differs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from adapters.text_files import read_text_file
from domain.errors import OperatingError
from domain.yaml_document import YamlDocument, YamlPath, keep_scalar_text

WordingT = TypeVar("WordingT", bound=BaseModel)

_OPTIONAL_STRETCH = re.compile(r"\[([^\]]*)\]")
_PLACEHOLDER = re.compile(r"\{(?P<fact>\w+)(?:\|(?P<one>[^|{}\[\]]+)\|(?P<many>[^|{}\[\]]+))?\}")


class WordingError(OperatingError):
    """A wording file that lacks, misnames or misuses a word. One line per mistake: `file:line: key: what is wrong`."""


class WordingCatalogue(Generic[WordingT]):
    """The wording of one kind, such as the notices to staff. A language is read when it is first asked for, and kept."""

    def __init__(
        self,
        model: type[WordingT],
        folder: Path,
        *,
        file_pattern: str = "{language}.yaml",
        variant_pattern: str | None = None,
        languages: Sequence[str] = LANGUAGES,
        parts: Mapping[str, "WordingCatalogue[Any]"] | None = None,
        own_folder: Path | None = None,
    ) -> None:
        """`variant_pattern` names the file in which a country's own words may stand. `parts` are the fields of the model that another
        catalogue fills. In `own_folder` a company keeps files of its own: languages that it adds, and words that take the place of those in
        `folder`."""
        self._model, self._folder, self._own_folder = model, folder, own_folder
        self._variant_pattern = variant_pattern
        self._file_pattern, self._shipped_languages, self._parts = file_pattern, tuple(languages), dict(parts or {})
        self._loaded: dict[tuple[str, str | None], WordingT] = {}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those of `languages`, and after them what a company added."""
        added = self._find_languages(self._own_folder) if self._own_folder else set()
        return (*self._shipped_languages, *sorted(added.difference(self._shipped_languages)))

    def load(self, language: str, country: str | None = None) -> WordingT:
        """Return the wording of one of the catalogue's languages, with what is said otherwise in `country`. Raises WordingError if the
        files do not fit the model or each other."""
        key = (language, country if (language, country) in self._variants else None)
        if key not in self._loaded:
            self._loaded[key] = self._read_language(*key)
        return self._loaded[key]

    def load_all(self) -> dict[str, WordingT]:
        """Return the wording of every language. Raises WordingError as `load` does, for the countries' own words too."""
        for language, country in self._variants:
            self.load(language, country)
        return {language: self.load(language) for language in self.languages}

    def _read_language(self, language: str, country: str | None) -> WordingT:
        if language not in self.languages:
            raise WordingError(f"{self._folder}: there is no wording in {language!r}; its languages are {', '.join(self.languages)}")
        path, words = self._find_file(self._folder, language), dict[str, Any]()
        if language in self._shipped_languages:
            document = read_wording_file(path)
            self._check_shipped_file(document)
            words = document.content
        for layer in self._list_layers(language, country):
            layered = read_wording_file(layer)
            _raise_faults(_list_unknown_placeholders(layered, self._english))
            path, words = layer, words | layered.content
        return self._validate(path, words, language)

    def _list_layers(self, language: str, country: str | None) -> list[Path]:
        """List the files whose words take the place of those that come with Duecourse, each above the one before it."""
        layers = [self._find_file(self._own_folder, language)] if self._own_folder else []
        if country and self._variant_pattern:
            variant = self._variant_pattern.format(language=language, country=country)
            layers = [self._folder / variant, *layers, *([self._own_folder / variant] if self._own_folder else [])]
        return [layer for layer in layers if layer.exists()]

    @cached_property
    def _variants(self) -> frozenset[tuple[str, str]]:
        """The languages and countries that have words of their own."""
        if self._variant_pattern is None:
            return frozenset()
        pattern = re.escape(self._variant_pattern)
        named = re.compile(pattern.replace(re.escape("{language}"), "([^/]+)").replace(re.escape("{country}"), "([A-Z]{2})"))
        files = [
            path.relative_to(folder).as_posix()
            for folder in (self._folder, self._own_folder)
            if folder
            for path in folder.glob(self._variant_pattern.format(language="*", country="*"))
        ]
        return frozenset((match[1], match[2]) for file in files if (match := named.fullmatch(file)))

    def _check_shipped_file(self, document: YamlDocument) -> None:
        fields = self._model.model_fields.keys() - self._parts.keys()
        unknown = [f"{document.locate((key,))}: {key}: is not a key of this wording" for key in document.content if key not in fields]
        _raise_faults(unknown or list(_compare_with_english(document, self._english)))

    @cached_property
    def _english(self) -> dict[YamlPath, str]:
        """The sentences of the English file by their place, once it is certain that there is a file for each language, and no other."""
        found = self._find_languages(self._folder)
        for language in self._shipped_languages:
            if language not in found:
                raise WordingError(f"{self._find_file(self._folder, language)}: the file is missing")
        for language in sorted(found.difference(self._shipped_languages)):
            raise WordingError(f"{self._find_file(self._folder, language)}: {language} is not a language of this wording")
        return flatten_words(read_wording_file(self._find_file(self._folder, DEFAULT_LANGUAGE)).content)

    def _find_file(self, folder: Path, language: str) -> Path:
        return folder / self._file_pattern.format(language=language)

    def _find_languages(self, folder: Path) -> set[str]:
        named = re.compile(re.escape(self._file_pattern).replace(re.escape("{language}"), "([^/]+)"))
        files = (path.relative_to(folder).as_posix() for path in folder.glob(self._file_pattern.format(language="*")))
        return {match[1] for file in files if (match := named.fullmatch(file))}

    def _validate(self, path: Path, words: Mapping[str, Any], language: str) -> WordingT:
        parts = {field: catalogue.load(language) for field, catalogue in self._parts.items()}
        try:
            return self._model.model_validate({**words, **parts})
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise WordingError("\n".join(f"{path}: {fault}" for fault in faults)) from error


def fill_placeholders(sentence: str, facts: Mapping[str, str]) -> str:
    """Put the facts into a sentence. A stretch that lacks one of its facts is left out; elsewhere a missing fact leaves a dash."""

    def keep_if_known(stretch: re.Match[str]) -> str:
        return stretch[1] if all(facts.get(name) for name in list_placeholders(stretch[1])) else ""

    def put_fact(found: re.Match[str]) -> str:
        value = facts.get(found["fact"]) or "–"
        return f"{value} {found['one' if value == '1' else 'many']}" if found["one"] else value

    return _PLACEHOLDER.sub(put_fact, _OPTIONAL_STRETCH.sub(keep_if_known, sentence))


def list_placeholders(sentence: str) -> list[str]:
    """List the facts that a sentence names."""
    return [found["fact"] for found in _PLACEHOLDER.finditer(sentence)]


def translate_name(words: Mapping[str, str], name: str) -> str:
    """Return the word for a name that the code knows. A name that a company gave is shown as it is, with spaces."""
    return words.get(name) or name.replace("_", " ")


def read_wording_file(path: Path) -> YamlDocument:
    """Raises WordingError, with the line, if it cannot be read, is not a YAML mapping, or has a key twice."""
    return YamlDocument(read_text_file(path, WordingError), str(path), "locale: en_GB", WordingError, keep_scalar_text)


def flatten_words(words: Mapping[str, Any], path: YamlPath = ()) -> dict[YamlPath, str]:
    """Return each sentence by its place, such as ("columns", "due")."""
    flat: dict[YamlPath, str] = {}
    for key, value in words.items():
        flat |= flatten_words(value, (*path, key)) if isinstance(value, Mapping) else {(*path, key): str(value)}
    return flat


def _compare_with_english(document: YamlDocument, english: Mapping[YamlPath, str]) -> Iterator[str]:
    sentences = flatten_words(document.content)
    yield from (_describe_fault(document, path, "is missing") for path in english if path not in sentences)
    yield from (_describe_fault(document, path, "English has no such key") for path in sentences if path not in english)
    for path in sentences.keys() & english.keys():
        named, expected = set(list_placeholders(sentences[path])), set(list_placeholders(english[path]))
        if named != expected:
            yield _describe_fault(document, path, f"names {_list_names(named)}, English names {_list_names(expected)}")
    yield from (
        _describe_fault(document, path, "has a bracket that opens or closes nothing")
        for path, sentence in sentences.items()
        if _has_stray_bracket(sentence)
    )


def _list_unknown_placeholders(document: YamlDocument, english: Mapping[YamlPath, str]) -> list[str]:
    """A company's own sentence may leave facts out; it can name no other. Words that only the company has are its own affair."""
    sentences = flatten_words(document.content)
    return [
        _describe_fault(document, path, f"names {_list_names(unknown)}, which is not known there")
        for path in sentences.keys() & english.keys()
        if (unknown := set(list_placeholders(sentences[path])).difference(list_placeholders(english[path])))
    ]


def _has_stray_bracket(sentence: str) -> bool:
    without_stretches = _OPTIONAL_STRETCH.sub(lambda stretch: stretch[1], sentence)
    return not set("{}[]").isdisjoint(_PLACEHOLDER.sub("", without_stretches))


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "no fact"


def _describe_fault(document: YamlDocument, path: YamlPath, fault: str) -> str:
    return f"{document.locate(path)}: {'.'.join(map(str, path))}: {fault}"


def _raise_faults(faults: Sequence[str]) -> None:
    if faults:
        raise WordingError("\n".join(sorted(faults)))
