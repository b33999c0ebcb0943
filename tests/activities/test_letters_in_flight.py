"""Letters are sent while another run looks for letters that nobody sends any more."""

import asyncio
import threading
from collections.abc import Collection
from datetime import datetime
from types import SimpleNamespace
from typing import cast

from temporalio.testing import ActivityEnvironment

from activities.letter_sending import LetterSendingActivities, LetterTally
from adapters.correspondence.letter_outbox import LetterOutbox
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Contact
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
