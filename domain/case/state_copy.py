"""A copy of a case's state, to which it can be put back: what was begun and could not be finished is as if it had not been."""

from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def copy_state(model: Model) -> Model:
    """Copy all that can change. Frozen models are shared: nobody changes those."""
    copied = model.model_copy()
    for name, value in vars(model).items():
        copied.__dict__[name] = _copy_value(value)
    return copied


def restore_state(model: Model, copied: Model) -> None:
    """Put a model back to its copy, which is used up by that."""
    model.__dict__.clear()
    model.__dict__.update(copied.__dict__)


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
