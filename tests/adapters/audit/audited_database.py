"""Books in which everything that an auditor rests on has its entries: invoices and money, letters, files, rules, archived histories, an
account that was erased, and a seal over it all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from sqlmodel import Session, SQLModel

from adapters.audit.seals.seal_store import SealStore
from adapters.database.engine import Database
from adapters.database.tables import (
    Account,
    ArchivedRun,
    Case,
    DelegationRow,
    DossierRow,
    ErasureRow,
    HeldAccount,
    JournalEntry,
    LetterBrakeRecord,
    LetterStopRow,
    Message,
    PolicyVersion,
    PortfolioChange,
    ServiceChange,
    Setting,
)
from adapters.document_store import DocumentStore
from adapters.ledger.ledger import Ledger
from domain import identifiers as ids
from domain.audit.seal import Seal
from domain.billing.credit_application import CreditShare
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.policy.approval_matrix import MATRIX_POLICY_NAME
from domain.policy.collection_policy import PolicySnapshot
from domain.timeline.holds import Hold, HoldKind
from tests.adapters.audit.audited_letters import OWED, build_letter_row, build_line_row, write_letter
from tests.adapters.audit.tampered_journals import entry_key
from tests.adapters.ledger.builders import add_account, add_invoice
from tests.domain.builders import DUE, build_policy, moment

RULES, MATRIX = PolicySnapshot.from_policy(build_policy()), '{"version": 1}'
LETTER, ERASED = write_letter(1), b"Subject: Reminder\r\n\r\nDear Ms Lang"
DOSSIER, PAGES, PHOTO = b'{"account": "A1"}', b"%PDF-1.7", b"a broken pallet"
SEALED = date(2013, 4, 1)


def sha256_hex(content: bytes | str) -> str:
    return sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


class Undone:
    """The database as it looks inside one transaction."""

    def __init__(self, session: Session, database: Database) -> None:
        self._session = session
        self.build_insert_or_ignore = database.build_insert_or_ignore

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        yield self._session

    reading = writing = snapshot


class AuditedDatabase:
    """A1 owes 100.00 EUR on I1, I2, I3 and I4. It paid 40.00 on I1 and 100.00 on I2, which is closed, as is I3: 25.00 were credited, and
    the rest was written off. It overpaid I2 by 30.00: of that 20.00 were applied to I4, and 5.00 that had been were taken back. A letter
    about I1 went; Anna may sign for Dora, and did. A2 was erased, and is held for release. A3 is suspended. All letters were stopped once,
    and reminders are."""

    def __init__(self, database: Database) -> None:
        self.database, self.ledger = database, Ledger(database)
        self.entries: dict[str, list[Entry]] = {}
        self._days = 0
        for account in ("A1", "A2", "A3"):
            add_account(database, account)
        self.add(self._rules(RULES.name, RULES.text), self._rules(MATRIX_POLICY_NAME, MATRIX))
        for invoice in ("I1", "I2", "I3", "I4"):
            add_invoice(database, invoice, due=DUE)
        self._collect("I1", paid=4_000, letter=LETTER)
        self._collect("I2", paid=10_000)
        self._collect("I3", credited=2_500, given_up=7_500)
        self._collect("I4", applied=2_000, taken_back=500)
        self._approve()
        self._ask_for_credits()
        self._suspend()
        self._keep_records()
        self._keep_papers()
        self._erase()
        self._archive()
        self.mailed: dict[date, str] = {}
        self.replays: dict[str, bool] = {}
        """By the journal as it was read: whether a replay makes another."""
        self._journal_seal(self.seal())
        self.seal()

    def seal(self) -> Seal:
        """The next day; its hash goes to the auditors."""
        self._days += 1
        made = SealStore(self.database).make_seal(SEALED + timedelta(days=self._days), moment(40 + self._days).real)
        self.mailed[made.day] = made.digest()
        return made

    def make_seal_within(self, session: Session, day: int) -> Seal:
        """Seal what is in the session's transaction, for the day of that number."""
        store = SealStore(cast("Database", Undone(session, self.database)))
        return store.make_seal(SEALED + timedelta(days=day), moment(40 + day).real)

    def real_now(self) -> datetime:
        """By the machine's clock, which tells how long ago something was written down."""
        return datetime.now(UTC)

    def add(self, *rows: SQLModel) -> None:
        with self.database.writing() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def last_entry(self, case_id: str, kind: EntryKind) -> Entry:
        return [entry for entry in self.entries[case_id] if entry.kind is kind][-1]

    def entry_key(self, case_id: str, kind: EntryKind) -> str:
        """Of the case's last entry of the kind."""
        return entry_key(self.last_entry(case_id, kind))

    def write_case(self, journal: Journal, kind: str, outcome: str | None = None, **shown: Any) -> None:
        """Write down what a case tells, and its row."""
        self.entries[journal.case_id] = list(journal.pending)
        self.add(*self.rows(journal, kind, outcome, **shown))

    def rows(self, journal: Journal, kind: str, outcome: str | None = None, **shown: Any) -> list[SQLModel]:
        return [
            *(JournalEntry(**entry.model_dump()) for entry in journal.pending),
            Case(
                case_id=journal.case_id,
                run_id="run-2",
                kind=kind,
                account_id=journal.account_id,
                invoice_id=journal.invoice_id,
                stage="new",
                waiting_for="time",
                outcome=outcome,
                seq=journal.seq,
                head=journal.head,
                updated_at=moment(30).real,
                **shown,
            ),
        ]

    def letter(self, account_id: str, number: int, content: bytes, digest: str) -> Message:
        return build_letter_row(account_id, number, content, digest)

    # --- what is in them

    def _rules(self, name: str, text: str) -> PolicyVersion:
        return PolicyVersion(name=name, version=1, snapshot=text, sha256=sha256_hex(text), created_at=moment(-60).real)

    def _journal_seal(self, made: Seal) -> None:
        journal, at = Journal(case_id="seal", account_id=""), moment(41)
        journal.write(EntryKind.SEAL_MADE, at.business, at.real, on=made.day.isoformat(), hash=made.digest())
        self.write_case(journal, "seal")

    def _collect(
        self,
        invoice: str,
        paid: int = 0,
        credited: int = 0,
        given_up: int = 0,
        applied: int = 0,
        taken_back: int = 0,
        letter: bytes = b"",
    ) -> None:
        journal = Journal(case_id=ids.invoice_case_id(invoice), account_id="A1", invoice_id=invoice)
        case = InvoiceCase(journal=journal, facts=self.ledger.get_invoice_facts(invoice), snapshot=RULES)
        case.open(moment(-10))
        if letter:
            self.add(build_letter_row("A1", 1, letter, sha256_hex(letter), OWED), build_line_row(1))
            at = moment(1)
            news = {"step": "reminder", "attempt": 1, "fate": LetterResult.SENT, "at": at.business, "on": at.business.date()}
            case.apply_letter_outcome(LetterOutcome(**news, message_id="<1@ours.test>", sha256=sha256_hex(letter)), moment(2))
        day = moment(5)
        on = day.business.date()
        if applied:
            self.ledger.record_payment(f"P-{invoice}", "A1", "EUR", 3_000, on, f"transfer {invoice}", "I2", at=day.business)
            self._apply(f"P-{invoice}", invoice, taken_back, "U-0")
            self.ledger.take_back_application("B-0", "U-0", "meant for another", recorded_by="tom", at=day.business)
            self._apply(f"P-{invoice}", invoice, applied, "U-1")
        if paid:
            self.ledger.record_payment(f"P-{invoice}", "A1", "EUR", paid, on, f"transfer {invoice}", invoice, at=day.business)
        if credited:
            self.ledger.issue_credit_note(f"CN-{invoice}", invoice, credited, on, "goods returned", at=day.business)
        if given_up:
            self.ledger.write_off(f"W-{invoice}", invoice, given_up, "EUR", on, at=day.business)
        waiting = self.ledger.list_pending_events(10)
        for _, _, event in waiting:
            apply_billing_event(case, event, moment(6))
        self.ledger.acknowledge_events([number for number, _, _ in waiting], day.real)
        if case.is_settled:
            case.close(moment(6))
        else:
            case.place_hold(Hold(hold_id="pause:1", kind=HoldKind.PAUSE, since=moment(7).business), moment(7), "mia")
        shown: dict[str, Any] = {"holds": [hold.model_dump(mode="json") for hold in case.holds.standing.values()]}
        outcome = case.facts.status.value if case.is_settled else None
        self.write_case(case.journal, "invoice", outcome, policy=RULES.name, policy_version=RULES.version, **shown)

    def _apply(self, credit: str, invoice: str, amount: int, key: str) -> None:
        share = CreditShare(credit_id=credit, invoice_id=invoice, amount=amount)
        self.ledger.apply_credit("A1", "EUR", [share], key=key, recorded_by="mia", at=moment(5).business)

    def _approve(self) -> None:
        journal = Journal(case_id="approval:suspension:A1:1", account_id="A1")
        at = moment(8)
        journal.write(EntryKind.APPROVAL_REQUESTED, at.business, at.real, "mia", matrix_version=1, matrix_sha256=sha256_hex(MATRIX))
        signed: dict[str, Any] = {"tier": 1, "role": "finance_director", "on_behalf_of": "dora", "delegation": "D1"}
        journal.write(EntryKind.APPROVAL_SIGNED, at.business, at.real, "anna", **signed)
        journal.write(EntryKind.APPROVAL_GRANTED, at.business, at.real, by="anna")
        self.write_case(journal, "approval", outcome="approved")
        day = at.business.date()
        names: dict[str, Any] = {"from_user": "dora", "to_user": "anna", "role": "finance_director", "made_by": "dora"}
        self.add(DelegationRow(delegation_id="D1", first_day=day - timedelta(days=2), last_day=day + timedelta(days=2), **names))

    def _ask_for_credits(self) -> None:
        """What was asked for of I1 was rejected, and is asked for again; what was asked for of I2 was rejected; of I3 it was refused."""
        at = moment(11)
        asked: dict[str, Any] = {"reduction": "credit_note", "amount": 2_500, "currency": "EUR"}
        for invoice, kinds, outcome in (
            ("I1", (EntryKind.CREDIT_ASKED, EntryKind.CREDIT_ENDED, EntryKind.CREDIT_ASKED), None),
            ("I2", (EntryKind.CREDIT_ASKED, EntryKind.CREDIT_ENDED), "rejected"),
            ("I3", (EntryKind.ACT_REFUSED,), "not_asked"),
        ):
            journal = Journal(case_id=ids.credit_request_case_id(invoice), account_id="A1", invoice_id=invoice)
            for kind in kinds:
                ending = {"ending": "rejected", "decided_by": "anna"} if kind is EntryKind.CREDIT_ENDED else {}
                journal.write(kind, at.business, at.real, "bea", **asked, **ending)
            self.write_case(journal, "credit_request", outcome=outcome)

    def _suspend(self) -> None:
        journal, at = Journal(case_id="suspension:A3", account_id="A3"), moment(12)
        journal.write(EntryKind.CASE_OPENED, at.business, at.real, policy=RULES.name, policy_version=RULES.version, prepaid=False)
        journal.write(EntryKind.SUSPENSION_SUSPENDED, at.business, at.real, hand_over_on=at.business.date().isoformat())
        self.write_case(journal, "suspension")
        self.add(ServiceChange(key="suspension:A3:1", account_id="A3", what="suspended", at=at.business))
        with self.database.writing() as session:
            session.get_one(Account, "A3").suspended_on = at.business.date()

    def _keep_records(self) -> None:
        """Whose account it is, which letters are stopped, and who is held for release."""
        at = moment(13)
        times: dict[str, Any] = {"made_at": at.business, "recorded_at": at.real}
        why: dict[str, Any] = {"reason": "a strike", "made_by": "mia"}
        self.add(
            Setting(name="policies_in_force", value={"names": [RULES.name]}),
            PortfolioChange(act_id="act:7", account_id="A1", to_collector="mia", cause="hand", made_by="tom", **times),
            LetterBrakeRecord(act_id="S1", event="stopped", scope="all", **why, **times),
            LetterBrakeRecord(act_id="S2", event="stopped", scope="account", target="A1", **why, **times),
            LetterBrakeRecord(act_id="E1", event="resumed", scope="all", reason="over", made_by="mia", **times),
            LetterBrakeRecord(act_id="H1", event="held", scope="account", target="A2", made_by="mia", **times),
            LetterStopRow(stop_id="S1", scope="all", made_at=at.business, ended_by="mia", ended_at=at.business, **why),
            LetterStopRow(stop_id="S2", scope="account", target="A1", made_at=at.business, **why),
            HeldAccount(account_id="A2", since=at.business),
        )
        with self.database.writing() as session:
            session.get_one(Account, "A1").collector = "mia"

    def _keep_papers(self) -> None:
        store, at = DocumentStore(self.database), moment(9)
        made, pages, photo = (store.add(name, "x/y", content, "mia", at.business) for name, content in PAPERS)
        disputed = Journal(case_id="dispute:I1:1", account_id="A1", invoice_id="I1")
        disputed.write(EntryKind.DISPUTE_EVIDENCE_ATTACHED, at.business, at.real, "mia", evidence=photo)
        self.write_case(disputed, "dispute", summary={"evidence": photo})
        given_up = Journal(case_id="write_off:A1", account_id="A1")
        given_up.write(EntryKind.DOSSIER_MADE, at.business, at.real, purpose="write_off", pdf_sha256=pages, json_sha256=made)
        self.write_case(given_up, "write_off")
        self.add(
            DossierRow(
                key="write_off:A1:1",
                account_id="A1",
                purpose="write_off",
                as_of=DUE,
                made_at=at.business,
                json_sha256=made,
                pdf_sha256=pages,
                pages=1,
                asked_by="write_off:A1",
            )
        )

    def _erase(self) -> None:
        """The letter of A2, and a file that its dispute rested on."""
        gone, at = sha256_hex(b"a complaint"), moment(20)
        told = Journal(case_id="dispute:I9:1", account_id="A2", invoice_id="I9")
        told.write(EntryKind.DISPUTE_EVIDENCE_ATTACHED, at.business, at.real, "mia", evidence=gone)
        told.write(EntryKind.LETTER_SENT, at.business, at.real, message_id="<2@ours.test>", sha256=sha256_hex(ERASED))
        told.write(EntryKind.DISPUTE_RESOLVED, at.business, at.real, "mia", resolution="rejected", amount=None, days=3)
        self.write_case(told, "dispute", outcome="rejected", summary={"evidence": gone})
        erasure = Journal(case_id="erasure:A2", account_id="A2")
        erasure.write(EntryKind.ACCOUNT_ERASED, at.business, at.real, "adam", act="act:1", report="act:1")
        self.write_case(erasure, "erasure", outcome="erased")
        report = {"letters": {"<2@ours.test>": sha256_hex(ERASED)}, "documents": [gone]}
        self.add(
            self.letter("A2", 2, b"", sha256_hex(ERASED)),
            ErasureRow(key="act:1", account_id="A2", asked_by="adam", at=at.business, recorded_at=at.real, report=report),
        )

    def _archive(self) -> None:
        began = datetime(2013, 2, 1, tzinfo=UTC)
        for number, before in ((1, None), (2, "run-1")):
            content, at = f"history {number}".encode(), began + timedelta(days=number)
            self.add(
                ArchivedRun(
                    workflow_id="invoice:I2",
                    run_id=f"run-{number}",
                    workflow_type="InvoiceCollection",
                    account_id="A1",
                    first_run_id="run-1",
                    continued_from=before,
                    ended_as="completed",
                    events=1,
                    started_at=at,
                    closed_at=at,
                    sha256=sha256_hex(content),
                    size=len(content),
                    content=content,
                    archived_at=at,
                )
            )


PAPERS = (("dossier.json", DOSSIER), ("dossier.pdf", PAGES), ("pallet.jpg", PHOTO))
