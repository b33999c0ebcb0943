"""Each failure that established systems get wrong, between the letter desk and a real SMTP server: nothing twice, nothing lost."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from activities.letter_sending import LetterTally
from adapters.database.engine import Database
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.shipped_files import PROJECT
from tests.faults.due_letters import (
    DAWN,
    NOON,
    DueInvoice,
    LetterSendingHarness,
    build_due_invoices,
    count_letters_by_state,
    count_open_tasks,
    count_requests_by_state,
)
from tests.faults.scripted_smtp_server import ScriptedSmtpServer, SmtpBehaviour, start_scripted_smtp_server

WORDS = yaml.safe_load((PROJECT / "letters" / "en" / "words.yaml").read_text(encoding="utf-8"))
DISPUTED_HEADING, PLEASE_PAY = WORDS["disputed"], WORDS["please_pay"].partition("{")[0]


@pytest.fixture
async def smtp_server() -> AsyncIterator[ScriptedSmtpServer]:
    async with start_scripted_smtp_server() as smtp_server:
        yield smtp_server


@pytest.fixture
async def room(database: Database, tmp_path: Path, smtp_server: ScriptedSmtpServer) -> AsyncIterator[LetterSendingHarness]:
    room = LetterSendingHarness(database, tmp_path / "data", smtp_server.port)
    yield room
    await room.close()


def _numbers(smtp_server: ScriptedSmtpServer, *bills: DueInvoice) -> list[set[str]]:
    """The invoices that each letter taken names, among these."""
    return [{bill.number for bill in bills if bill.number in letter.text} for letter in smtp_server.taken]


async def test_while_the_mail_server_is_down_nothing_counts_as_sent_and_afterwards_each_letter_goes_once(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    room.request_due_letters(build_due_invoices(150))
    smtp_server.close()

    assert await room.run() == LetterTally(deferred=150)
    assert count_letters_by_state(database) == {"intended": 150}
    assert count_requests_by_state(database) == {"claimed": 150}
    assert not count_open_tasks(database)

    await smtp_server.open()
    assert await room.run() == LetterTally(sent=150)
    assert await room.run() == LetterTally()
    assert count_letters_by_state(database) == {"sent": 150}
    assert len(smtp_server.times_taken) == 150
    assert set(smtp_server.times_taken.values()) == {1}


async def test_refused_from_the_51st_letter_on_50_are_sent_and_100_wait_for_a_person(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    bills = build_due_invoices(150)
    room.request_due_letters(bills)
    smtp_server.script, smtp_server.mood = [(SmtpBehaviour.TAKES, 50)], SmtpBehaviour.REFUSES

    assert await room.run() == LetterTally(sent=50, refused=100)
    assert await room.run() == LetterTally()
    assert count_letters_by_state(database) == {"sent": 50, "refused": 100}
    assert count_requests_by_state(database) == {"sent": 50, "refused": 100}
    refused = {letter.letter["To"].addresses[0].addr_spec for letter in smtp_server.handed if letter.mood is SmtpBehaviour.REFUSES}
    assert refused == {"books@customer.test"}
    tasks = count_open_tasks(database)
    assert len(tasks) == 100
    assert {kind for kind, _ in tasks} == {"refused_letter"}
    assert len(room.told.news) == 100
    assert {invoice for invoice, _ in room.told.news}.isdisjoint(set().union(*_numbers(smtp_server, *bills)))


async def test_refused_letters_go_once_when_a_person_has_them_sent_again(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    room.request_due_letters(build_due_invoices(20))
    smtp_server.script = [(SmtpBehaviour.TAKES, 5), (SmtpBehaviour.REFUSES, 15)]
    await room.run()

    assert await room.resend() == 15
    assert await room.run() == LetterTally(sent=15)
    assert count_letters_by_state(database) == {"sent": 20}
    assert not count_open_tasks(database)
    assert len(smtp_server.times_taken) == 20
    assert set(smtp_server.times_taken.values()) == {1}


async def test_a_letter_that_is_refused_again_is_again_a_persons_task(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    room.request_due_letters(build_due_invoices(1))
    smtp_server.mood = SmtpBehaviour.REFUSES
    await room.run()

    assert await room.resend() == 1
    assert not count_open_tasks(database)
    assert await room.run() == LetterTally(refused=1)
    assert count_open_tasks(database) == {("refused_letter", "C0000"): 1}


@pytest.mark.parametrize("state", ["refused", "unknown"])
async def test_what_was_left_out_of_a_letter_stays_out_when_a_person_decides_about_it(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer, state: str
) -> None:
    paid, other = DueInvoice("PAID", "ONE"), DueInvoice("OTHER", "ONE")
    smtp_server.script = [(SmtpBehaviour.REFUSES if state == "refused" else SmtpBehaviour.LOSES_AND_HANGS_UP, 1)]
    room.request_due_letters([paid, other])
    letters = await room.select()
    room.pay(paid)
    await room.send(letters)

    await room.resend(state)
    assert count_requests_by_state(database) == {"claimed": 1, "dropped": 1}
    assert await room.run() == LetterTally(sent=1)
    assert _numbers(smtp_server, paid, other) == [{"OTHER"}]
    assert count_requests_by_state(database) == {"sent": 1, "dropped": 1}


async def test_deferred_letters_are_tried_until_each_has_gone_once(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    room.request_due_letters(build_due_invoices(30))
    smtp_server.script = [(SmtpBehaviour.DEFERS, 40)]

    tallies = [await room.run() for _ in range(3)]

    assert tallies == [LetterTally(deferred=30), LetterTally(deferred=10, sent=20), LetterTally(sent=10)]
    assert count_letters_by_state(database) == {"sent": 30}
    assert smtp_server.moods == {SmtpBehaviour.DEFERS: 40, SmtpBehaviour.TAKES: 30}
    assert set(smtp_server.times_taken.values()) == {1}


@pytest.mark.parametrize("mood", [SmtpBehaviour.TAKES_AND_HANGS_UP, SmtpBehaviour.LOSES_AND_HANGS_UP])
async def test_a_letter_without_an_answer_is_held_for_a_person_and_never_handed_over_again(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer, mood: SmtpBehaviour
) -> None:
    room.request_due_letters(build_due_invoices(10))
    smtp_server.script = [(mood, 4)]

    assert await room.run() == LetterTally(sent=6, unknown=4)
    assert await room.run() == LetterTally()
    assert count_letters_by_state(database) == {"sent": 6, "unknown": 4}
    assert Counter(kind for kind, _ in count_open_tasks(database)) == {"unknown_letter": 4}
    assert set(Counter(letter.message_id for letter in smtp_server.handed).values()) == {1}


async def test_a_sender_that_was_presumed_dead_may_still_say_that_its_letter_went(database: Database, room: LetterSendingHarness) -> None:
    room.request_due_letters(build_due_invoices(1))
    slow, other = room.create_letter_outbox("slow"), room.create_letter_outbox("other")
    slow.begin_transmission(letters := slow.claim_due_letters(NOON, 10), NOON)

    assert other.mark_abandoned_letters(NOON) == 1
    assert count_letters_by_state(database) == {"unknown": 1}
    assert count_open_tasks(database) == {("unknown_letter", "C0000"): 1}
    slow.record_outcomes([(letters[0], DeliveryResult(DeliveryOutcome.SENT, 250, "Taken"))], NOON)

    assert count_letters_by_state(database) == count_requests_by_state(database) == {"sent": 1}
    assert not count_open_tasks(database)


async def test_once_a_person_has_decided_a_sender_that_was_presumed_dead_has_no_say(database: Database, room: LetterSendingHarness) -> None:
    room.request_due_letters(build_due_invoices(1))
    slow, other = room.create_letter_outbox("slow"), room.create_letter_outbox("other")
    slow.begin_transmission(letters := slow.claim_due_letters(NOON, 10), NOON)
    other.mark_abandoned_letters(NOON)
    await room.resend("unknown")
    other.begin_transmission(letters, NOON)

    slow.record_outcomes([(letters[0], DeliveryResult(DeliveryOutcome.DEFERRED, None, "Too late"))], NOON)
    slow.record_outcomes([(letters[0], DeliveryResult(DeliveryOutcome.SENT, 250, "Taken"))], NOON)

    assert count_letters_by_state(database) == {"transmitting": 1}


async def test_a_letter_of_a_late_slot_that_was_refused_does_not_stand_in_the_way_of_the_days_other_letters(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    first, second, other = DueInvoice("FIRST", "ONE"), DueInvoice("SECOND", "ONE"), DueInvoice("OTHER", "TWO")
    smtp_server.script = [(SmtpBehaviour.REFUSES, 1)]
    room.request_due_letters([first], asked=DAWN - timedelta(days=1))
    await room.run()
    room.request_due_letters([second, other])

    assert await room.run() == LetterTally(sent=1)
    assert _numbers(smtp_server, first, second, other) == [{"OTHER"}]
    assert count_requests_by_state(database) == {"refused": 1, "pending": 1, "sent": 1}


async def test_a_blocked_invoice_is_asked_for_in_no_letter_and_its_account_gets_no_empty_one(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    disputed, paused, late = DueInvoice("DISPUTED", "ONE"), DueInvoice("PAUSED", "TWO"), DueInvoice("PAUSED-LATE", "THREE")
    with_others = [DueInvoice("OTHER-DISPUTED", "FOUR"), DueInvoice("OTHER-PAUSED", "FOUR"), DueInvoice("OTHER-FINE", "FOUR")]
    cases = room.request_due_letters([disputed, paused, late, *with_others])
    ledger = room.parts.billing
    ledger.change_invoice(disputed.number, disputed=True, at=room.parts.clock.business_anchor)
    cases.pause(paused.number)

    letters = await room.select()
    ledger.change_invoice("OTHER-DISPUTED", disputed=True, at=room.parts.clock.business_anchor)
    cases.pause("OTHER-PAUSED")
    cases.pause(late.number)
    tally = await room.send(letters)

    assert tally == LetterTally(sent=1, void=2)
    assert len(smtp_server.handed) == 1
    (letter,) = smtp_server.taken
    asked_for, _, stands_apart = letter.text.partition(DISPUTED_HEADING)
    numbers = {bill.number for bill in with_others}
    assert {number for number in numbers if number in asked_for} == {"OTHER-FINE"}
    assert {number for number in numbers if number in stands_apart.partition(PLEASE_PAY)[0]} == {"OTHER-DISPUTED"}
    assert paused.number not in letter.text
    assert await room.run() == LetterTally()
    assert count_requests_by_state(database) == {"sent": 1, "dropped": 4, "withdrawn": 1}


async def test_an_invoice_paid_between_selection_and_sending_is_left_out_and_the_others_of_its_account_go(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    paid, other, alone = DueInvoice("PAID", "ONE"), DueInvoice("OTHER", "ONE"), DueInvoice("ALONE", "TWO")
    room.request_due_letters([paid, other, alone])

    letters = await room.select()
    room.pay(paid)
    room.pay(alone)
    tally = await room.send(letters)

    assert tally == LetterTally(sent=1, void=1)
    assert _numbers(smtp_server, paid, other, alone) == [{"OTHER"}]
    assert count_requests_by_state(database) == {"sent": 1, "dropped": 2}


async def test_an_invoice_paid_while_its_letter_is_being_written_is_left_out(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    paid, other = DueInvoice("PAID", "ONE"), DueInvoice("OTHER", "ONE")
    room.request_due_letters([paid, other])
    room.interrupt_compose(lambda: room.pay(paid))

    assert await room.run() == LetterTally(sent=1)
    assert _numbers(smtp_server, paid, other) == [{"OTHER"}]
    assert count_requests_by_state(database) == {"sent": 1, "dropped": 1}


async def test_when_the_only_invoice_is_paid_while_its_letter_is_being_written_nothing_goes(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    paid = DueInvoice("PAID", "ONE")
    room.request_due_letters([paid])
    room.interrupt_compose(lambda: room.pay(paid))

    assert await room.run() == LetterTally(void=1)
    assert not smtp_server.handed
    assert count_letters_by_state(database) == {"void": 1}
    assert count_requests_by_state(database) == {"dropped": 1}


async def test_a_customer_without_an_address_is_a_task_and_the_others_get_their_letters(
    database: Database, room: LetterSendingHarness, smtp_server: ScriptedSmtpServer
) -> None:
    nowhere, reachable = DueInvoice("NOWHERE", "ONE", email=""), DueInvoice("REACHABLE", "TWO")
    room.request_due_letters([nowhere, reachable])

    assert await room.run() == LetterTally(sent=1, void=1)
    assert count_open_tasks(database) == {("no_address", "ONE"): 1}
    assert _numbers(smtp_server, nowhere, reachable) == [{"REACHABLE"}]
    assert await room.run() == LetterTally()
