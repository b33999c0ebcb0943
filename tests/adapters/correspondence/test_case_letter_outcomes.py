"""What becomes of the letters that cases ask for, who decides about them, and that their case hears of every end. It is Tuesday noon."""

from datetime import UTC, datetime
from typing import cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.correspondence import LetterSending
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisions, LetterNotUndecided
from adapters.correspondence.outcome_feed import Postbox
from adapters.database.tables import Contact
from adapters.mail.smtp_client import Delivery, Mailer, Outcome
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterFate, LetterNews
from tests.adapters.correspondence.case_letter_orders import (
    AT_ONCE,
    REFUSED,
    SUSPENSION,
    UNKNOWN,
    asked,
    case_stands,
    fates,
    order,
    put,
    told,
    warning,
)
from tests.adapters.correspondence.office import DAY, HOUR, NOON, SENT, TODAY, Office

# --- what became of it


@pytest.mark.parametrize(
    ("delivery", "fate", "reason"),
    [(SENT, LetterFate.SENT, ""), (REFUSED, LetterFate.REFUSED, "554 No"), (UNKNOWN, LetterFate.UNKNOWN, "The line was cut")],
)
def test_every_end_of_a_letter_is_told_to_its_case_by_template_and_number(
    office: Office, delivery: Delivery, fate: LetterFate, reason: str
) -> None:
    office.invoice()
    asked(office, warning("I1", number=3))
    office.send_all(office.desk(), delivery=delivery)
    ((case_id, news),) = told(office)
    assert (case_id, news.step, news.attempt, news.fate, news.reason) == (SUSPENSION, "suspension_warning", 3, fate, reason)
    assert (news.at, news.on, news.message_id) == (NOON, TODAY, office.letters()[0].message_id)


def test_a_deferred_letter_is_under_way_and_not_told(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    desk = office.desk(backoff=AT_ONCE)
    office.send_all(desk, delivery=Delivery(Outcome.DEFERRED, 451, "Later"))
    assert told(office) == []
    assert office.send_all(desk) == 1
    assert fates(office) == [(LetterFate.SENT, "")]


def test_a_letter_over_which_its_process_died_is_told_as_unknown_and_told_again_when_it_proves_sent(office: Office) -> None:
    office.invoice()
    letter = asked(office, warning("I1"))
    dead = office.desk("worker-1")
    dead.begin(dead.intend(NOON, 100), NOON)
    put(office, letter, transmitting_since=datetime.now(UTC) - HOUR)
    office.desk("worker-2").settle_the_dead(NOON)
    assert office.tasks() == [("unknown_letter", "open")]
    assert fates(office) == [(LetterFate.UNKNOWN, "process_died")]
    dead.end([(letter, SENT)], NOON)
    assert fates(office) == [(LetterFate.SENT, "")]


def test_a_letter_that_comes_to_another_end_while_the_first_is_told_has_that_one_still_to_tell(office: Office) -> None:
    office.invoice()
    letter = asked(office, warning("I1"))
    office.send_all(office.desk(), delivery=UNKNOWN)
    postbox = Postbox(office.database)
    batch = postbox.untold_to_cases(100)
    LetterDecisions(office.database).decide(letter, LetterDecision.DELIVERED, "mia", "", NOON)
    postbox.told_to_cases(batch)
    assert fates(office) == [(LetterFate.SENT, "")]


def test_a_letter_that_cannot_be_written_is_refused_and_told(office: Office) -> None:
    letter = asked(office, order("farewell"))
    office.desk().spoil(letter, "there is no such letter", NOON)
    assert office.tasks() == [("refused_letter", "open")]
    assert fates(office) == [(LetterFate.REFUSED, "there is no such letter")]


class Listener:
    """The workflows that are signalled."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    async def tell(self, invoice_id: str, news: LetterNews) -> None:
        self.heard.append((ids.invoice_case(invoice_id), news.step))

    async def tell_case(self, case_id: str, news: LetterNews) -> None:
        self.heard.append((case_id, news.step))


async def test_each_workflow_hears_of_its_letters_once(office: Office) -> None:
    office.invoice("I1")
    asked(office, warning("I1"))
    office.billed("I2")
    desk = office.desk()
    office.send_all(desk, delivery=REFUSED)
    listener = Listener()
    sending = LetterSending(
        desk, cast(Mailer, None), Postbox(office.database), cast(CaseSignals, listener), Clock.real_life()
    )  # fmt: skip
    assert [await ActivityEnvironment().run(sending.tell_cases) for _ in range(2)] == [2, 0]
    assert listener.heard == [("invoice:I2", "reminder"), (SUSPENSION, "suspension_warning")]


def test_reminders_are_told_to_no_case(office: Office) -> None:
    office.billed()
    office.send_all(office.desk(), delivery=REFUSED)
    assert (office.letters()[0].told, told(office)) == (None, [])


# --- what holds it up, and who decides


def test_a_letter_outside_contact_hours_waits_for_the_next(office: Office) -> None:
    office.invoice()
    asked(office, warning("I1"))
    night = NOON + 10 * HOUR
    assert office.send_all(office.desk(), night) == 0
    assert (office.letters()[0].state, office.letters()[0].slot) == ("intended", NOON + DAY - 3 * HOUR)


def test_a_letter_to_a_customer_without_an_address_waits_with_a_task(office: Office) -> None:
    office.invoice()
    office.change(Contact, 1, email="")  # type: ignore[arg-type]
    asked(office, warning("I1"))
    assert office.send_all(office.desk()) == 0
    assert (office.letters()[0].state, office.tasks(), told(office)) == ("intended", [("no_address", "open")], [])


def test_a_person_who_says_that_it_arrived_is_heard_by_the_case(office: Office) -> None:
    office.invoice()
    letter = asked(office, warning("I1"))
    office.send_all(office.desk(), delivery=UNKNOWN)
    assert fates(office) == [(LetterFate.UNKNOWN, "The line was cut")]
    LetterDecisions(office.database).decide(letter, LetterDecision.DELIVERED, "mia", "she has it", NOON + DAY)
    ((_, news),) = told(office)
    assert (news.fate, news.on) == (LetterFate.SENT, TODAY + DAY)


def test_a_person_may_send_it_again_and_the_case_hears_how_that_ends(office: Office) -> None:
    office.invoice()
    letter = asked(office, warning("I1"))
    desk = office.desk()
    office.send_all(desk, delivery=REFUSED)
    told(office)
    LetterDecisions(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert told(office) == []
    assert office.send_all(desk) == 1
    assert fates(office) == [(LetterFate.SENT, "")]


def test_a_demand_does_not_go_again_when_its_case_is_over_or_has_asked_anew(office: Office) -> None:
    office.invoice()
    first = asked(office, warning("I1"))
    office.send_all(office.desk(), delivery=REFUSED)
    second = asked(office, warning("I1", number=2))
    decisions = LetterDecisions(office.database)
    with pytest.raises(LetterNotUndecided, match="in its place"):
        decisions.decide(first, LetterDecision.RESEND, "mia", "", NOON)
    office.send_all(office.desk(), delivery=REFUSED)
    case_stands(office, "cured")
    with pytest.raises(LetterNotUndecided, match=r"over \(cured\)"):
        decisions.decide(second, LetterDecision.RESEND, "mia", "", NOON)
