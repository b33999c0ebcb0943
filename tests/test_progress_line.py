"""What a test run says of itself while it goes on."""

from tests.progress_line import format_progress


def test_the_line_says_how_many_of_how_many_and_for_how_long() -> None:
    assert format_progress(2_431, 5_419, 1, 252.9) == "2,431 of 5,419 tests (44 %), 1 failed, 4 min 12 s"


def test_nothing_is_divided_by_tests_that_are_not_collected_yet() -> None:
    assert format_progress(0, 0, 0, 0.0) == "0 of 0 tests, 0 failed, 0 min 00 s"
