"""What becomes of the letters that cases ask for, who decides about them, and that their case hears of every end. It is Tuesday noon."""

from datetime import UTC, datetime
from typing import cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.letter_sending import LetterSendingActivities
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore, LetterNotDecidableError
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Contact
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, Mailer
from adapters.temporal.case_signals import CaseSignals
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from tests.adapters.correspondence.case_letter_orders import (
    AT_ONCE,
    REFUSED,
    SUSPENSION,
    UNKNOWN,
    build_order,
    build_warning_order,
    order_letter,
    take_fates,
    take_outcomes,
    update_letter,
    write_case_row,
)
from tests.adapters.correspondence.correspondence_setup import DAY, HOUR, NOON, SENT, TODAY, CorrespondenceSetup

# --- what became of it


@pytest.mark.parametrize(
    ("delivery", "fate", "reason"),
    [(SENT, LetterResult.SENT, ""), (REFUSED, LetterResult.REFUSED, "554 No"), (UNKNOWN, LetterResult.UNKNOWN, "The line was cut")],
)
def test_every_end_of_a_letter_is_told_to_its_case_by_template_and_number(
    correspondence: CorrespondenceSetup, delivery: DeliveryResult, fate: LetterResult, reason: str
) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1", number=3))
    correspondence.send_all(correspondence.letter_outbox(), delivery=delivery)
    ((case_id, news),) = take_outcomes(correspondence)
    assert (case_id, news.step, news.attempt, news.fate, news.reason) == (SUSPENSION, "suspension_warning", 3, fate, reason)
    assert (news.at, news.on, news.message_id) == (NOON, TODAY, correspondence.letters()[0].message_id)


def test_a_deferred_letter_is_under_way_and_not_told(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox(backoff=AT_ONCE)
    correspondence.send_all(outbox, delivery=DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later"))
    assert take_outcomes(correspondence) == []
    assert correspondence.send_all(outbox) == 1
    assert take_fates(correspondence) == [(LetterResult.SENT, "")]


def test_a_letter_over_which_its_process_died_is_told_as_unknown_and_told_again_when_it_proves_sent(
    correspondence: CorrespondenceSetup,
) -> None:
    correspondence.create_invoice()
    letter = order_letter(correspondence, build_warning_order("I1"))
    dead = correspondence.letter_outbox("worker-1")
    dead.begin_transmission(dead.claim_due_letters(NOON, 100), NOON)
    update_letter(correspondence, letter, transmitting_since=datetime.now(UTC) - HOUR)
    correspondence.letter_outbox("worker-2").mark_abandoned_letters(NOON)
    assert correspondence.tasks() == [("unknown_letter", "open")]
    assert take_fates(correspondence) == [(LetterResult.UNKNOWN, "process_died")]
    dead.record_outcomes([(letter, SENT)], NOON)
    assert take_fates(correspondence) == [(LetterResult.SENT, "")]


def test_a_letter_that_comes_to_another_end_while_the_first_is_told_has_that_one_still_to_tell(
    correspondence: CorrespondenceSetup,
) -> None:
    correspondence.create_invoice()
    letter = order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=UNKNOWN)
    postbox = OutcomeFeed(correspondence.database)
    batch = postbox.list_case_outcomes(100)
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.DELIVERED, "mia", "", NOON)
    postbox.mark_cases_notified(batch)
    assert take_fates(correspondence) == [(LetterResult.SENT, "")]


def test_a_letter_that_cannot_be_written_is_refused_and_told(correspondence: CorrespondenceSetup) -> None:
    letter = order_letter(correspondence, build_order("farewell"))
    correspondence.letter_outbox().refuse_unwritable_letter(letter, "there is no such letter", NOON)
    assert correspondence.tasks() == [("refused_letter", "open")]
    assert take_fates(correspondence) == [(LetterResult.REFUSED, "there is no such letter")]


class Listener:
    """The workflows that are signalled."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def notify_case(self, case_id: str, outcome: LetterOutcome) -> None:
        self.heard.append((case_id, outcome.step))


async def test_each_workflow_hears_of_its_letters_once(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    order_letter(correspondence, build_warning_order("I1"))
    correspondence.create_billed_invoice("I2")
    outbox = correspondence.letter_outbox()
    correspondence.send_all(outbox, delivery=REFUSED)
    listener = Listener()
    sending = LetterSendingActivities(
        outbox, cast(Mailer, None), OutcomeFeed(correspondence.database), cast(CaseSignals, listener), Clock.real_time()
    )
    assert [await ActivityEnvironment().run(sending.notify_cases) for _ in range(2)] == [2, 0]
    assert listener.heard == [("invoice:I2", "reminder"), (SUSPENSION, "suspension_warning")]


def test_reminders_are_told_to_no_case(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.send_all(correspondence.letter_outbox(), delivery=REFUSED)
    assert (correspondence.letters()[0].told, take_outcomes(correspondence)) == (None, [])


# --- what holds it up, and who decides


def test_a_letter_outside_contact_hours_waits_for_the_next(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    order_letter(correspondence, build_warning_order("I1"))
    night = NOON + 10 * HOUR
    assert correspondence.send_all(correspondence.letter_outbox(), night) == 0
    assert (correspondence.letters()[0].state, correspondence.letters()[0].slot) == ("intended", NOON + DAY - 3 * HOUR)


def test_a_letter_to_a_customer_without_an_address_waits_with_a_task(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    correspondence.change(Contact, 1, email="")  # type: ignore[arg-type]
    order_letter(correspondence, build_warning_order("I1"))
    assert correspondence.send_all(correspondence.letter_outbox()) == 0
    assert (correspondence.letters()[0].state, correspondence.tasks(), take_outcomes(correspondence)) == (
        "intended",
        [("no_address", "open")],
        [],
    )


def test_a_person_who_says_that_it_arrived_is_heard_by_the_case(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    letter = order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=UNKNOWN)
    assert take_fates(correspondence) == [(LetterResult.UNKNOWN, "The line was cut")]
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.DELIVERED, "mia", "she has it", NOON + DAY)
    ((_, news),) = take_outcomes(correspondence)
    assert (news.fate, news.on) == (LetterResult.SENT, TODAY + DAY)


def test_a_person_may_send_it_again_and_the_case_hears_how_that_ends(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    letter = order_letter(correspondence, build_warning_order("I1"))
    outbox = correspondence.letter_outbox()
    correspondence.send_all(outbox, delivery=REFUSED)
    take_outcomes(correspondence)
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert take_outcomes(correspondence) == []
    assert correspondence.send_all(outbox) == 1
    assert take_fates(correspondence) == [(LetterResult.SENT, "")]


def test_a_demand_does_not_go_again_when_its_case_is_over_or_has_asked_anew(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    first = order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=REFUSED)
    second = order_letter(correspondence, build_warning_order("I1", number=2))
    decisions = LetterDecisionStore(correspondence.database)
    with pytest.raises(LetterNotDecidableError, match="in its place"):
        decisions.decide(first, LetterDecision.RESEND, "mia", "", NOON)
    correspondence.send_all(correspondence.letter_outbox(), delivery=REFUSED)
    write_case_row(correspondence, "cured")
    with pytest.raises(LetterNotDecidableError, match=r"over \(cured\)"):
        decisions.decide(second, LetterDecision.RESEND, "mia", "", NOON)
