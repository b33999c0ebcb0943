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

from domain.refusal import Refusal

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
            long, longest = f"{len(text):,}", f"{LONGEST_TEXT:,}"
            too_long = Refusal("yaml.too_long", "this has {length} characters; at most {most} are read", length=long, most=longest)
            raise error(f"{file}:1: {too_long}")
        try:
            root = _compose_tree(text)
        except yaml.MarkedYAMLError as fault:
            line = fault.problem_mark.line + 1 if fault.problem_mark else 1
            what = str(fault.problem or fault)
            raise error(f"{file}:{line}: {Refusal('yaml.not_yaml', 'this is not YAML: {problem}', problem=what)}") from fault
        except ReaderError as fault:
            line = text.count("\n", 0, fault.position) + 1
            sign = f"U+{fault.character:04X}"
            unreadable = Refusal("yaml.sign", "a character that no text has, {sign}; save the file as plain UTF-8 text", sign=sign)
            raise error(f"{file}:{line}: {unreadable}") from fault
        except RecursionError:
            too_deep = Refusal("yaml.too_deep", "this is nested too deep; write it like the files that came along")
            raise error(f"{file}:1: {too_deep}") from None
        if not isinstance(root, yaml.MappingNode):
            no_keys = Refusal("yaml.no_keys", "this should be a list of keys and values; begin with '{first_line}'", first_line=begin_with)
            raise error(f"{file}:1: {no_keys}")
        try:
            self.content = self._to_plain_value(root, ())
        except RecursionError:
            in_itself = Refusal("yaml.in_itself", "a part of this contains itself; write it out instead of naming it by '*'")
            raise error(f"{file}:1: {in_itself}") from None

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
            most = f"{MOST_VALUES:,}"
            too_many = Refusal("yaml.too_many", "this has more than {most} values, those named by '*' counted again; write less", most=most)
            raise self.error_type(f"{self.file}:1: {too_many}")
        if isinstance(node, yaml.MappingNode):
            content: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in content:
                    twice = Refusal("yaml.twice", "the key '{key}' is given twice; remove one", key=key)
                    raise self.error_type(f"{self.file}:{key_node.start_mark.line + 1}: {twice}")
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                content[key] = self._to_plain_value(value_node, (*path, key))
            return content
        if isinstance(node, yaml.SequenceNode):
            return [self._to_plain_value(child, (*path, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._parse_scalar(node)

    def _describe_error(self, fault: dict[str, Any], model: type[BaseModel]) -> str:
        path = tuple(part for part in fault["loc"] if part != "[key]")
        if fault["type"] == "value_error":
            error = fault["ctx"]["error"]
            return f"{self.locate((*path, *getattr(error, 'path', ())))}: {error}"
        return f"{self.locate(path)}: {_explain_fault(fault, path, model)}"


def _explain_fault(fault: dict[str, Any], path: YamlPath, model: type[BaseModel]) -> Refusal:
    """What pydantic found at a place, and what to write instead."""
    name, key = ".".join(str(part) for part in path), str(path[-1]) if path else ""
    match fault["type"]:
        case "extra_forbidden":
            words = _list_keys_at(path[:-1], model)
            if close := get_close_matches(key, words, n=1):
                return Refusal("yaml.near_key", "unknown key '{key}'; did you mean '{close}'?", key=key, close=close[0])
            return Refusal("yaml.unknown_key", "unknown key '{key}'; write one of: {keys}", key=key, keys=", ".join(words))
        case "missing":
            return Refusal("yaml.missing", "the key '{key}' is missing; add it", key=name)
        case "enum" | "literal_error":
            facts = {"key": name, "found": repr(fault["input"]), "choices": fault["ctx"]["expected"]}
            return Refusal("yaml.choice", "{key} cannot be {found}; write one of: {choices}", **facts)
    return Refusal("yaml.value", "{key}: {broken_rule} (found {found})", key=name, broken_rule=fault["msg"], found=repr(fault["input"]))


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
