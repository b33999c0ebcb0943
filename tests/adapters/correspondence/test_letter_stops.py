"""Letters that are stopped do not go, and nothing of them is lost. It is Tuesday noon."""

from datetime import date, datetime

import pytest
from sqlalchemy import event, update
from sqlmodel import Session, col, select

from adapters.correspondence import letter_stop_store
from adapters.correspondence.letter_brakes import load_brakes
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.letter_stop_store import (
    BrakeContext,
    LetterGoneError,
    LetterStopStore,
    StopClashError,
    UnknownStopError,
    UnknownStopTargetError,
)
from adapters.database.row_states import MessageState
from adapters.database.tables import Case, Invoice, LetterBrakeRecord, LetterStopRow, Message, PolicyVersion
from domain.correspondence.letter_stop import LetterStop, StopScope
from tests.adapters.correspondence.case_letter_orders import REFUSED, build_warning_order, order_letter
from tests.adapters.correspondence.correspondence_setup import DAY, HOUR, NOON, TODAY, CorrespondenceSetup


def context(act: str = "act-1", at: datetime = NOON) -> BrakeContext:
    return BrakeContext(act, "maria", at, at)


def stop(
    correspondence: CorrespondenceSetup,
    scope: StopScope = StopScope.ALL,
    target: str = "",
    last_day: date | None = None,
    act: str = "act-1",
) -> LetterStop:
    return LetterStopStore(correspondence.database).stop(scope, target, "a wrong price list", last_day, context(act))


def end(correspondence: CorrespondenceSetup, at: datetime = NOON, act: str = "act-1") -> None:
    LetterStopStore(correspondence.database).end(act, context("act-2", at))


def add_policy(correspondence: CorrespondenceSetup, name: str) -> None:
    with correspondence.database.writing() as session:
        session.add(PolicyVersion(name=name, version=1, snapshot="", sha256="", created_at=NOON))


@pytest.fixture
def customers(correspondence: CorrespondenceSetup) -> CorrespondenceSetup:
    """A1 follows the policy standard and B1 the policy gentle; a reminder of each is due."""
    correspondence.create_account("B1")
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("J1", "B1")
    correspondence.write_case_row("I1")
    correspondence.write_case_row("J1", "B1")
    with correspondence.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == "J1").values(policy="gentle"))
    for policy in ("standard", "gentle"):
        add_policy(correspondence, policy)
    return correspondence


@pytest.mark.parametrize("last_day", [None, TODAY - DAY, TODAY, TODAY + DAY])
@pytest.mark.parametrize("ended_days_ago", [None, 1, 0])
def test_the_outbox_and_the_lists_agree_on_which_stops_are_in_force(
    correspondence: CorrespondenceSetup, last_day: date | None, ended_days_ago: int | None
) -> None:
    row = LetterStopRow(stop_id="s1", scope=StopScope.ALL, reason="r", made_by="maria", made_at=NOON - 2 * DAY, last_day=last_day)
    if ended_days_ago is not None:
        row.ended_by, row.ended_at = "maria", NOON - ended_days_ago * DAY
    with correspondence.database.writing() as session:
        session.add(row)
    (found,) = LetterStopStore(correspondence.database).list_stops()
    with correspondence.database.reading() as session:
        assert load_brakes(session, TODAY).hold_all is found.is_active_on(TODAY)


SCOPES = [
    (StopScope.ALL, "", set[str]()),
    (StopScope.POLICY, "standard", {"B1"}),
    (StopScope.POLICY, "gentle", {"A1"}),
    (StopScope.ACCOUNT, "A1", {"B1"}),
]


@pytest.mark.parametrize(("scope", "target", "go"), SCOPES)
def test_a_stop_holds_the_reminders_of_its_scope_back_and_no_other(
    customers: CorrespondenceSetup, scope: StopScope, target: str, go: set[str]
) -> None:
    stop(customers, scope, target)
    assert customers.send_all(customers.letter_outbox()) == len(go)
    assert {letter.account_id for letter in customers.letters()} == go
    assert {request.account_id for request in customers.requests().values() if request.state == "pending"} == {"A1", "B1"} - go


@pytest.mark.parametrize(("scope", "target", "go"), SCOPES)
def test_a_stop_that_comes_between_claim_and_transmission_holds_the_letter_back(
    customers: CorrespondenceSetup, scope: StopScope, target: str, go: set[str]
) -> None:
    outbox = customers.letter_outbox()
    claimed = outbox.claim_due_letters(NOON, 100)
    assert len(claimed) == 2
    stop(customers, scope, target)
    assert sum(letter is not None for letter in outbox.begin_transmission(claimed, NOON)) == len(go)
    assert {letter.account_id for letter in customers.letters() if letter.state == "transmitting"} == go
    assert all(letter.state == "intended" for letter in customers.letters() if letter.account_id not in go)
    assert outbox.claim_due_letters(NOON, 100) == []


def test_letters_of_cases_and_letters_that_a_person_has_sent_again_are_stopped_too(correspondence: CorrespondenceSetup) -> None:
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice()
    assert correspondence.send_all(outbox, delivery=REFUSED) == 1
    warning = order_letter(correspondence, build_warning_order("I1"))
    stop(correspondence, StopScope.ACCOUNT, "A1")
    (refused, _) = correspondence.letters()
    LetterDecisionStore(correspondence.database).decide(refused.id or 0, LetterDecision.RESEND, "maria", "", NOON)
    assert outbox.claim_due_letters(NOON, 100) == []
    assert outbox.begin_transmission([refused.id or 0, warning], NOON) == [None, None]
    end(correspondence)
    assert correspondence.send_all(outbox) == 2


def test_once_the_stop_is_over_one_letter_tells_the_position_of_that_day(correspondence: CorrespondenceSetup) -> None:
    """A week's steps of three invoices have waited: they make one letter, and the next one keeps its distance."""
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice("I1", due=TODAY - 8 * DAY)
    stop(correspondence)
    for invoice, days in (("I2", 1), ("I3", 2)):
        correspondence.create_invoice(invoice, due=TODAY)
        correspondence.write_case_row(invoice)
        correspondence.create_contact_request(invoice, slot=NOON + days * DAY)
    for days in range(7):
        assert correspondence.send_all(outbox, NOON + days * DAY) == 0
    end(correspondence, NOON + 7 * DAY)
    assert correspondence.send_all(outbox, NOON + 7 * DAY) == 1
    (letter,) = correspondence.letters()
    assert letter.sent_at == NOON + 7 * DAY
    assert correspondence.lines(letter.id) == dict.fromkeys(("I1", "I2", "I3"), "reminder")
    assert letter.asked_for == 30_000
    correspondence.create_billed_invoice("I4")
    assert correspondence.send_all(outbox, NOON + 8 * DAY) == 0
    assert correspondence.send_all(outbox, NOON + 9 * DAY) == 1


def test_what_was_settled_while_it_was_stopped_is_not_asked_for(correspondence: CorrespondenceSetup) -> None:
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice()
    outbox.claim_due_letters(NOON, 100)
    stop(correspondence)
    correspondence.change(Invoice, "I1", status="paid", open_balance=0, version=2)
    end(correspondence)
    assert correspondence.send_all(outbox, NOON + DAY) == 0
    assert (correspondence.letters()[0].state, correspondence.requests()["I1"].reason) == ("void", "settled")


def test_a_stop_with_a_last_day_is_over_by_itself(correspondence: CorrespondenceSetup) -> None:
    outbox = correspondence.letter_outbox()
    correspondence.create_billed_invoice()
    stop(correspondence, last_day=TODAY + DAY)
    assert correspondence.send_all(outbox, NOON + DAY) == 0
    assert correspondence.send_all(outbox, NOON + 2 * DAY) == 1


def test_stopped_accounts_do_not_keep_others_from_their_turn(customers: CorrespondenceSetup) -> None:
    """The look at waiting requests is limited, and begins with what has waited longest."""
    stop(customers, StopScope.ACCOUNT, "A1")
    outbox = customers.letter_outbox()
    claimed = outbox.claim_due_letters(NOON + HOUR, 1)
    assert {letter.account_id for letter in customers.letters() if letter.id in claimed} == {"B1"}


def test_the_same_letters_are_not_stopped_twice_but_once_the_stop_is_over(correspondence: CorrespondenceSetup) -> None:
    first = stop(correspondence, last_day=TODAY)
    assert stop(correspondence, last_day=TODAY) == first  # the same act again
    with pytest.raises(StopClashError, match="maria stopped them on 2013-06-04"):
        stop(correspondence, act="act-9")
    store = LetterStopStore(correspondence.database)
    assert store.list_stops(TODAY) == [first]
    assert (store.list_stops(TODAY + DAY), store.list_stops()) == ([], [first])
    later = store.stop(StopScope.ALL, "", "again", None, context("act-10", NOON + DAY))
    assert store.list_stops(TODAY + DAY) == [later]


def test_what_does_not_exist_can_be_neither_stopped_nor_let_go(correspondence: CorrespondenceSetup) -> None:
    with pytest.raises(UnknownStopTargetError):
        stop(correspondence, StopScope.ACCOUNT, "nobody")
    with pytest.raises(UnknownStopTargetError):
        stop(correspondence, StopScope.POLICY, "none")
    with pytest.raises(UnknownStopError):
        end(correspondence)


def test_who_stopped_and_who_let_go_stays_on_record(correspondence: CorrespondenceSetup) -> None:
    stop(correspondence, StopScope.ACCOUNT, "A1", last_day=TODAY)
    end(correspondence)
    end(correspondence)
    with correspondence.database.reading() as session:
        records = session.scalars(select(LetterBrakeRecord).order_by(col(LetterBrakeRecord.id))).all()
        told = [(record.event, record.target, record.reason, record.made_by, record.last_day) for record in records]
    assert told == [(event, "A1", "a wrong price list", "maria", TODAY) for event in ("stopped", "resumed")]


@pytest.mark.parametrize(("scope", "target", "go"), SCOPES)
def test_the_account_is_told_of_the_widest_stop_that_reaches_it(
    customers: CorrespondenceSetup, scope: StopScope, target: str, go: set[str]
) -> None:
    stop(customers, scope, target)
    store = LetterStopStore(customers.database)
    for account in ("A1", "B1"):
        assert (store.find_stop_of_account(account, TODAY) is None) == (account in go)
        assert store.find_stop_of_account(account, TODAY - DAY) is None


def test_where_nothing_is_stopped_a_batch_costs_one_small_query(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox, asked = correspondence.letter_outbox(), list[str]()

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "letter_stops" in statement:
            asked.append(statement)

    event.listen(correspondence.database.engine, "before_cursor_execute", listen)
    try:
        claimed = outbox.claim_due_letters(NOON, 100)
        assert len(asked) == 1
        outbox.begin_transmission(claimed, NOON)
        assert len(asked) == 2
    finally:
        event.remove(correspondence.database.engine, "before_cursor_execute", listen)


def test_a_letter_that_begins_to_go_while_it_is_taken_back_has_gone_and_nothing_is_stopped(
    customers: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look comes before the letter has a row, and the letter looks for stops before this one is written."""
    looks, require_not_gone = list[str](), letter_stop_store._require_not_gone

    def look(session: Session, message_id: str) -> None:
        looks.append(message_id)
        if len(looks) > 1:
            require_not_gone(session, message_id)

    monkeypatch.setattr(letter_stop_store, "_require_not_gone", look)
    going = Message(
        key="k", account_id="B1", language="de", currency="EUR", slot=NOON, message_id="<going@x>", state=MessageState.TRANSMITTING
    )
    with customers.database.writing() as session:
        session.add(going)
    stops = LetterStopStore(customers.database)
    with pytest.raises(LetterGoneError):
        stops.stop(StopScope.ACCOUNT, "B1", "they pay today", TODAY, context(), "<going@x>")
    assert (len(looks), stops.list_stops(TODAY)) == (2, [])
