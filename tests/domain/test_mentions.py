"""Whom a text names with an `@`."""

from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mentions import MentionedNames, find_mentions, split_mentions

USERS = ("maria", "ben", "ben.berg", "ann-k", "d.r@firm")


@pytest.mark.parametrize(
    ("text", "users", "unknown"),
    [
        ("@maria please call", ("maria",), ()),
        ("as @Maria said (@ben), @maria knows", ("maria", "ben"), ()),
        ("ask @ben.berg, not @ben.", ("ben.berg", "ben"), ()),
        ("@ann-k's list; @d.r@firm too", ("ann-k", "d.r@firm"), ()),
        ("write to info@maria.example or a.@ben", (), ()),
        ("meet @ 5, @) or @home", (), ("home",)),
        ("@marias and @nobody-there, again @nobody-there!", (), ("marias", "nobody-there")),
        ("", (), ()),
    ],
)
def test_a_name_is_a_users_or_unknown_and_an_address_names_nobody(text: str, users: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    assert find_mentions(text, USERS) == MentionedNames(users, unknown)


@given(st.text("@ab. maribn\n", max_size=40))
def test_the_parts_of_a_text_are_the_text_and_name_whom_it_names(text: str) -> None:
    parts = split_mentions(text, USERS)
    assert "".join(part.text for part in parts) == text
    assert {part.user for part in parts if part.user} == set(find_mentions(text, USERS).users)


@pytest.mark.parametrize("read", [find_mentions, split_mentions])
def test_a_long_word_of_many_marks_takes_no_time(read: Callable[..., Any]) -> None:
    before = process_time()
    read("@a-" * 3_333, USERS)
    assert process_time() - before < 1
