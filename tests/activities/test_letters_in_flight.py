"""Letters are sent while another run looks for letters that nobody sends any more."""

import asyncio
import dataclasses
import threading
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from temporalio.testing import ActivityEnvironment

from activities.letter_sending import LetterSendingActivities, LetterTally
from adapters.correspondence.letter_outbox import LetterOutbox
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Account, Contact
from adapters.mail.smtp_client import DeliveryResult, Mailer
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock
from tests.adapters.correspondence.correspondence_setup import NOON, SENT, CorrespondenceSetup


class Hesitant(LetterOutbox):
    """It looks for dead letters when it is told to."""

    def __init__(self, correspondence: CorrespondenceSetup) -> None:
        super().__init__(correspondence.database, correspondence.letter_loader(), "worker-1")
        self.asked, self.go_on = threading.Event(), threading.Event()

    def mark_abandoned_letters(self, now: datetime, on_the_wire: Collection[int] = ()) -> int:
        self.asked.set()
        self.go_on.wait()
        return super().mark_abandoned_letters(now, on_the_wire)


class SlowMailServer:
    """The mail server takes its time."""

    def __init__(self) -> None:
        self.reached, self.answer = asyncio.Event(), asyncio.Event()

    async def send(self, *_: object) -> DeliveryResult:
        self.reached.set()
        await self.answer.wait()
        return SENT


async def test_a_letter_that_is_begun_while_the_dead_are_looked_for_is_alive(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox, mail_server = Hesitant(correspondence), SlowMailServer()
    nobody = cast("CaseSignals", SimpleNamespace())
    clock = Clock(real_anchor=ActivityEnvironment().info.started_time, business_anchor=NOON)
    sending = LetterSendingActivities(outbox, cast("Mailer", mail_server), OutcomeFeed(correspondence.database), nobody, clock)
    letters = outbox.claim_due_letters(NOON, 100)
    looking = asyncio.create_task(ActivityEnvironment().run(sending.select_letters))
    await asyncio.to_thread(outbox.asked.wait)
    sent = asyncio.create_task(ActivityEnvironment().run(sending.send_letters, letters))
    await mail_server.reached.wait()
    outbox.go_on.set()
    await looking
    mail_server.answer.set()
    assert await sent == LetterTally(sent=1)
    assert ([letter.state for letter in correspondence.letters()], correspondence.tasks()) == (["sent"], [])


class MailServer:
    """It takes every letter."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def send(self, _: bytes, __: str, recipients: list[str]) -> DeliveryResult:
        self.recipients += recipients
        return SENT


def build_sending(correspondence: CorrespondenceSetup, mail_server: MailServer, concurrency: int = 4) -> LetterSendingActivities:
    nobody = cast("CaseSignals", SimpleNamespace())
    clock = Clock(real_anchor=ActivityEnvironment().info.started_time, business_anchor=NOON)
    outbox = correspondence.letter_outbox()
    outcome_feed = OutcomeFeed(correspondence.database)
    return LetterSendingActivities(outbox, cast("Mailer", mail_server), outcome_feed, nobody, clock, concurrency)


async def test_one_letter_that_cannot_be_written_keeps_none_of_the_letters_prepared_with_it_back(
    correspondence: CorrespondenceSetup,
) -> None:
    for number in range(2, 13):
        correspondence.create_account(f"A{number}")
    for number in range(1, 13):
        correspondence.create_billed_invoice(f"I{number}", f"A{number}")
    correspondence.change(Contact, 7, name="A line\nbreak")  # type: ignore[arg-type]
    mail_server = MailServer()
    sending = build_sending(correspondence, mail_server)
    letters = correspondence.letter_outbox().claim_due_letters(NOON, 100)
    assert await ActivityEnvironment().run(sending.send_letters, letters) == LetterTally(sent=11, refused=1)
    assert sorted(mail_server.recipients) == sorted(f"a{number}@customer.test" for number in range(1, 13) if number != 7)


async def test_the_second_letter_of_an_account_refers_to_the_first_that_was_prepared_with_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("E1")
    correspondence.create_billed_invoice("P1", currency="GBP")
    sending = build_sending(correspondence, MailServer(), concurrency=1)
    letters = correspondence.letter_outbox().claim_due_letters(NOON, 100)
    assert await ActivityEnvironment().run(sending.send_letters, letters) == LetterTally(sent=2)
    first, second = sorted(correspondence.letters(), key=lambda letter: letter.in_reply_to or "")
    assert (first.in_reply_to, second.in_reply_to) == (None, first.message_id)


@pytest.mark.parametrize("day_seconds", [0.9, 2])
async def test_however_fast_the_clock_is_played_letters_go_on_business_days_and_in_the_customers_hours(
    correspondence: CorrespondenceSetup, day_seconds: float
) -> None:
    """It is Saturday, 22:00. Runs begin every second: in a fast week none of them may begin within contact hours."""
    zones = {"A1": "UTC", "A2": "America/New_York", "A3": "Asia/Tokyo"}
    for number, (account, zone) in enumerate(zones.items(), 1):
        if account != "A1":
            correspondence.create_account(account)
        correspondence.change(Account, account, time_zone=zone)
        correspondence.create_billed_invoice(f"I{number}", account)
    began = ActivityEnvironment().info.started_time
    clock = Clock(real_anchor=began, business_anchor=datetime(2013, 6, 8, 22, tzinfo=UTC), day_seconds=day_seconds)
    mail_server, nobody = MailServer(), cast("CaseSignals", SimpleNamespace())
    outbox, feed = correspondence.letter_outbox(), OutcomeFeed(correspondence.database)
    sending = LetterSendingActivities(outbox, cast("Mailer", mail_server), feed, nobody, clock)
    for second in range(20):
        run = ActivityEnvironment()
        run.info = dataclasses.replace(run.info, started_time=began + timedelta(seconds=second), workflow_run_id=f"run-{second}")
        while letters := await run.run(sending.select_letters):
            await run.run(sending.send_letters, letters)
        sent = [(letter.account_id, letter.sent_at) for letter in correspondence.letters()]
        if len(mail_server.recipients) == len(zones):
            break
    assert sorted(account for account, at in sent if at) == ["A1", "A2", "A3"]
    for account, at in sent:
        assert at is not None
        local = at.astimezone(ZoneInfo(zones[account]))
        assert (local.weekday() < 5, 9 <= local.hour < 17) == (True, True), local
