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
from domain import identifiers as ids
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
from tests.adapters.correspondence.office import DAY, HOUR, NOON, SENT, TODAY, CorrespondenceOffice

# --- what became of it


@pytest.mark.parametrize(
    ("delivery", "fate", "reason"),
    [(SENT, LetterResult.SENT, ""), (REFUSED, LetterResult.REFUSED, "554 No"), (UNKNOWN, LetterResult.UNKNOWN, "The line was cut")],
)
def test_every_end_of_a_letter_is_told_to_its_case_by_template_and_number(
    office: CorrespondenceOffice, delivery: DeliveryResult, fate: LetterResult, reason: str
) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1", number=3))
    office.send_all(office.letter_outbox(), delivery=delivery)
    ((case_id, news),) = take_outcomes(office)
    assert (case_id, news.step, news.attempt, news.fate, news.reason) == (SUSPENSION, "suspension_warning", 3, fate, reason)
    assert (news.at, news.on, news.message_id) == (NOON, TODAY, office.letters()[0].message_id)


def test_a_deferred_letter_is_under_way_and_not_told(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox(backoff=AT_ONCE)
    office.send_all(desk, delivery=DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later"))
    assert take_outcomes(office) == []
    assert office.send_all(desk) == 1
    assert take_fates(office) == [(LetterResult.SENT, "")]


def test_a_letter_over_which_its_process_died_is_told_as_unknown_and_told_again_when_it_proves_sent(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letter = order_letter(office, build_warning_order("I1"))
    dead = office.letter_outbox("worker-1")
    dead.begin_transmission(dead.claim_due_letters(NOON, 100), NOON)
    update_letter(office, letter, transmitting_since=datetime.now(UTC) - HOUR)
    office.letter_outbox("worker-2").mark_abandoned_letters(NOON)
    assert office.tasks() == [("unknown_letter", "open")]
    assert take_fates(office) == [(LetterResult.UNKNOWN, "process_died")]
    dead.record_outcomes([(letter, SENT)], NOON)
    assert take_fates(office) == [(LetterResult.SENT, "")]


def test_a_letter_that_comes_to_another_end_while_the_first_is_told_has_that_one_still_to_tell(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letter = order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox(), delivery=UNKNOWN)
    postbox = OutcomeFeed(office.database)
    batch = postbox.list_case_outcomes(100)
    LetterDecisionStore(office.database).decide(letter, LetterDecision.DELIVERED, "mia", "", NOON)
    postbox.mark_cases_notified(batch)
    assert take_fates(office) == [(LetterResult.SENT, "")]


def test_a_letter_that_cannot_be_written_is_refused_and_told(office: CorrespondenceOffice) -> None:
    letter = order_letter(office, build_order("farewell"))
    office.letter_outbox().refuse_unwritable_letter(letter, "there is no such letter", NOON)
    assert office.tasks() == [("refused_letter", "open")]
    assert take_fates(office) == [(LetterResult.REFUSED, "there is no such letter")]


class Listener:
    """The workflows that are signalled."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def notify_invoice(self, invoice_id: str, outcome: LetterOutcome) -> None:
        self.heard.append((ids.invoice_case_id(invoice_id), outcome.step))

    async def notify_case(self, case_id: str, outcome: LetterOutcome) -> None:
        self.heard.append((case_id, outcome.step))


async def test_each_workflow_hears_of_its_letters_once(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    order_letter(office, build_warning_order("I1"))
    office.create_billed_invoice("I2")
    desk = office.letter_outbox()
    office.send_all(desk, delivery=REFUSED)
    listener = Listener()
    sending = LetterSendingActivities(
        desk, cast(Mailer, None), OutcomeFeed(office.database), cast(CaseSignals, listener), Clock.real_time()
    )
    assert [await ActivityEnvironment().run(sending.notify_cases) for _ in range(2)] == [2, 0]
    assert listener.heard == [("invoice:I2", "reminder"), (SUSPENSION, "suspension_warning")]


def test_reminders_are_told_to_no_case(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    office.send_all(office.letter_outbox(), delivery=REFUSED)
    assert (office.letters()[0].told, take_outcomes(office)) == (None, [])


# --- what holds it up, and who decides


def test_a_letter_outside_contact_hours_waits_for_the_next(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    order_letter(office, build_warning_order("I1"))
    night = NOON + 10 * HOUR
    assert office.send_all(office.letter_outbox(), night) == 0
    assert (office.letters()[0].state, office.letters()[0].slot) == ("intended", NOON + DAY - 3 * HOUR)


def test_a_letter_to_a_customer_without_an_address_waits_with_a_task(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    office.change(Contact, 1, email="")  # type: ignore[arg-type]
    order_letter(office, build_warning_order("I1"))
    assert office.send_all(office.letter_outbox()) == 0
    assert (office.letters()[0].state, office.tasks(), take_outcomes(office)) == ("intended", [("no_address", "open")], [])


def test_a_person_who_says_that_it_arrived_is_heard_by_the_case(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letter = order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox(), delivery=UNKNOWN)
    assert take_fates(office) == [(LetterResult.UNKNOWN, "The line was cut")]
    LetterDecisionStore(office.database).decide(letter, LetterDecision.DELIVERED, "mia", "she has it", NOON + DAY)
    ((_, news),) = take_outcomes(office)
    assert (news.fate, news.on) == (LetterResult.SENT, TODAY + DAY)


def test_a_person_may_send_it_again_and_the_case_hears_how_that_ends(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    letter = order_letter(office, build_warning_order("I1"))
    desk = office.letter_outbox()
    office.send_all(desk, delivery=REFUSED)
    take_outcomes(office)
    LetterDecisionStore(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert take_outcomes(office) == []
    assert office.send_all(desk) == 1
    assert take_fates(office) == [(LetterResult.SENT, "")]


def test_a_demand_does_not_go_again_when_its_case_is_over_or_has_asked_anew(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    first = order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox(), delivery=REFUSED)
    second = order_letter(office, build_warning_order("I1", number=2))
    decisions = LetterDecisionStore(office.database)
    with pytest.raises(LetterNotDecidableError, match="in its place"):
        decisions.decide(first, LetterDecision.RESEND, "mia", "", NOON)
    office.send_all(office.letter_outbox(), delivery=REFUSED)
    write_case_row(office, "cured")
    with pytest.raises(LetterNotDecidableError, match=r"over \(cured\)"):
        decisions.decide(second, LetterDecision.RESEND, "mia", "", NOON)
