"""The names of the fields of a case's state stand in memory once, and what is written of a state is the same."""

from pydantic import BaseModel, Field

from domain.case.shared_field_names import share_field_names


class _Part(BaseModel):
    name: str
    note: str | None = None


class _Whole(BaseModel):
    part: _Part
    parts: list[_Part] = Field(default_factory=list)
    count: int = 0


def _build_whole() -> _Whole:
    return _Whole(part=_Part(name="a"), parts=[_Part(name="b"), _Part(name="c", note="d")])


def test_parts_of_one_class_share_the_names_of_their_fields() -> None:
    first, second = _build_whole(), _build_whole()
    share_field_names(first)
    share_field_names(second)
    assert first.model_fields_set is second.model_fields_set
    assert len({id(part.model_fields_set) for part in (first.part, *first.parts, second.part, *second.parts)}) == 1


def test_what_is_written_of_a_state_is_as_before() -> None:
    shared, apart = _build_whole(), _build_whole()
    share_field_names(shared)
    assert shared == apart
    assert shared.model_dump_json() == apart.model_dump_json()
    assert shared.model_dump_json(exclude_defaults=True) == apart.model_dump_json(exclude_defaults=True)


def test_a_part_that_changes_or_is_copied_leaves_the_shared_names_as_they_are() -> None:
    whole = _build_whole()
    share_field_names(whole)
    names = set(whole.model_fields_set)
    whole.count = 3
    whole.part = whole.part.model_copy(update={"note": "e"})
    assert whole.model_fields_set == names == set(_Whole.model_fields)
    assert _Part(name="f").model_fields_set == {"name"}
