"""Reading YAML that people write: every mistake is named with its file, its line, and what to write instead."""

from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.composer import Composer
from yaml.reader import ReaderError
from yaml.resolver import Resolver

YamlPath = tuple[str | int, ...]
LinesByPath = dict[YamlPath, int]
ModelT = TypeVar("ModelT", bound=BaseModel)

MOST_VALUES = 20_000
"""Of one text, each counted as often as it is named by `*`: a few lines can name values by the billion."""

LONGEST_TEXT = 256 * 1024
"""Characters of one text: ten times the longest that came along."""

LONGEST_NUMBER = 30
"""Signs of a number, with underscores; a longer one stays text, which no field takes for a number."""


def parse_scalar(node: yaml.ScalarNode) -> Any:
    """YAML's whole numbers and nothing; all else stays as written: dates, times of day, and `yes`, lest a model takes it for 1."""
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:null") and ":" not in node.value and len(node.value) <= LONGEST_NUMBER:
        return yaml.safe_load(node.value)
    return node.value


def keep_scalar_text(node: yaml.ScalarNode) -> Any:
    """The text itself, for to YAML the country NO is a falsehood; only an empty value is None."""
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


class YamlDocument:
    """A text whose root is a list of keys and values, and the line on which each of them stands."""

    def __init__(
        self, text: str, file: str, begin_with: str, error: type[Exception], scalar: Callable[[yaml.ScalarNode], Any] = parse_scalar
    ) -> None:
        """Raises `error` when the text is not YAML or gives a key twice. `begin_with` is an example of a first line."""
        self.file, self.error_type, self._parse_scalar = file, error, scalar
        self.lines: LinesByPath = {}
        self._values = 0
        if len(text) > LONGEST_TEXT:
            raise error(f"{file}:1: this has {len(text):,} characters; at most {LONGEST_TEXT:,} are read")
        try:
            root = _compose_tree(text)
        except yaml.MarkedYAMLError as fault:
            line = fault.problem_mark.line + 1 if fault.problem_mark else 1
            raise error(f"{file}:{line}: this is not YAML: {fault.problem or fault}") from fault
        except ReaderError as fault:
            line = text.count("\n", 0, fault.position) + 1
            what = f"a character that no text has, U+{fault.character:04X}"
            raise error(f"{file}:{line}: {what}; save the file as plain UTF-8 text") from fault
        except RecursionError:
            raise error(f"{file}:1: this is nested too deep; write it like the files that came along") from None
        if not isinstance(root, yaml.MappingNode):
            raise error(f"{file}:1: this should be a list of keys and values; begin with {begin_with!r}")
        try:
            self.content = self._to_plain_value(root, ())
        except RecursionError:
            raise error(f"{file}:1: a part of this contains itself; write it out instead of naming it by '*'") from None

    def parse_model(self, model: type[ModelT]) -> ModelT:
        """The content as a model. Raises the error with one line per mistake: `file:line: what is wrong; what to write instead`."""
        try:
            return model.model_validate(self.content)
        except ValidationError as fault:
            raise self.error_type("\n".join(self._describe_error(dict(each), model) for each in fault.errors())) from fault

    def locate(self, path: YamlPath) -> str:
        """`file:line` of the key, or of the nearest key above it."""
        while path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines[path]}"

    def _to_plain_value(self, node: yaml.Node, path: YamlPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._values += 1
        if self._values > MOST_VALUES:
            raise self.error_type(f"{self.file}:1: this has more than {MOST_VALUES:,} values, those named by '*' counted again; write less")
        if isinstance(node, yaml.MappingNode):
            content: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in content:
                    raise self.error_type(f"{self.file}:{key_node.start_mark.line + 1}: the key {key!r} is given twice; remove one")
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                content[key] = self._to_plain_value(value_node, (*path, key))
            return content
        if isinstance(node, yaml.SequenceNode):
            return [self._to_plain_value(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._parse_scalar(node)

    def _describe_error(self, fault: dict[str, Any], model: type[BaseModel]) -> str:
        path = tuple(part for part in fault["loc"] if part != "[key]")
        where = self.locate(path)
        name = ".".join(str(part) for part in path)
        match fault["type"]:
            case "extra_forbidden":
                words = _list_keys_at(path[:-1], model)
                close = get_close_matches(str(path[-1]), words, n=1)
                advice = f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(words)}"
                return f"{where}: unknown key {str(path[-1])!r}; {advice}"
            case "missing":
                return f"{where}: the key {name!r} is missing; add it"
            case "value_error":
                error = fault["ctx"]["error"]
                return f"{self.locate((*path, *getattr(error, 'path', ())))}: {error}"
            case "enum" | "literal_error":
                return f"{where}: {name} cannot be {fault['input']!r}; write one of: {fault['ctx']['expected']}"
            case _:
                return f"{where}: {name}: {fault['msg']} (found {fault['input']!r})"


class _TreeComposer(Composer, Resolver):
    """Makes the tree of what libyaml reads. That library makes trees itself, but ends the process over one that is too deep."""

    def __init__(self, text: str) -> None:
        Composer.__init__(self)
        Resolver.__init__(self)
        reader = yaml.CSafeLoader(text)
        self.check_event, self.get_event, self.peek_event = reader.check_event, reader.get_event, reader.peek_event


def _compose_tree(text: str) -> yaml.Node | None:
    """What libyaml refuses is read by Python's own reader, for the words of its refusal; and everything, where that library is missing."""
    if hasattr(yaml, "CSafeLoader"):
        with suppress(yaml.YAMLError, UnicodeError):
            return _TreeComposer(text).get_single_node()
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _list_keys_at(path: YamlPath, model: type[BaseModel]) -> list[str]:
    """The keys that the model may have at a place. A number in a list, or a name that people chose, leads no deeper."""
    for part in path:
        if part not in model.model_fields:
            continue
        annotation: Any = model.model_fields[part].annotation
        model = next((a for a in getattr(annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)), annotation)
    return list(model.model_fields)
