"""What the cases' workflows write: once, however often they write it; and what they hear back."""

from sqlalchemy import func, select
from sqlmodel import col

from adapters.cases.call_tasks import open_account_call
from adapters.database.tables import Case, ContactRequest, JournalEntry, MentionRow, Task
from domain.billing.billing_events import InvoiceStatus
from domain.case.command_handling import record_rejection
from domain.case_write import CaseWriteResult
from domain.clock import Moment
from domain.correspondence.letter_outcome import DropReason, LetterResult
from domain.invoice.carried_state import CarriedState
from domain.invoice.commands import AddNote
from domain.invoice.invoice_case import InvoiceCase
from tests.adapters.correspondence.correspondence_setup import DAWN, DAY, DUE, NOON, TODAY, CorrespondenceSetup


def entries(correspondence: CorrespondenceSetup) -> int:
    with correspondence.database.reading() as session:
        return int(session.execute(select(func.count()).select_from(JournalEntry)).scalar_one())


def row(correspondence: CorrespondenceSetup, case: InvoiceCase) -> Case:
    with correspondence.database.reading() as session:
        found = session.get_one(Case, case.journal.case_id)
        session.expunge(found)
        return found


def reminded(correspondence: CorrespondenceSetup) -> tuple[InvoiceCase, CaseWriteResult]:
    """A case whose reminder was asked for, written down; it has taken in the answer."""
    correspondence.create_invoice()
    case = correspondence.case()
    ask = correspondence.take_step(case, "reminder")
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, ask=ask)])
    case.journal.mark_written(case.journal.seq)
    return case, answer


def closed(correspondence: CorrespondenceSetup, run: str = "run-1") -> InvoiceCase:
    """A case that was closed as paid by an earlier run."""
    case, _ = reminded(correspondence)
    case.facts = case.facts.model_copy(update={"status": InvoiceStatus.PAID, "open_balance": 0})
    case.close(Moment(NOON, NOON))
    correspondence.casebook.write([correspondence.build_case_write(case, NOON, run)])
    case.journal.mark_written(case.journal.seq)
    return case


# --- the journal and the read model


def test_a_record_that_is_written_again_changes_nothing_and_gets_the_same_answer(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    case = correspondence.case()
    record = correspondence.build_case_write(case, ask=correspondence.take_step(case, "reminder"))
    first, again = correspondence.casebook.write([record])[0], correspondence.casebook.write([record])[0]
    assert (again.head, again.contact_on, again.letters) == (first.head, first.contact_on, []) == (case.journal.head, TODAY, [])
    assert entries(correspondence) == 3
    assert len(correspondence.requests()) == 1
    assert (row(correspondence, case).seq, row(correspondence, case).head) == (3, case.journal.head)


def test_with_an_act_that_is_refused_later_goes_what_was_kept_for_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    case = correspondence.case()
    comment = AddNote(act_id="act-1", actor="ann", note_id="note:act-1")
    other = MentionRow(note_id="note:act-2", user_name="mia", account_id="A1", author="ann", written_at=NOON)
    with correspondence.database.writing() as session:
        session.add(MentionRow(**other.model_dump(exclude={"note_id"}), note_id=comment.note_id))
        session.add(other)
    open_account_call(correspondence.database, "A1", comment.act_id, ["I1"], None, TODAY + DAY)
    record_rejection(case, comment, "it was settled", Moment(NOON, NOON))
    correspondence.casebook.write([correspondence.build_case_write(case)])
    with correspondence.database.reading() as session:
        assert session.scalars(select(col(MentionRow.note_id))).all() == ["note:act-2"]
        assert session.scalars(select(col(Task.state))).all() == ["dropped"]


def test_records_of_different_cases_are_written_together_each_with_its_own_answer(correspondence: CorrespondenceSetup) -> None:
    earlier = closed(correspondence)
    cases = [correspondence.case(f"G{number}") for number in range(3)]
    asks = [correspondence.take_step(case, "reminder") for case in cases]
    reopened = correspondence.case()
    records = [correspondence.build_case_write(case, ask=ask) for case, ask in zip(cases, asks, strict=True)]
    answers = correspondence.casebook.write([records[0], correspondence.build_case_write(reopened, run="run-2"), *records[1:]])
    assert [answer.head for answer in answers if not answer.carried] == [case.journal.head for case in cases]
    assert answers[1].carried is not None
    assert answers[1].carried.head == earlier.journal.head
    assert {case.journal.case_id: row(correspondence, case).head for case in cases} == {
        case.journal.case_id: case.journal.head for case in cases
    }


def test_a_new_run_of_a_closed_case_is_told_what_the_earlier_run_left_and_nothing_is_written(correspondence: CorrespondenceSetup) -> None:
    earlier = closed(correspondence)
    before = entries(correspondence)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(correspondence.case(), run="run-2")])
    assert answer.carried == CarriedState.model_validate(earlier.build_earlier_run().model_dump())
    assert (entries(correspondence), row(correspondence, earlier).run_id) == (before, "run-1")


def test_a_new_run_that_follows_from_the_earlier_one_is_written(correspondence: CorrespondenceSetup) -> None:
    earlier, fresh = closed(correspondence), correspondence.case()
    fresh.reopen(earlier.build_earlier_run(), Moment(NOON + DAY, NOON + DAY))
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(fresh, NOON + DAY, "run-2")])
    assert answer.carried is None
    assert (row(correspondence, fresh).run_id, row(correspondence, fresh).head) == ("run-2", fresh.journal.head)


def test_a_run_whose_worker_died_before_its_taking_up_was_known_is_told_again(correspondence: CorrespondenceSetup) -> None:
    """Its first try is in the database, but its history has nothing of it: it begins anew, and its entries are those of the first try."""
    earlier, lost, again = closed(correspondence), correspondence.case(at=NOON), correspondence.case(at=NOON + DAY)
    lost.reopen(earlier.build_earlier_run(), Moment(NOON, NOON))
    correspondence.casebook.write([correspondence.build_case_write(lost, NOON, "run-2")])
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(again, NOON + DAY, "run-2")])
    assert answer.carried is not None
    assert (answer.carried.head, answer.carried.taken) == (earlier.journal.head, earlier.taken)
    again.reopen(answer.carried, Moment(NOON + DAY, NOON + DAY))
    before = entries(correspondence)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(again, NOON + DAY, "run-2")])
    assert row(correspondence, again).head == answer.head == lost.journal.head
    assert entries(correspondence) == before


def test_a_first_run_whose_worker_died_after_its_first_entry_goes_on_from_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    lost, again = correspondence.case(at=DAWN), correspondence.case(at=NOON)
    correspondence.casebook.write([correspondence.build_case_write(lost)])
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(again, NOON)])
    assert answer.carried is None
    assert row(correspondence, again).head == answer.head == lost.journal.head != again.journal.head
    assert entries(correspondence) == 1


def test_the_read_model_says_that_an_invoice_waits_for_its_letter(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    assert row(correspondence, case).next_on == DUE + 7 * DAY
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, NOON + 9 * DAY, await_letter=True)])
    assert answer.under_way
    assert (row(correspondence, case).waiting_for, row(correspondence, case).next_on) == ("letter", None)
    assert correspondence.requests()["I1"].awaited


# --- what steps ask for


def test_a_letter_is_asked_for_in_the_customers_contact_hours(correspondence: CorrespondenceSetup) -> None:
    _, answer = reminded(correspondence)
    request = correspondence.requests()["I1"]
    assert (answer.contact_on, request.slot, request.state) == (TODAY, DAWN.replace(hour=9), "pending")


def test_a_step_that_asks_twice_has_one_request_with_its_first_slot(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    correspondence.casebook.write(
        [correspondence.build_case_write(case, NOON + DAY, ask=correspondence.build_contact_request("reminder", at=NOON + DAY))]
    )
    with correspondence.database.reading() as session:
        requests = session.scalars(select(ContactRequest)).all()
    assert [(request.slot, request.attempt) for request in requests] == [(DAWN.replace(hour=9), 1)]


def test_a_letter_that_was_withdrawn_and_is_asked_for_again_counts_another_attempt(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    correspondence.casebook.write([correspondence.build_case_write(case, withdraw=DropReason.ON_HOLD)])
    assert (correspondence.requests()["I1"].state, correspondence.requests()["I1"].reason) == ("withdrawn", "on_hold")
    case.record_letter_withdrawal("reminder", DropReason.ON_HOLD, Moment(NOON, NOON))
    ask = correspondence.take_step(case, "reminder", NOON + DAY)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, NOON + DAY, ask=ask)])
    request = correspondence.requests()["I1"]
    assert (request.state, request.attempt, request.reason, answer.withdrawn) == ("pending", 2, "", [])
    assert answer.contact_on == request.slot.date()
    assert request.slot > NOON + DAY


def test_a_withdrawn_letter_is_told_until_its_case_has_given_the_step_back(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    record = correspondence.build_case_write(case, withdraw=DropReason.ON_HOLD)
    assert [correspondence.casebook.write([record])[0].withdrawn for _ in range(2)] == [["reminder"], ["reminder"]]
    assert correspondence.casebook.write([correspondence.build_case_write(case)])[0].withdrawn == ["reminder"]
    case.record_letter_withdrawal("reminder", DropReason.ON_HOLD, Moment(NOON, NOON))
    assert correspondence.casebook.write([correspondence.build_case_write(case)])[0].withdrawn == []


def test_a_letter_that_the_desk_has_claimed_is_not_withdrawn(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    correspondence.change(ContactRequest, correspondence.requests()["I1"].id, state="claimed")  # type: ignore[arg-type]
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, withdraw=DropReason.ON_HOLD)])
    assert (answer.withdrawn, answer.under_way, correspondence.requests()["I1"].state) == ([], True, "claimed")


def test_what_became_of_a_letter_is_told_until_the_case_has_heard_of_it(correspondence: CorrespondenceSetup) -> None:
    case, _ = reminded(correspondence)
    correspondence.change(ContactRequest, correspondence.requests()["I1"].id, state="refused", ended_at=NOON, reason="554 No")  # type: ignore[arg-type]
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case)])
    (news,) = answer.letters
    assert (news.step, news.fate, news.on, news.reason, answer.under_way) == ("reminder", LetterResult.REFUSED, TODAY, "554 No", False)
    case.apply_letter_outcome(news, Moment(NOON, NOON))
    assert correspondence.casebook.write([correspondence.build_case_write(case)])[0].letters == []


def test_a_note_that_finds_no_slot_before_the_due_date_lapses_without_a_request(correspondence: CorrespondenceSetup) -> None:
    friday_night = NOON + 3 * DAY + 6 * DAY / 24
    case = correspondence.case(due=TODAY + 4 * DAY, at=friday_night)
    correspondence.create_invoice(due=TODAY + 4 * DAY)
    ask = correspondence.take_step(case, "courtesy_note", friday_night)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, friday_night, ask=ask)])
    assert [(news.step, news.fate, news.reason) for news in answer.letters] == [("courtesy_note", LetterResult.DROPPED, DropReason.LAPSED)]
    assert correspondence.requests() == {}


def test_a_call_is_one_task_on_a_business_day_and_needs_no_letter(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    saturday, case = DAWN + 4 * DAY, correspondence.case()
    record = correspondence.build_case_write(case, saturday, ask=correspondence.take_step(case, "phone_call", saturday))
    answers = [correspondence.casebook.write([record])[0] for _ in range(2)]
    assert [answer.contact_on for answer in answers] == [TODAY + 6 * DAY] * 2
    assert (correspondence.tasks(), correspondence.requests()) == ([("call", "open")], {})


def test_a_settled_invoice_needs_no_call_any_more(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    case = correspondence.case()
    correspondence.casebook.write([correspondence.build_case_write(case, ask=correspondence.take_step(case, "phone_call"))])
    correspondence.casebook.write([correspondence.build_case_write(case, withdraw=DropReason.SETTLED)])
    assert correspondence.tasks() == [("call", "dropped")]
    with correspondence.database.reading() as session:
        assert session.scalars(select(col(Task.outcome))).one() == "settled"
