"""What would go in the next business days, without anything going. It is Tuesday noon."""

import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlmodel import col

from adapters.config.company import load_company
from adapters.config.settings import Settings
from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore
from adapters.correspondence.release_store import hold_accounts
from adapters.database.tables import Contact, ContactRequest, JournalEntry, Message
from adapters.ledger.ledger import Ledger
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from adapters.preview.account_copy import AccountRows
from adapters.preview.letter_preview import LetterPreview, LettersAhead, PlayProgress, PreviewedLetter, PreviewServices
from adapters.read_model.correspondence import TaskRow
from adapters.shipped_files import PROJECT
from domain.clock import Clock
from domain.correspondence.letter_stop import StopScope
from tests.adapters.correspondence.case_letter_orders import build_warning_order, order_letter
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, TODAY, CorrespondenceSetup

CONTEXT = BrakeContext("act-1", "maria", NOON, NOON)


def look_ahead(correspondence: CorrespondenceSetup, days: int = 5, **terms: Any) -> LettersAhead:
    return build_preview(correspondence).look_ahead(NOON, days, **terms)


def build_preview(correspondence: CorrespondenceSetup) -> LetterPreview:
    settings = Settings.load()
    company, letters = load_company(settings), LetterTemplates(settings.letters_dir)
    services = PreviewServices(
        Ledger(correspondence.database), letters, company, settings.sender, settings.reply_domain, PROJECT / "policies"
    )
    return LetterPreview(correspondence.database, services, Clock.real_time())


def count_rows(correspondence: CorrespondenceSetup) -> list[int]:
    with correspondence.database.reading() as session:
        return [session.execute(select(func.count()).select_from(table)).scalar_one() for table in (Message, ContactRequest, JournalEntry)]


def test_before_the_first_start_invoices_begin_by_the_policies_in_their_folder(correspondence: CorrespondenceSetup) -> None:
    """No case, no policy and no step is there yet, and nothing is written by looking."""
    correspondence.create_invoice("I1", due=TODAY - 3 * DAY)
    correspondence.create_invoice("I2", due=TODAY + 30 * DAY)
    ahead = look_ahead(correspondence)
    assert ahead.until == TODAY + 6 * DAY
    (letter,) = ahead.letters
    assert (letter.letter.letter, [line.invoice_id for line in letter.letter.lines]) == ("reminder", ["I1"])
    assert (letter.mail.recipients, letter.brake) == (("Kim <a1@customer.test>",), None)
    assert "I1" in letter.mail.text
    assert count_rows(correspondence) == [0, 0, 0]


def test_what_is_held_back_is_foreseen_and_says_so(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    for number in (1, 2):
        correspondence.create_invoice(f"I{number}", f"A{number}", due=TODAY - 3 * DAY)
    with correspondence.database.writing() as session:
        hold_accounts(session, ["A1"], CONTEXT)
    LetterStopStore(correspondence.database).stop(StopScope.ACCOUNT, "A2", "a wrong price list", None, CONTEXT)
    brakes = {each.letter.account_id: each.brake for each in look_ahead(correspondence).letters}
    assert brakes["A1"] is not None
    assert brakes["A2"] is not None
    assert (brakes["A1"].awaits_release, brakes["A2"].reason) == (True, "a wrong price list")


def test_one_account_or_one_collectors_are_looked_at_alone(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2", collector="anna")
    for number in (1, 2):
        correspondence.create_invoice(f"I{number}", f"A{number}", due=TODAY - 3 * DAY)
    assert [each.letter.account_id for each in look_ahead(correspondence, account="A1").letters] == ["A1"]
    assert [each.letter.account_id for each in look_ahead(correspondence, collector="anna").letters] == ["A2"]
    assert look_ahead(correspondence, account="nobody").letters == []
    one = look_ahead(correspondence, limit=1)
    assert (one.accounts, one.has_more, len(one.letters)) == (1, True, 1)


def test_letters_that_cases_have_asked_for_are_foreseen(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1", due=TODAY - 3 * DAY)
    order_letter(correspondence, build_warning_order("I1"))
    assert "suspension_warning" in {each.letter.letter for each in look_ahead(correspondence).letters}
    assert [letter.state for letter in correspondence.letters()] == ["intended"]


def test_an_account_without_an_address_is_named(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1", due=TODAY - 3 * DAY)
    with correspondence.database.writing() as session:
        session.execute(delete(Contact).where(col(Contact.account_id) == "A1"))
    ahead = look_ahead(correspondence)
    assert (ahead.letters, [(task.kind, task.account_id) for task in ahead.hindered]) == ([], [("no_address", "A1")])


def test_four_hundred_accounts_are_no_trouble(correspondence: CorrespondenceSetup) -> None:
    PolicyStore(correspondence.database, LetterTemplates()).load_folder(PROJECT / "policies")
    for number in range(400):
        correspondence.create_account(f"B{number}")
        correspondence.create_invoice(f"J{number}", f"B{number}", due=TODAY - (number % 9 + 1) * DAY)
    began = time.process_time()
    ahead = look_ahead(correspondence)
    assert time.process_time() - began < 60, "seconds of work, however busy the machine is with others"
    assert {each.letter.account_id for each in ahead.letters} == {f"B{number}" for number in range(400)}
    assert all(each.mail.text and each.mail.html for each in ahead.letters)


def test_whoever_looks_again_is_shown_what_was_played_until_something_of_it_changed(
    correspondence: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    correspondence.create_invoice("I1", due=TODAY - 3 * DAY)
    preview, play, played = build_preview(correspondence), LetterPreview._play, list[datetime]()

    def count(
        self: LetterPreview, rows: AccountRows, now: datetime, until: date, progress: PlayProgress | None
    ) -> tuple[list[PreviewedLetter], list[TaskRow]]:
        played.append(now)
        return play(self, rows, now, until, progress)

    monkeypatch.setattr(LetterPreview, "_play", count)
    first = preview.look_ahead(NOON, 2)
    assert (preview.look_ahead(NOON + timedelta(minutes=4), 2), len(played)) == (first, 1)
    LetterStopStore(correspondence.database).stop(StopScope.ACCOUNT, "A1", "a wrong price list", None, CONTEXT)
    assert ([each.brake is None for each in preview.look_ahead(NOON, 2).letters], len(played)) == ([False], 1)
    with correspondence.database.writing() as session:
        session.execute(update(Contact).values(email="other@kunde.example"))
    assert "other@kunde.example" in preview.look_ahead(NOON, 2).letters[0].mail.recipients[0]
    assert len(played) == 2
    preview.look_ahead(NOON + timedelta(minutes=6), 2)
    preview.look_ahead(NOON, 3)
    assert len(played) == 4
