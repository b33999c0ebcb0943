"""Finds the string literals in a module's code, and those that stand where nothing but a state, a kind or a name can stand."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

TYPED_NAMES = {"state", "status", "stage", "kind", "cause", "fate", "workflow", "signal", "update", "query", "start_signal"}
"""Columns, fields, parameters and variables that hold a state, a kind or a name, whatever else the word may mean."""

TYPED_ARGUMENTS = {
    "signal": 0,
    "signal_case": 1,
    "_signal_case": 1,
    "query": 0,
    "execute_update": 0,
    "start_workflow": 0,
    "start_child_workflow": 0,
    "CaseStart": 0,
    "CasePosition": 0,
    "find_case": 1,
    "require_case": 1,
}
"""Which argument of a call is a state, a kind or a name."""


class FoundLiteral(NamedTuple):
    """`typed`: it stands where nothing but a state, a kind or a name can stand."""

    line: int
    value: str
    typed: bool


def find_literals(tree: ast.Module) -> Iterator[FoundLiteral]:
    """Every string literal that is code's own word: no docstring, no prose, no key, and no member or annotation that declares it."""
    typed = {id(literal) for place in ast.walk(tree) for literal in _list_typed(place)}
    for literal in _walk_code(tree):
        yield FoundLiteral(literal.lineno, literal.value, id(literal) in typed)


class StringLiteral(ast.Constant):
    value: str


def _walk_code(node: ast.AST) -> Iterator[StringLiteral]:
    if _is_string(node):
        yield node  # type: ignore[misc]
    for child in _list_children(node):
        yield from _walk_code(child)


def _list_children(node: ast.AST) -> Iterator[ast.AST]:
    """Leave out what declares a word, what keys are called, and what people read."""
    match node:
        case ast.ClassDef(bases=bases) if any(_name_of(base).endswith("Enum") for base in bases):
            yield from (each for each in node.body if not isinstance(each, ast.Assign))
        case ast.Expr(value=ast.Constant()) | ast.JoinedStr():
            return
        case ast.Subscript(value=ast.Name(id="Literal")):
            return
        case ast.AnnAssign(annotation=ast.Subscript(value=ast.Name(id="Literal"))):
            return
        case ast.Dict():
            yield from (each for each in node.keys if each is not None and not _is_string(each))
            yield from node.values
        case ast.Subscript():
            yield node.value
            yield from () if _is_string(node.slice) else (node.slice,)
        case _:
            yield from ast.iter_child_nodes(node)


def _list_typed(node: ast.AST) -> Iterator[ast.expr]:
    """The literals that a comparison, an assignment, an argument or a pattern has in the place of a state, a kind or a name."""
    match node:
        case ast.Compare():
            sides = [node.left, *node.comparators]
            if any(_is_typed(side) for side in sides):
                yield from (literal for side in sides for literal in _spread(side))
        case ast.Assign(targets=[target]):
            yield from _list_assigned(target, node.value)
        case ast.AnnAssign(value=ast.expr() as value):
            yield from _list_assigned(node.target, value)
        case ast.Call():
            yield from _list_arguments(node)
        case ast.Dict():
            keyed = zip(node.keys, node.values, strict=True)
            yield from (
                literal for key, value in keyed if isinstance(key, ast.Constant) and key.value in TYPED_NAMES for literal in _spread(value)
            )
        case ast.Match():
            yield from _list_patterns(node)
        case ast.arguments():
            positional = [*node.posonlyargs, *node.args]
            given = [
                *zip(reversed(positional), reversed(node.defaults), strict=False),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            yield from (literal for each, value in given if each.arg in TYPED_NAMES and value for literal in _spread(value))


def _list_assigned(target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for each, its in zip(target.elts, value.elts, strict=True):
            yield from _list_assigned(each, its)
    elif _is_typed(target):
        yield from _spread(value)
        if isinstance(value, ast.Call):  # state: str = Field(default="…")
            yield from (literal for keyword in value.keywords if keyword.arg == "default" for literal in _spread(keyword.value))


def _list_arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from (literal for keyword in call.keywords if keyword.arg in TYPED_NAMES for literal in _spread(keyword.value))
    position = TYPED_ARGUMENTS.get(_name_of(call.func))
    if position is not None and len(call.args) > position:
        yield from _spread(call.args[position])
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("in_", "not_in") and _is_typed(call.func.value):
        yield from (literal for argument in call.args for literal in _spread(argument))


def _list_patterns(node: ast.Match) -> Iterator[ast.expr]:
    subjects = node.subject.elts if isinstance(node.subject, ast.Tuple) else [node.subject]
    for case in node.cases:
        patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchSequence) else [case.pattern]
        for subject, pattern in zip(subjects, patterns, strict=False):
            if _is_typed(subject):
                yield from (each.value for each in ast.walk(pattern) if isinstance(each, ast.MatchValue) and _is_string(each.value))


def _spread(value: ast.expr) -> Iterator[ast.expr]:
    """The literals that a value may be, or may have in it."""
    match value:
        case ast.Constant(value=str()):
            yield value
        case ast.Tuple() | ast.List() | ast.Set():
            yield from (literal for each in value.elts for literal in _spread(each))
        case ast.IfExp():
            yield from (*_spread(value.body), *_spread(value.orelse))
        case ast.BoolOp():
            yield from (literal for each in value.values for literal in _spread(each))


def _is_typed(node: ast.expr) -> bool:
    """`row.state`, `state`, or `col(Task.state)`."""
    if isinstance(node, ast.Call) and _name_of(node.func) == "col" and node.args:
        return _is_typed(node.args[0])
    return isinstance(node, ast.Attribute | ast.Name) and _name_of(node) in TYPED_NAMES


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
