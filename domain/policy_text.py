"""Reading a policy from YAML that finance writes: every mistake is named with its file, its line, and what to write instead."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from domain.policy import Policy

Path = tuple[str | int, ...]


class PolicyError(ValueError):
    """A policy that cannot be used. One line per mistake: `file:line: what is wrong; what to write instead`."""


def parse_policy(text: str, file: str, letters: Collection[str]) -> Policy:
    """The policy in `text`. `letters` are the templates that exist in every language. Raises PolicyError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyError(f"{file}:{line}: this is not YAML: {error.problem or error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise PolicyError(f"{file}:1: a policy is a list of keys and values; begin with 'policy: standard'")
    lines: dict[Path, int] = {}
    content = _plain(root, (), lines, file)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise PolicyError("\n".join(_sentence(dict(fault), lines, file) for fault in error.errors())) from error
    missing = [
        f"{file}:{lines[('timeline', index, 'letter')]}: there is no letter template {step.letter!r} in every language; write one of: {', '.join(sorted(letters))}"
        for index, step in enumerate(policy.timeline)
        if step.letter is not None and step.letter not in letters
    ]
    if missing:
        raise PolicyError("\n".join(missing))
    return policy


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], file: str) -> Any:
    """The node as Python values, noting the line of every key. A key given twice is refused."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in content:
                raise PolicyError(f"{file}:{key_node.start_mark.line + 1}: the key {key!r} is given twice; remove one")
            lines[(*path, key)] = key_node.start_mark.line + 1
            content[key] = _plain(value_node, (*path, key), lines, file)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, index), lines, file) for index, child in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    """YAML's numbers and truth values; everything else, dates and times of day too, stays as written."""
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null") and ":" not in node.value:
        return yaml.safe_load(node.value)
    return node.value


def _sentence(fault: dict[str, Any], lines: dict[Path, int], file: str) -> str:
    path = tuple(part for part in fault["loc"] if part != "[key]")
    known = path
    while known not in lines:
        known = known[:-1]
    where = f"{file}:{lines[known]}"
    name = ".".join(str(part) for part in path)
    match fault["type"]:
        case "extra_forbidden":
            words = _keys_at(path[:-1])
            close = get_close_matches(str(path[-1]), words, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"write one of: {', '.join(words)}"
            return f"{where}: unknown key {str(path[-1])!r}; {advice}"
        case "missing":
            return f"{where}: the key {name!r} is missing; add it"
        case "value_error":
            return f"{where}: {fault['ctx']['error']}"
        case "enum":
            return f"{where}: {name} cannot be {fault['input']!r}; write one of: {fault['ctx']['expected']}"
        case _:
            return f"{where}: {name}: {fault['msg']} (found {fault['input']!r})"


def _keys_at(path: Path) -> list[str]:
    """The keys that a policy may have at a place."""
    model: type[BaseModel] = Policy
    for part in path:
        if isinstance(part, int):
            continue
        annotation: Any = model.model_fields[part].annotation
        inner = next((a for a in getattr(annotation, "__args__", ()) if isinstance(a, type) and issubclass(a, BaseModel)), annotation)
        model = inner
    return list(model.model_fields)
