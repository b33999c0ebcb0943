from datetime import date

from domain.case.account_case import AccountCase
from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.invoice.commands import AddNote
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.refusal import Refusal
from tests.domain.builders import moment


def too_loud(case: AccountCase, command: Command, today: date) -> Refusal | None:
    return Refusal("test.loud", "too loud") if command.actor == "max" else None


def note(case: AccountCase, command: Command, at: Moment) -> int:
    return case.write_entry(EntryKind.NOTE_ADDED, at, command.actor, act=command.act_id)


RULES = CommandRules(too_loud, note)


def build_case() -> AccountCase:
    return AccountCase(journal=Journal(case_id="C", account_id="A"))


def test_a_command_is_applied_once_however_often_it_comes() -> None:
    case, command = build_case(), AddNote(act_id="a1", actor="mia", note_id="n")
    assert (RULES.apply_command(case, command, moment(1)), RULES.apply_command(case, command, moment(2))) == (1, None)
    assert [entry.kind for entry in case.journal.pending] == [EntryKind.NOTE_ADDED]


def test_a_rejected_command_is_journalled_once_with_its_name_and_the_reason_and_changes_nothing_else() -> None:
    case, command = build_case(), AddNote(act_id="a1", actor="max", note_id="n")
    assert RULES.rejection_reason(case, command, moment(1).business.date()) == "too loud"
    assert (RULES.apply_command(case, command, moment(1)), RULES.apply_command(case, command, moment(2))) == (1, None)
    (entry,) = case.journal.pending
    assert (entry.kind, entry.actor) == (EntryKind.ACT_REFUSED, "max")
    assert entry.facts == {"act": "a1", "what": AddNote.journal_name, "reason": "too loud"}


def test_the_rules_are_not_asked_about_a_command_that_was_seen() -> None:
    case, command = build_case(), AddNote(act_id="a1", actor="max", note_id="n")
    case.mark_seen("a1")
    assert RULES.rejection_reason(case, command, moment(1).business.date()) is None
