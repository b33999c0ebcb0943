"""Wording catalogues: YAML files of words and sentences, one for each language, read into a typed model.

A sentence names facts in braces; a stretch in square brackets is left out when one of its facts is missing or empty. Every file is held
against the English one: it has the same keys, and each sentence names the same facts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from domain.errors import OperatingError

WordingT = TypeVar("WordingT", bound=BaseModel)

_OPTIONAL_STRETCH = re.compile(r"\[([^\]]*)\]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class WordingError(OperatingError):
    """A wording file that lacks, misnames or misuses a word; the message names the file and the key."""


class WordingCatalogue(Generic[WordingT]):
    """The wording of one kind, such as the notices to staff. A language is read when it is first asked for, and kept."""

    def __init__(
        self,
        model: type[WordingT],
        folder: Path,
        *,
        file_pattern: str = "{language}.yaml",
        languages: Sequence[str] = LANGUAGES,
        parts: Mapping[str, "WordingCatalogue[Any]"] | None = None,
        own_folder: Path | None = None,
    ) -> None:
        """`parts` are the fields of the model that another catalogue fills. In `own_folder` a company keeps files of its own: languages
        that it adds, and words that take the place of those in `folder`."""
        self._model, self._folder, self._own_folder = model, folder, own_folder
        self._file_pattern, self._shipped_languages, self._parts = file_pattern, tuple(languages), dict(parts or {})
        self._loaded: dict[str, WordingT] = {}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Those of `languages`, and after them what a company added."""
        added = self._find_languages(self._own_folder) if self._own_folder else set()
        return (*self._shipped_languages, *sorted(added.difference(self._shipped_languages)))

    def load(self, language: str) -> WordingT:
        """Return the wording of one of the catalogue's languages. Raises WordingError if the files do not fit the model or each other."""
        if language not in self._loaded:
            self._loaded[language] = self._read_language(language)
        return self._loaded[language]

    def load_all(self) -> dict[str, WordingT]:
        """Return the wording of every language. Raises WordingError as `load` does."""
        return {language: self.load(language) for language in self.languages}

    def _read_language(self, language: str) -> WordingT:
        if language not in self.languages:
            raise WordingError(f"{self._folder}: there is no wording in {language!r}; its languages are {', '.join(self.languages)}")
        path, words = self._find_file(self._folder, language), dict[str, Any]()
        if language in self._shipped_languages:
            words = read_wording_file(path)
            self._check_shipped_file(path, words)
        if self._own_folder and (own_path := self._find_file(self._own_folder, language)).exists():
            own_words = read_wording_file(own_path)
            _raise_faults(own_path, _list_unknown_placeholders(flatten_words(own_words), self._english))
            path, words = own_path, words | own_words
        return self._validate(path, words, language)

    def _check_shipped_file(self, path: Path, words: Mapping[str, Any]) -> None:
        fields = self._model.model_fields.keys() - self._parts.keys()
        unknown = [f"{key}: is not a key of this wording" for key in words if key not in fields]
        _raise_faults(path, unknown or list(_compare_with_english(flatten_words(words), self._english)))

    @cached_property
    def _english(self) -> dict[str, str]:
        """The sentences of the English file by key, once it is certain that there is a file for each language, and no other."""
        found = self._find_languages(self._folder)
        for language in self._shipped_languages:
            if language not in found:
                raise WordingError(f"{self._find_file(self._folder, language)}: the file is missing")
        for language in sorted(found.difference(self._shipped_languages)):
            raise WordingError(f"{self._find_file(self._folder, language)}: {language} is not a language of this wording")
        return flatten_words(read_wording_file(self._find_file(self._folder, DEFAULT_LANGUAGE)))

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
            raise WordingError(f"{path}: {'; '.join(faults)}") from error


def fill_placeholders(sentence: str, facts: Mapping[str, str]) -> str:
    """Put the facts into a sentence. A stretch that lacks one of its facts is left out; elsewhere a missing fact leaves a dash."""

    def keep_if_known(stretch: re.Match[str]) -> str:
        return stretch[1] if all(facts.get(name) for name in list_placeholders(stretch[1])) else ""

    return _PLACEHOLDER.sub(lambda found: facts.get(found[1]) or "–", _OPTIONAL_STRETCH.sub(keep_if_known, sentence))


def list_placeholders(sentence: str) -> list[str]:
    return _PLACEHOLDER.findall(sentence)


def translate_name(words: Mapping[str, str], name: str) -> str:
    """Return the word for a name that the code knows. A name that a company gave is shown as it is, with spaces."""
    return words.get(name) or name.replace("_", " ")


def read_wording_file(path: Path) -> dict[str, Any]:
    """Raises WordingError if it is not a YAML mapping, or has a key twice."""
    try:
        words = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        raise WordingError(f"{path}: {error}") from error
    if not isinstance(words or {}, dict):
        raise WordingError(f"{path}: the file is not a mapping of keys to words")
    return dict(words or {})


def flatten_words(words: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return each sentence by its dotted key, such as `columns.due`."""
    flat: dict[str, str] = {}
    for key, value in words.items():
        flat |= flatten_words(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": str(value)}
    return flat


def _compare_with_english(sentences: Mapping[str, str], english: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{key}: is missing" for key in english if key not in sentences)
    yield from (f"{key}: English has no such key" for key in sentences if key not in english)
    for key in sentences.keys() & english.keys():
        named, expected = set(list_placeholders(sentences[key])), set(list_placeholders(english[key]))
        if named != expected:
            yield f"{key}: names {_list_names(named)}, English names {_list_names(expected)}"
    yield from _list_stray_brackets(sentences)


def _list_unknown_placeholders(sentences: Mapping[str, str], english: Mapping[str, str]) -> list[str]:
    """A company's own sentence may leave facts out; it can name no other. Words that only the company has are its own affair."""
    return [
        f"{key}: names {_list_names(unknown)}, which is not known there"
        for key in sentences.keys() & english.keys()
        if (unknown := set(list_placeholders(sentences[key])).difference(list_placeholders(english[key])))
    ]


def _list_stray_brackets(sentences: Mapping[str, str]) -> Iterator[str]:
    for key, sentence in sentences.items():
        plain = _PLACEHOLDER.sub("", _OPTIONAL_STRETCH.sub(lambda found: _PLACEHOLDER.sub("", found[1]), sentence))
        if set("{}[]").intersection(plain):
            yield f"{key}: has a bracket that opens or closes nothing"


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names)) or "no fact"


def _raise_faults(path: Path, faults: Sequence[str]) -> None:
    if faults:
        raise WordingError(f"{path}: {'; '.join(sorted(faults))}")


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML keeps the last of two equal keys without a word; here the second is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key}: the key is there twice", node.start_mark)
        return super().construct_mapping(node, deep)
