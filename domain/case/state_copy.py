"""A copy of a case's state, to which it can be put back: what was begun and could not be finished is as if it had not been."""

from collections.abc import Collection
from datetime import date, datetime
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

_CONSTANTS = frozenset((str, int, float, bool, date, datetime, type(None)))
"""Of these the copy has what the model has."""


def copy_state(model: Model) -> Model:
    """Copy all that can change. Frozen models are shared: nobody changes those."""
    copied, shared = model.model_copy(), _list_fields_of_constants(type(model))
    for name, value in vars(model).items():
        if type(value) not in _CONSTANTS:
            copied.__dict__[name] = list(value) if name in shared and type(value) is list else _copy_value(value)
    return copied


def restore_state(model: Model, copied: Model) -> None:
    """Put a model back to its copy, which is used up by that."""
    model.__dict__.clear()
    model.__dict__.update(copied.__dict__)


def has_changed(model: BaseModel, copied: BaseModel, beside: Collection[str]) -> bool:
    """Return whether a field is no longer as in the copy, beside those that are named."""
    before = vars(copied)
    return any(name not in beside and value is not before[name] and value != before[name] for name, value in vars(model).items())


@lru_cache
def _list_fields_of_constants(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields that are lists of what cannot change: thousands of ids and entries need not be looked at one by one."""
    lists = {name: field.annotation for name, field in model.model_fields.items() if get_origin(field.annotation) is list}
    return frozenset(name for name, kind in lists.items() if _is_constant(get_args(kind)[0]))


def _is_constant(kind: Any) -> bool:
    if get_origin(kind) in (Union, UnionType):
        return all(map(_is_constant, get_args(kind)))
    if get_origin(kind) is Annotated:
        return _is_constant(get_args(kind)[0])
    if not isinstance(kind, type):
        return False
    return issubclass(kind, (str, int, date)) or (issubclass(kind, BaseModel) and bool(kind.model_config.get("frozen")))


def _copy_value(value: Any) -> Any:
    match value:
        case BaseModel():
            return value if value.model_config.get("frozen") else copy_state(value)
        case list():
            return [each if isinstance(each, str) else _copy_value(each) for each in value]
        case dict():
            return {key: _copy_value(each) for key, each in value.items()}
        case set():
            return set(value)
    return value
