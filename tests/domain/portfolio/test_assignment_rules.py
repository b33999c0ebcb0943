"""How accounts find their collector, and who covers for whom."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.portfolio.assignment_rules import AccountTraits, Cover, PortfolioRule, find_matching_rule, find_unreachable_rule, first_letter


def rule(collector: str = "anna", **given: Any) -> PortfolioRule:
    return PortfolioRule(collector=collector, **given)


def account(name: str = "Brauerei Nord", country: str = "DE", segment: str = "standard") -> AccountTraits:
    return AccountTraits(name=name, country=country, segment=segment)


def cover(first: int = 4, last: int = 8, collector: str = "anna", covered_by: str = "ben") -> Cover:
    return Cover(cover_id="c", collector=collector, covered_by=covered_by, first_day=date(2013, 3, first), last_day=date(2013, 3, last))


def test_the_first_rule_that_fits_wins() -> None:
    rules = [rule("anna", countries=["AT"]), rule("ben", letters="A-F"), rule("cleo")]
    assert [find_matching_rule(rules, each) for each in (account(country="AT"), account(), account("Zimmerei"))] == rules


def test_an_account_that_no_rule_fits_goes_to_nobody() -> None:
    assert find_matching_rule([rule(countries=["FR"])], account()) is None


def test_a_rule_asks_for_all_that_it_names() -> None:
    demanding = rule(countries=["DE", "AT"], segments=["key"], letters="A-F")
    assert demanding.matches_account(account(segment="key"))
    assert not demanding.matches_account(account(segment="standard"))
    assert not demanding.matches_account(account(segment="key", country="FR"))
    assert not demanding.matches_account(account("Müller", segment="key"))


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        ("brauerei", "B"),
        ("Österreichische Post", "O"),
        ("Étoile", "E"),
        ("Ørsted", "O"),
        ("Łódź", "L"),
        ("Ångström", "A"),
        ("„Zur Linde“", "Z"),
        ("  Nord", "N"),
        ("'t Hoekje", "T"),
        ("3M", "#"),
        ("Ελλάς", "#"),
        ("Яндекс", "#"),
        ("東京", "#"),
        ("", "#"),
        ("ßpaß", "S"),
        ("Æther", "A"),
    ],
)
def test_a_name_is_filed_under_its_first_letter_without_accent(name: str, letter: str) -> None:
    assert first_letter(name) == letter


def test_names_that_begin_with_no_letter_have_a_rule_of_their_own() -> None:
    assert rule(letters="#").matches_account(account("3M"))
    assert not rule(letters="#").matches_account(account())
    assert not rule(letters="A-Z").matches_account(account("3M"))


@given(st.text())
def test_every_name_finds_its_letter(name: str) -> None:
    assert rule(letters="#").matches_account(account(name)) != rule(letters="A-Z").matches_account(account(name))


@pytest.mark.parametrize("letters", ["a-f", "F-A", "A-", "AB", "A-#", ""])
def test_a_range_that_is_none_is_refused(letters: str) -> None:
    with pytest.raises(ValidationError, match="range of letters"):
        rule(letters=letters)


def test_a_country_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="two capital letters"):
        rule(countries=["Germany"])


def test_a_rule_behind_one_that_takes_all_its_accounts_is_found() -> None:
    assert find_unreachable_rule([rule(countries=["DE"]), rule(), rule(letters="A-F")]) == (2, 1)
    assert find_unreachable_rule([rule(letters="A-M"), rule(letters="B-C", countries=["DE"])]) == (1, 0)


def test_rules_that_can_each_win_are_sound() -> None:
    assert find_unreachable_rule([rule(letters="A-F"), rule(letters="A-M"), rule(countries=["DE"]), rule(segments=["key"]), rule()]) is None


def test_a_cover_stands_from_its_first_day_to_its_last() -> None:
    stands = [cover().is_active_on(date(2013, 3, day)) for day in (3, 4, 8, 9)]
    assert stands == [False, True, True, False]


def test_nobody_covers_for_themselves() -> None:
    with pytest.raises(ValidationError, match="themselves"):
        cover(covered_by="Anna")


def test_a_cover_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValidationError, match="before it begins"):
        cover(first=8, last=4)


def test_the_same_pair_overlaps_only_on_a_same_day() -> None:
    assert cover(4, 8).overlaps(cover(8, 9))
    assert not cover(4, 8).overlaps(cover(9, 10))
    assert not cover(4, 8).overlaps(cover(4, 8, covered_by="cleo"))
