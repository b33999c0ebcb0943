"""One letter, one account or one outcome that cannot be handled is set aside, and everybody else's go."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.letter_sending import LetterSendingActivities, LetterTally
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Account
from adapters.letters.letter_templates import Letter, LetterTemplates, RenderedMessage
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, Mailer
from adapters.set_aside.set_aside_store import SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterOutcome
from tests.activities.test_letters_in_flight import MailServer
from tests.adapters.correspondence.correspondence_setup import NOON, CorrespondenceSetup

OTHERS = 30


class Run:
    """A correspondence run over one poisoned account and thirty others. `deaf`: the cases that the server refuses to tell."""

    def __init__(self, correspondence: CorrespondenceSetup, outcome: DeliveryOutcome = DeliveryOutcome.SENT) -> None:
        for number in range(2, OTHERS + 2):
            correspondence.create_account(f"A{number}")
        for number in range(1, OTHERS + 2):
            correspondence.create_billed_invoice(f"I{number}", f"A{number}")
        self.mail_server, self.store = MailServer(), SetAsideStore(correspondence.database)
        self._seconds = 0
        self.deaf, self.heard = set[str](), list[str]()
        clock = Clock(real_anchor=ActivityEnvironment().info.started_time, business_anchor=NOON)
        mailer = cast("Mailer", self.mail_server if outcome is DeliveryOutcome.SENT else RefusingServer())
        feed = OutcomeFeed(correspondence.database)
        self.sending = LetterSendingActivities(correspondence.letter_outbox(), mailer, feed, cast("CaseSignals", self), clock)

    async def notify_case(self, case_id: str, _: LetterOutcome) -> None:
        if case_id in self.deaf:
            raise RPCError("exceeded workflow execution limit for signal events", RPCStatusCode.INVALID_ARGUMENT, b"")
        self.heard.append(case_id)

    async def send(self) -> LetterTally:
        """What the workflow does, until there is nothing more to do."""
        tally = LetterTally()
        while letters := await self._later().run(self.sending.select_letters):
            tally += await self._later().run(self.sending.send_letters, letters)
        return tally

    def _later(self) -> ActivityEnvironment:
        """Each activity a second after the one before."""
        self._seconds += 1
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=environment.info.started_time + timedelta(seconds=self._seconds))
        return environment

    async def tell(self) -> None:
        await ActivityEnvironment().run(self.sending.notify_cases)

    def waiting(self, stage: SetAsideStage) -> list[SetAsideItem]:
        return list(self.store.list_waiting(stage).values())

    def retry(self) -> None:
        for item in self.store.list_page(10, None):
            self.store.ask_retry(item.id, "ada")


class RefusingServer:
    async def send(self, *_: object) -> DeliveryResult:
        return DeliveryResult(DeliveryOutcome.REFUSED, 550, "no")


async def test_a_letter_whose_template_raises_is_set_aside_and_goes_once_it_is_mended(
    correspondence: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, render = Run(correspondence), LetterTemplates.render

    def fail(templates: LetterTemplates, letter: Letter) -> RenderedMessage:
        if letter.account_id == "A1":
            raise KeyError("a word that no template has")
        return render(templates, letter)

    with monkeypatch.context() as broken:
        broken.setattr(LetterTemplates, "render", fail)
        assert await run.send() == LetterTally(sent=OTHERS, deferred=1)
        (item,) = run.waiting(SetAsideStage.LETTER)
        assert (item.account_id, item.reason) == ("A1", SetAsideReason.UNWRITABLE)
        assert "reminder (en): KeyError" in item.detail
        assert correspondence.tasks() == [], "it is an administrator's: no collector can mend a template"
        run.retry()
        assert await run.send() == LetterTally(deferred=1)
        assert run.waiting(SetAsideStage.LETTER)[0].attempts == 2
    assert await run.send() == LetterTally(), "it rests"
    run.retry()
    assert await run.send() == LetterTally(sent=1)
    assert run.waiting(SetAsideStage.LETTER) == []
    assert len(run.mail_server.recipients) == OTHERS + 1


async def test_an_account_whose_letters_cannot_be_chosen_keeps_back_no_other(correspondence: CorrespondenceSetup) -> None:
    run = Run(correspondence)
    correspondence.change(Account, "A1", time_zone="Mars/Olympus")
    assert await run.send() == LetterTally(sent=OTHERS)
    (item,) = run.waiting(SetAsideStage.LETTER_SELECTION)
    assert (item.item_id, item.account_id) == ("A1", "A1")
    correspondence.change(Account, "A1", time_zone="UTC")
    assert await run.send() == LetterTally()
    run.retry()
    assert await run.send() == LetterTally(sent=1)
    assert run.waiting(SetAsideStage.LETTER_SELECTION) == []


async def test_a_case_that_cannot_be_told_of_its_letter_is_told_later_and_all_others_now(correspondence: CorrespondenceSetup) -> None:
    run = Run(correspondence, DeliveryOutcome.REFUSED)
    run.deaf.add("invoice:I1")
    assert await run.send() == LetterTally(refused=OTHERS + 1)
    await run.tell()
    assert len(run.heard) == OTHERS
    (item,) = run.waiting(SetAsideStage.LETTER_OUTCOME)
    assert (item.item_id, item.reason) == ("invoice:I1:reminder:1", SetAsideReason.SERVER_REFUSED)
    run.deaf.clear()
    await run.tell()
    assert run.heard[-1] == "invoice:I1"
    assert run.waiting(SetAsideStage.LETTER_OUTCOME) == []


async def test_an_outcome_that_cannot_be_read_keeps_back_no_other(correspondence: CorrespondenceSetup) -> None:
    run = Run(correspondence, DeliveryOutcome.REFUSED)
    await run.send()
    correspondence.change(Account, "A1", time_zone="Mars/Olympus")
    await run.tell()
    assert len(run.heard) == OTHERS
    assert len(run.waiting(SetAsideStage.LETTER_OUTCOME)) == 1
    correspondence.change(Account, "A1", time_zone="UTC")
    await run.tell()
    assert run.heard[-1] == "invoice:I1"
    assert run.waiting(SetAsideStage.LETTER_OUTCOME) == []
