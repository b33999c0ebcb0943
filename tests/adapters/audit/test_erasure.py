"""Erasure: what a person could be known by goes, what must be kept stays, and the chain still verifies."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from adapters.audit.erasure import AccountEraser, AccountNotFoundError
from adapters.audit.verification.verification import Verification
from adapters.database.engine import Database
from adapters.database.tables import (
    Account,
    AccountCall,
    Case,
    Contact,
    CreditNote,
    ImportRow,
    Message,
    Note,
    SetAsideRow,
    SQLModel,
    Task,
    WaitingNoticeRow,
)
from adapters.document_store import DocumentStore
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.message_builder import Envelope, Mailbox, build_message
from domain.erasure.commands import EraseAccount
from domain.erasure.report import (
    ERASED_CATEGORIES,
    OUT_OF_REACH_REMARKS,
    QUOTED_ADDRESSES_REMARK,
    RETAINED_CATEGORIES,
    ErasureReport,
    compute_retention_end,
)
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.journal.journalled_accounts import (
    JournalledAccount,
    day_on,
    journal_dispute,
    journal_promises,
    journal_verdict,
    noon_on,
)

YEARS = 10
OVER = datetime(2024, 1, 1, 9, tzinfo=UTC)
"""Everything here happened in 2013: its retention of ten years ended with 2023."""

PERSONAL = ("Petra Lang", "buchhaltung@brauerei-nord.example", "+49 40 123456", "Brauerei Nord GmbH", "Frau Lang", "Sehr geehrte")
LETTER = build_message(
    Envelope(
        sender=Mailbox(address="ours@duecourse.example"),
        recipients=(Mailbox(name="Petra Lang", address="buchhaltung@brauerei-nord.example"),),
        date=noon_on(5),
        message_id="<reminder.5@duecourse.example>",
        language="de",
    ),
    RenderedMessage(subject="Zahlungserinnerung", text="Sehr geehrte Frau Lang\n\nRE-2013-I1  0,01 €", html="<p>Sehr geehrte Frau Lang"),
)


class Closed(JournalledAccount):
    """The account A1, at rest: one paid invoice, and all that people said and wrote about it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.store = DocumentStore(database)
        self.complaint = self.store.add("Beschwerde Petra Lang.pdf", "application/pdf", b"Frau Lang", "mia", noon_on(9))
        self.shared = self.store.add("terms.pdf", "application/pdf", b"terms for all", "mia", noon_on(9))
        self.invoice("I1")
        self.record_payment("I1", 10_000, 20)
        self.letter(["I1"], 5, reply="250 2.0.0 buchhaltung@brauerei-nord.example OK")
        self.add(
            Note(id="N1", account_id="A1", invoice_id="I1", author="mia", text="Frau Lang is back on Monday", written_at=noon_on(6)),
            AccountCall(
                call_id="act:1",
                account_id="A1",
                outcome="reached",
                contact="Frau Lang",
                parts=[],
                made_by="mia",
                made_at=noon_on(6),
                recorded_at=noon_on(6),
            ),
            Task(key="call:1", kind="call", account_id="A1", due_on=day_on(5), state="done", outcome="spoke to Frau Lang", closed_by="mia"),
            WaitingNoticeRow(
                key="n:1",
                role="manager",
                template="call_unanswered",
                details={"customer": "Frau Lang"},
                case_id="invoice:I1",
                account_id="A1",
                asked_on=day_on(6),
                recorded_at=noon_on(6),
                told=[],
            ),
            SetAsideRow(
                stage="notice",
                item_id="n:2",
                account_id="A1",
                reason="failed",
                detail="KeyError: Frau Lang",
                payload={"customer": "Frau Lang"},
                first_failed_at=noon_on(6),
                last_tried_at=noon_on(6),
                next_try_at=noon_on(6),
            ),
            Task(key="call:2", kind="call", account_id="A1", due_on=day_on(6), state="dropped", outcome="settled"),
            CreditNote(id="C1", account_id="A1", currency="EUR", amount=100, issued_on=day_on(7)),
            ImportRow(
                import_id="M", row=2, verdict="rejected", reason="'Brauerei Nord GmbH' is no date", cells=["A1", "Brauerei Nord GmbH"]
            ),
            ImportRow(import_id="M", row=3, verdict="rejected", reason="no amount", cells=["A12", "Somebody else"]),
        )
        journal_promises(self, "k")
        journal_dispute(self)
        self.close()
        with database.writing() as session:
            [message] = session.scalars(select(Message))
            message.content, message.sha256 = LETTER, hashlib.sha256(LETTER).hexdigest()
            message.details = {"contact": "Petra Lang"}
            session.get_one(Case, "dispute:I1:1").summary = {"evidence": f"{self.complaint} {self.shared}"}

    def close(self) -> None:
        with self.database.writing() as session:
            for case in session.scalars(select(Case)):
                case.outcome = case.outcome or "paid"

    def shares(self) -> None:
        """Another account's dispute rests on the terms too."""
        self.add(
            Account(id="A2", name="Saline Süd AG", country="DE", time_zone="Europe/Berlin", language="de"),
            Case(
                case_id="dispute:I2:1",
                run_id="r",
                kind="dispute",
                account_id="A2",
                stage="closed",
                waiting_for="nothing",
                seq=0,
                head="",
                summary={"evidence": self.shared},
                outcome="rejected",
                updated_at=noon_on(9),
            ),
        )


@pytest.fixture
def account(database: Database) -> Closed:
    return Closed(database)


def act(id: str = "act:1") -> EraseAccount:
    return EraseAccount(act_id=id, actor="adam", account_id="A1")


def plan(account: JournalledAccount, now: datetime = OVER, years: int = YEARS) -> ErasureReport:
    return AccountEraser(account.database, years).plan_erasure("A1", "adam", now)


def erase(account: JournalledAccount, now: datetime = OVER, id: str = "act:1") -> ErasureReport:
    return AccountEraser(account.database, YEARS).erase_account(act(id), now)


def everything(database: Database, *leave_out: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    with database.reading() as session:
        names = sorted(set(inspect(database.engine).get_table_names()) - set(leave_out))
        return {name: sorted(map(str, session.execute(text(f'SELECT * FROM "{name}"')))) for name in names}


# --- when


@pytest.mark.parametrize(
    ("last", "years", "until"), [(date(2013, 1, 1), 10, date(2023, 12, 31)), (date(2013, 12, 31), 6, date(2019, 12, 31))]
)
def test_retention_runs_from_the_end_of_the_year_of_the_last_record(last: date, years: int, until: date) -> None:
    assert compute_retention_end(last, years) == until


def test_nothing_goes_before_the_retention_is_over(account: Closed) -> None:
    before = everything(account.database)
    report = erase(account, OVER - timedelta(days=1))
    assert report.blocked == ["its records must be kept until 2023-12-31"]
    assert everything(account.database) == before


def test_the_retention_is_the_companys_own(account: Closed) -> None:
    assert plan(account, datetime(2016, 1, 1, tzinfo=UTC), years=2).blocked == []
    assert plan(account, datetime(2015, 12, 31, tzinfo=UTC), years=2).blocked == ["its records must be kept until 2015-12-31"]


def test_an_open_invoice_an_open_case_and_a_letter_under_way_stand_against_it(account: Closed) -> None:
    account.invoice("I9")
    account.write_case(Journal(case_id="write_off:A1", account_id="A1"), "write_off")
    account.letter(["I9"], 8, template="final", state="intended")
    assert erase(account).blocked == ["1 of its invoices are open", "1 of its cases are open", "1 of its letters are under way"]


def test_an_account_that_is_not_there_cannot_be_erased(database: Database) -> None:
    with pytest.raises(AccountNotFoundError):
        AccountEraser(database, YEARS).erase_account(act(), OVER)


# --- what


def test_a_dry_run_says_what_the_erasure_does_and_changes_nothing(account: Closed) -> None:
    before = everything(account.database)
    planned = plan(account)
    assert everything(account.database) == before
    done = erase(account)
    assert (planned.dry_run, done.dry_run) == (True, False)
    assert (planned.erased, planned.kept, planned.letters, planned.documents) == (done.erased, done.kept, done.letters, done.documents)


def test_nothing_by_which_a_person_is_known_is_left_in_any_table(account: Closed) -> None:
    before = str(everything(account.database))
    assert [detail for detail in PERSONAL[:5] if detail not in before] == []
    erase(account)
    for name, rows in everything(account.database).items():
        for row in rows:
            assert not [detail for detail in PERSONAL if detail in row], (name, row)


def test_the_report_counts_what_went_and_what_stayed_each_with_its_reason(account: Closed) -> None:
    report = erase(account)
    assert {line.what: line.count for line in report.erased} == {
        "contacts": 1,
        "letters": 1,
        "notes": 1,
        "calls": 1,
        "tasks": 1,
        "notices": 1,
        "set_aside": 1,
        "documents": 2,
        "import_rows": 1,
        "billing_calls": 0,
        "refused_notes": 0,
        "name": 1,
    }
    assert {line.what for line in report.erased} == ERASED_CATEGORIES.keys()
    assert {line.what for line in report.kept} == RETAINED_CATEGORIES.keys()
    kept = {line.what: line.count for line in report.kept}
    assert (kept["invoices"], kept["payments"], kept["credit_notes"]) == (1, 1, 1)
    assert kept["journal"] > 0
    assert all(line.why for line in report.erased + report.kept)
    assert report.remarks == list(OUT_OF_REACH_REMARKS)


def faults(account: Closed) -> list[str]:
    """But for the books', which this account's journal tells nothing of, the seals, of which there are none, and the end of the invoice's
    case, which was set to be at rest."""
    found = Verification(account.database).run().faults
    return [
        f"{fault.table} {fault.key}: {fault.what}"
        for fault in found
        if fault.table not in ("invoices", "policies", "seals") and (fault.table, fault.key) != ("cases", "invoice:I1")
    ]


def test_the_books_and_the_journal_are_kept_to_the_letter_and_still_verify(account: Closed) -> None:
    tables = ("invoices", "payments", "credit_notes", "allocations", "journal", "cases", "message_lines", "policies")
    before = everything(account.database)
    assert faults(account) == []
    erase(account)
    after = everything(account.database)
    assert {name: after[name] for name in tables} == {name: before[name] for name in tables}
    assert faults(account) == []


def test_a_letter_that_is_gone_without_an_erasure_is_a_fault(account: Closed) -> None:
    with account.database.writing() as session:
        session.execute(text("UPDATE messages SET content = :nothing"), {"nothing": b""})
    assert faults(account) == ["messages <reminder.5@duecourse.example>: its content is gone, and no erasure took it"]


def test_that_a_letter_went_and_what_it_was_about_stays(account: Closed) -> None:
    report = erase(account)
    with account.database.reading() as session:
        [message] = session.scalars(select(Message))
        assert (message.state, message.letter, message.sent_at) == ("sent", "reminder", noon_on(5))
        assert (message.recipient, message.subject, message.content, message.reply, message.details) == ("", "", b"", "", {})
        assert report.letters == {message.message_id: hashlib.sha256(LETTER).hexdigest()}


def test_a_file_on_which_another_accounts_case_rests_stays(account: Closed) -> None:
    account.shares()
    report = erase(account)
    assert report.documents == [account.complaint]
    assert account.store.find_missing([account.complaint, account.shared]) == [account.complaint]


def test_other_accounts_are_not_touched(account: Closed) -> None:
    account.add(
        Account(id="A2", name="Saline Süd AG", country="DE", time_zone="Europe/Berlin", language="de"),
        Contact(account_id="A2", name="Hans Meer", email="hans@saline.example"),
        Note(id="N2", account_id="A2", author="mia", text="Hans Meer rang", written_at=noon_on(1)),
    )
    erase(account)
    left = str(everything(account.database))
    assert all(detail in left for detail in ("Saline Süd AG", "Hans Meer", "hans@saline.example", "Hans Meer rang", "Somebody else"))


def test_an_address_that_a_mail_server_left_in_the_journal_is_told_of(account: Closed) -> None:
    """The chain allows no change: the report must not say that nothing is left."""
    journal = Journal(case_id="invoice:I8", account_id="A1", invoice_id="I8")
    journal.write(EntryKind.LETTER_REFUSED, noon_on(3), noon_on(3), reason="550 no such user: p.lang@brauerei-nord.example")
    journal.write(EntryKind.LETTER_SENT, noon_on(4), noon_on(4), message_id="<reminder.5@duecourse.example>")
    account.write_case(journal, "invoice", outcome="paid")
    assert f"1 {QUOTED_ADDRESSES_REMARK}" in plan(account).remarks


# --- once, and for good


def test_an_erasure_happens_once_by_its_act(account: Closed) -> None:
    first = erase(account)
    account.add(Contact(account_id="A1", name="Petra Lang", email="new@brauerei-nord.example"))
    assert erase(account) == first
    again = erase(account, id="act:2")
    assert again.count_erased("contacts") == 1
    assert [report.key for report in AccountEraser(account.database, YEARS).list_reports("A1")] == ["act:2", "act:1"]


def test_an_erasure_begins_no_retention_of_its_own(account: Closed) -> None:
    journal = Journal(case_id="erasure:A1", account_id="A1")
    journal.write(EntryKind.ACCOUNT_ERASED, OVER, OVER, act="act:0")
    account.write_case(journal, "erasure")
    assert plan(account).blocked == []


def test_an_open_review_is_an_open_case(account: Closed) -> None:
    journal_verdict(account)
    assert plan(account).blocked == ["1 of its cases are open"]


def test_every_table_that_belongs_to_accounts_was_thought_of() -> None:
    """Whoever adds a table with an account's data says here what becomes of it when the account is erased."""
    goes = {"accounts", "account_calls", "contacts", "messages", "notes", "tasks", "contact_requests", "waiting_notices", "set_aside"}
    goes |= {"external_accounts"}
    stays = {
        "invoices",
        "payments",
        "credit_notes",
        "credit_applications",
        "write_offs",
        "journal",
        "cases",
        "views",
        "erasures",
        "dossiers",
        "service_changes",
        "portfolio_changes",
        "held_accounts",
        "mentions",
        "account_note_records",
        "archived_runs",
        "external_orders",
    }
    of_accounts = {name for name, table in SQLModel.metadata.tables.items() if "account_id" in table.columns or name == "accounts"}
    assert of_accounts == goes | stays
