"""Every mistake in a policy is named with its file, its line, and what to write instead."""

import pytest

from adapters.shipped_files import PROJECT
from domain.policy.policy_parsing import PolicyError, parse_policy

LETTERS = {"courtesy", "reminder"}
GOOD = """\
policy: standard
version: 1
title: Standard
minimum_balance:
  EUR: 5.00
catch_up_days: 3
contact:
  hours: 09:00-17:00
  days_between_letters: 2
promise: {longest_days: 21, tolerance_days: 2, tolerance_percent: 2, most_broken: 2}
timeline:
  - {day: -3, step: note, act: letter, letter: courtesy}
  - {day: 1, step: reminder, act: letter, letter: reminder}
  - {day: 14, step: phone_call, act: call}
"""


def complaint(text: str) -> str:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text, "policies/mine.yaml", LETTERS)
    return str(refused.value)


def test_the_standard_policy_is_accepted_as_finance_wrote_it() -> None:
    file = PROJECT / "policies" / "standard.yaml"
    letters = {"courtesy", "reminder", "second_reminder", "firm_reminder", "final_demand"}
    standard = parse_policy(file.read_text(encoding="utf-8"), str(file), letters)
    assert [(step.day, step.act.value, step.escalate_to) for step in standard.timeline] == [
        (-3, "letter", None),
        (1, "letter", None),
        (7, "letter", None),
        (14, "call", None),
        (21, "letter", "collections_manager"),
        (30, "letter", None),
        (45, "suspension_warning", None),
        (60, "suspension", None),
        (90, "hand_over", None),
    ]


@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), "# said by finance\n---\n" + GOOD])
def test_a_byte_order_mark_windows_line_ends_and_comments_are_welcome(text: str) -> None:
    assert parse_policy(text, "mine.yaml", LETTERS).minimum_open_balance("EUR") == 500


@pytest.mark.parametrize(
    ("good", "bad", "line", "advice"),
    [
        ("catch_up_days: 3", "catchup_days: 3", 6, "unknown key 'catchup_days'; did you mean 'catch_up_days'?"),
        ("title: Standard", "title: Standard\ncolour: red", 4, "unknown key 'colour'; write one of: policy, version, title"),
        ("  hours:", "  hour:", 8, "unknown key 'hour'; did you mean 'hours'?"),
        ("most_broken: 2}", "most_broken: 2, x: 1}", 10, "unknown key 'x'; write one of: longest_days"),
        ("step: reminder, act", "steps: reminder, act", 13, "unknown key 'steps'; did you mean 'step'?"),
        ("day: 1,", "day: -4,", 13, "step 'reminder' (day -4) must come after 'note' (day -3); put the days in order"),
        ("day: 14,", "day: 1,", 14, "step 'phone_call' (day 1) must come after 'reminder' (day 1)"),
        ("step: phone_call", "step: note", 14, "two steps are called 'note'; give each a name of its own"),
        (", letter: reminder", ", letter: remindre", 13, "no letter template 'remindre' in every language; write one of: courtesy, "),
        (", letter: reminder", "", 13, "names its template: add for example 'letter: reminder'"),
        ("act: call}", "act: call, letter: reminder}", 14, "sends no letter: remove the key 'letter'"),
        ("act: call}", "act: visit}", 14, "timeline.2.act cannot be 'visit'; write one of: 'letter', 'call'"),
        ("act: call}", "act: suspension, letter: reminder}", 14, "a step whose act is suspension sends no letter: remove the key 'letter'"),
        ("timeline:", "suspension: {notice_days: 0}\ntimeline:", 11, "suspension.notice_days: Input should be greater than or equal to 1"),
        ("  EUR: 5.00", "  EURO: 5.00", 5, "'EURO' is not an ISO 4217 currency code; write three capital letters such as EUR"),
        ("  EUR: 5.00", "  eur: 5.00", 5, "write three capital letters such as EUR"),
        ("  EUR: 5.00", "  EUR: 5,00", 5, "minimum_balance.EUR: Input should be a valid decimal (found '5,00')"),
        ("version: 1\n", "", 1, "the key 'version' is missing; add it"),
        ("  days_between_letters: 2\n", "", 7, "the key 'contact.days_between_letters' is missing; add it"),
        ("title: Standard", "title: Standard\ntitle: Again", 4, "the key 'title' is given twice; remove one"),
        ("09:00-17:00", "09:00", 8, "'09:00' are no contact hours; write for example '09:00-17:00'"),
        ("09:00-17:00", "9 to 5", 8, "'9 to 5' are no contact hours; write for example '09:00-17:00'"),
        ("09:00-17:00", "17:00-09:00", 8, "must open before they close; write for example '09:00-17:00'"),
        ("catch_up_days: 3", "catch_up_days: 0", 6, "catch_up_days: Input should be greater than or equal to 1 (found 0)"),
        ("catch_up_days: 3", "catch_up_days: yes", 6, "catch_up_days: Input should be a valid integer"),
        ("catch_up_days: 3", "catch_up_days: three", 6, "catch_up_days: Input should be a valid integer"),
        ("day: 14,", "day: 1.5,", 14, "timeline.2.day: Input should be a valid integer"),
        ("policy: standard", "policy: Our Policy", 1, "policy: "),
        ("contact:\n", "contact:\n\t", 8, "this is not YAML: found character '\\t' that cannot start any token"),
        ("title: Standard", "title: 'Standard", 15, "this is not YAML: found unexpected end of stream"),
        ("title: Standard", "title: Stand\x00ard", 3, "a character that no text has, U+0000; save the file as plain UTF-8 text"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_write_instead(good: str, bad: str, line: int, advice: str) -> None:
    assert good in GOOD
    message = complaint(GOOD.replace(good, bad, 1)).splitlines()
    assert any(sentence.startswith(f"policies/mine.yaml:{line}: ") and advice in sentence for sentence in message), message


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- list\n", "just words", "42"])
def test_what_is_not_a_mapping_is_told_how_to_begin(text: str) -> None:
    assert complaint(text) == "policies/mine.yaml:1: this should be a list of keys and values; begin with 'policy: standard'"


def test_several_mistakes_are_named_at_once_each_on_its_line() -> None:
    text = GOOD.replace("catch_up_days: 3", "catchup_days: 3").replace("EUR", "EURO").replace("act: call", "act: visit")
    lines = sorted(int(sentence.split(":")[1]) for sentence in complaint(text).splitlines())
    assert lines == [1, 5, 6, 14]
