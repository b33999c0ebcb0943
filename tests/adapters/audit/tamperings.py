"""All the kinds of tampering that are tried, by table."""

from datetime import UTC, datetime, timedelta

from sqlmodel import col

from adapters.database.tables import (
    Account,
    Allocation,
    Case,
    Contact,
    CreditApplicationRow,
    CreditNote,
    DelegationRow,
    Document,
    DossierRow,
    HeldAccount,
    Invoice,
    LedgerEvent,
    LetterStopRow,
    Message,
    MessageLine,
    Note,
    Payment,
    PolicyVersion,
    ServiceChange,
    Setting,
    Task,
    User,
    ViewRow,
    WriteOffBooking,
)
from domain.journal.entry_kinds import EntryKind
from tests.adapters.audit.audited_database import DOSSIER, LETTER, PAGES, PHOTO, RULES, sha256_hex
from tests.adapters.audit.audited_letters import build_letter_row, write_letter
from tests.adapters.audit.tampering import (
    Tampering,
    Where,
    add,
    all_of,
    change,
    named,
    remove,
)
from tests.domain.builders import moment

FORGED = b"Subject: Reminder\r\n\r\nPay nothing."
AGO, AHEAD = datetime.now(UTC) - timedelta(hours=2), datetime.now(UTC) + timedelta(days=1)

LETTER_1: Where = col(Message.message_id) == "<1@ours.test>"
LINE_1: Where = col(MessageLine.id) == 1
STANDARD, APPROVALS = col(PolicyVersion.name) == RULES.name, col(PolicyVersion.name) == "approvals"
DOSSIER_1: Where = col(DossierRow.key) == "write_off:A1:1"
CASE_1, CASE_2, APPROVAL = (
    col(Case.case_id) == "invoice:I1",
    col(Case.case_id) == "invoice:I2",
    col(Case.case_id) == "approval:suspension:A1:1",
)
ASKED_1, ASKED_2 = col(Case.case_id) == "credit_request:I1", col(Case.case_id) == "credit_request:I2"
INVOICE_1, INVOICE_2 = col(Invoice.id) == "I1", col(Invoice.id) == "I2"
GIVEN_1, GIVEN_2 = col(Allocation.payment_id) == "P-I1", col(Allocation.payment_id) == "P-I2"
PAYMENT_1, PAYMENT_2 = col(Payment.id) == "P-I1", col(Payment.id) == "P-I2"
NOTE_3, WRITE_OFF_3 = col(CreditNote.id) == "CN-I3", col(WriteOffBooking.key) == "W-I3"
APPLICATION, UNDOING = col(CreditApplicationRow.key) == "U-1", col(CreditApplicationRow.key) == "B-0"
EVENT_1: Where = col(LedgerEvent.event_id) == "payment.received:I1:2"
DELEGATION: Where = col(DelegationRow.delegation_id) == "D1"
ACCOUNT_1, ACCOUNT_3 = col(Account.id) == "A1", col(Account.id) == "A3"
STOP_1, STOP_2 = col(LetterStopRow.stop_id) == "S1", col(LetterStopRow.stop_id) == "S2"
IN_FORCE: Where = col(Setting.name) == "policies_in_force"


def stored(content: bytes) -> Where:
    return col(Document.sha256) == sha256_hex(content)


SENT, OPENED = ("invoice:I1", EntryKind.LETTER_SENT), ("invoice:I1", EntryKind.CASE_OPENED)
PAID, CLOSED, CLOSED_3 = (
    ("invoice:I1", EntryKind.PAYMENT_RECEIVED),
    ("invoice:I2", EntryKind.CASE_CLOSED),
    ("invoice:I3", EntryKind.CASE_CLOSED),
)
OPENED_2, LAST_3 = ("invoice:I2", EntryKind.CASE_OPENED), ("invoice:I3", EntryKind.WRITE_OFF_BOOKED)
APPLIED, TAKEN_BACK = ("invoice:I4", EntryKind.CREDIT_APPLIED), ("invoice:I4", EntryKind.CREDIT_TAKEN_BACK)
ASKED_AGAIN, REFUSED_2 = ("credit_request:I1", EntryKind.CREDIT_ASKED), ("credit_request:I2", EntryKind.CREDIT_ENDED)
HELD = ("invoice:I1", EntryKind.HOLD_PLACED)
MADE, ATTACHED = ("write_off:A1", EntryKind.DOSSIER_MADE), ("dispute:I1:1", EntryKind.DISPUTE_EVIDENCE_ATTACHED)
REQUESTED, SIGNED, GRANTED = (
    ("approval:suspension:A1:1", EntryKind.APPROVAL_REQUESTED),
    ("approval:suspension:A1:1", EntryKind.APPROVAL_SIGNED),
    ("approval:suspension:A1:1", EntryKind.APPROVAL_GRANTED),
)
L1 = "<1@ours.test>"

LETTERS = [
    named("messages", "the text", change(LETTER_1, content=FORGED), L1, SENT),
    named("messages", "the text and its SHA-256", change(LETTER_1, content=FORGED, sha256=sha256_hex(FORGED)), L1, SENT),
    named("messages", "the SHA-256", change(LETTER_1, sha256=sha256_hex(FORGED)), L1, SENT),
    named("messages", "the text emptied", change(LETTER_1, content=b""), L1, SENT),
    named("messages", "the text and its SHA-256 emptied", change(LETTER_1, content=b"", sha256=""), L1, SENT),
    Tampering(
        "messages",
        "its Message-ID",
        change(LETTER_1, message_id="<3@ours.test>"),
        (("messages", L1, SENT), ("messages", "<3@ours.test>", None)),
    ),
    named("messages", "a letter that was sent deleted", remove(LINE_1, LETTER_1), L1, SENT),
    named("messages", "the recipient", change(LETTER_1, recipient="eve@a1.test"), L1, SENT),
    named("messages", "the subject", change(LETTER_1, subject="Mahnung"), L1, SENT),
    named("messages", "the letter that it answers", change(LETTER_1, in_reply_to="<9@ours.test>"), L1, SENT),
    named("messages", "when it was sent", change(LETTER_1, sent_at=moment(3).business), L1, SENT),
    named("messages", "sent made refused", change(LETTER_1, state="refused", sent_at=None), L1, SENT),
    named("messages", "sent made intended, to go again", change(LETTER_1, state="intended"), L1, SENT),
    named("messages", "the account", change(LETTER_1, account_id="A3"), L1, SENT),
    named("messages", "the amount that it asks for", change(LETTER_1, asked_for=9_000), L1, SENT),
    named("messages", "the credit that it takes off", change(LETTER_1, credit=500), L1, SENT),
    named("message_lines", "the amount of a line", change(LINE_1, open_balance=4_000), L1, SENT, "messages"),
    named("message_lines", "the invoice of a line", change(LINE_1, invoice_id="I2"), L1, SENT, "messages"),
    named("message_lines", "a line deleted", remove(LINE_1), L1, SENT, "messages"),
    named(
        "messages",
        "one that no case has heard of yet: when it was sent, to before it was written",
        all_of(
            add(lambda: build_letter_row("A1", 4, write_letter(4, moment(2).business), sha256_hex(write_letter(4, moment(2).business))))
        ),
        "<4@ours.test>",
    ),
    Tampering(
        "messages",
        "a letter put in that says of itself that it went",
        add(lambda: build_letter_row("A1", 4, write_letter(4), sha256_hex(write_letter(4)))),
    ),
    Tampering("messages", "the mail server’s answer", change(LETTER_1, reply="550 no such user")),
]

INVOICES = [
    named("invoices", "what is open", change(INVOICE_1, open_balance=1), "I1", PAID),
    named("invoices", "the total", change(INVOICE_1, total=4_001), "I1", PAID),
    named("invoices", "the total and what is open of it", change(INVOICE_1, total=4_001, open_balance=1), "I1", PAID),
    named("invoices", "a paid one opened", change(INVOICE_2, open_balance=1, status="open"), "I2", CLOSED),
    named("invoices", "an open one made paid", change(INVOICE_1, status="paid", settled_on=moment(6).business.date()), "I1", PAID),
    named("invoices", "an invoice deleted", remove(GIVEN_2, PAYMENT_2, INVOICE_2), "I2", CLOSED),
    named("invoices", "the account", change(INVOICE_1, account_id="A3"), "I1", PAID),
    named("invoices", "the currency", change(INVOICE_1, currency="USD"), "I1", PAID),
    named("invoices", "the due date", change(INVOICE_1, due_date=moment(90).business.date()), "I1", PAID),
    named("invoices", "that it is disputed", change(INVOICE_1, disputed=True), "I1", PAID),
    named("invoices", "its version", change(INVOICE_1, version=9), "I1", PAID),
    named("invoices", "that it is settled on no day", change(INVOICE_2, settled_on=None), "I2", CLOSED),
    Tampering("invoices", "the day on which it was settled", change(INVOICE_2, settled_on=moment(9).business.date())),
    Tampering("invoices", "the number that letters print", change(INVOICE_2, number="I-2")),
    Tampering("invoices", "the date of issue", change(INVOICE_1, issue_date=moment(-40).business.date())),
]

MONEY = [
    named("allocations", "what was given", change(GIVEN_1, amount=3_000), "P-I1", PAID, "payments"),
    named(
        "allocations",
        "what was given, and the payment and the total alike",
        all_of(change(GIVEN_1, amount=5_000), change(PAYMENT_1, amount=5_000), change(INVOICE_1, total=11_000)),
        "I1",
        PAID,
        "invoices",
    ),
    named(
        "allocations",
        "a payment’s share made a credit note’s",
        change(GIVEN_1, payment_id=None, credit_note_id="CN-I3"),
        "CN-I3",
        PAID,
        "credit_notes",
    ),
    named("payments", "a payment deleted", remove(GIVEN_1, PAYMENT_1), "I1", PAID, "invoices"),
    named("payments", "the amount made less", change(PAYMENT_1, amount=3_999), "P-I1", PAID),
    named("payments", "the account", change(PAYMENT_1, account_id="A3"), "P-I1", PAID),
    named("payments", "the currency", change(PAYMENT_1, currency="USD"), "P-I1", PAID),
    named("payments", "the reference", change(PAYMENT_1, reference="cash"), "P-I1", PAID),
    named("payments", "that it bounced", change(PAYMENT_1, reversed_on=moment(9).business.date()), "P-I1", PAID),
    Tampering("payments", "the amount made more than was given of it", change(PAYMENT_1, amount=9_999)),
    named("payments", "the day on which it came", change(PAYMENT_1, received_on=moment(1).business.date()), "P-I1", PAID),
    Tampering(
        "payments",
        "a payment put in that no invoice took of",
        add(lambda: Payment(id="P-9", account_id="A1", currency="EUR", amount=5_000, received_on=moment(5).business.date())),
    ),
    named("credit_notes", "the amount made less", change(NOTE_3, amount=2_499), "CN-I3", CLOSED_3),
    named("credit_notes", "the account", change(NOTE_3, account_id="A3"), "CN-I3", CLOSED_3),
    named("credit_notes", "a credit note deleted", remove(col(Allocation.credit_note_id) == "CN-I3", NOTE_3), "I3", LAST_3, "invoices"),
    Tampering("credit_notes", "the reason", change(NOTE_3, reason="goodwill")),
    named("write_offs", "the amount made less", change(WRITE_OFF_3, amount=7_499), "W-I3", CLOSED_3),
    named("write_offs", "a write-off deleted", remove(col(Allocation.write_off_key) == "W-I3", WRITE_OFF_3), "I3", LAST_3, "invoices"),
    named(
        "write_offs",
        "a write-off made a credit note",
        change(col(Allocation.write_off_key) == "W-I3", write_off_key=None, credit_note_id="CN-I3"),
        "CN-I3",
        LAST_3,
        "credit_notes",
    ),
]

CREDIT = [
    named("credit_applications", "the amount", change(APPLICATION, amount=1_900), "U-1", APPLIED),
    named("credit_applications", "the account", change(APPLICATION, account_id="A3"), "U-1", APPLIED),
    named("credit_applications", "the currency", change(APPLICATION, currency="USD"), "U-1", APPLIED),
    named("credit_applications", "who applied it", change(APPLICATION, recorded_by="eve"), "U-1", APPLIED),
    named("credit_applications", "the day", change(APPLICATION, booked_on=moment(4).business.date()), "U-1", APPLIED),
    named("credit_applications", "an application deleted", remove(APPLICATION), "U-1", APPLIED),
    named(
        "credit_applications",
        "an application put in",
        add(
            lambda: CreditApplicationRow(
                key="U-9", account_id="A1", currency="EUR", amount=100, booked_on=moment(5).business.date(), recorded_by="eve"
            )
        ),
        "U-9",
    ),
    named("credit_applications", "a taking back deleted", remove(UNDOING), "B-0", TAKEN_BACK),
    named("credit_applications", "which application was taken back", change(UNDOING, takes_back="U-1"), "B-0", TAKEN_BACK),
    named("credit_applications", "why it was taken back", change(UNDOING, reason="a mistake"), "B-0", TAKEN_BACK),
    named(
        "allocations",
        "an application’s share made nobody’s",
        change(col(Allocation.application_key) == "U-1", application_key=None),
        "U-1",
        APPLIED,
        "credit_applications",
    ),
    Tampering(
        "allocations",
        "an application’s share and its amount made more",
        all_of(change(col(Allocation.application_key) == "U-1", amount=2_500), change(APPLICATION, amount=2_500)),
        (("credit_applications", "U-1", APPLIED), ("payments", "P-I4", APPLIED)),
    ),
]

EVENTS = [
    named("ledger_events", "its amount", change(EVENT_1, event={}), "payment.received:I1:2", PAID),
    named("ledger_events", "an event deleted", remove(EVENT_1), "payment.received:I1:2", PAID),
    named(
        "ledger_events",
        "delivered made under way, for over an hour",
        change(EVENT_1, delivered_at=None, recorded_at=AGO),
        "payment.received:I1:2",
    ),
    named("ledger_events", "delivered in the future", change(EVENT_1, delivered_at=AHEAD), "payment.received:I1:2"),
    named(
        "ledger_events",
        "one put in as delivered, of which its case never heard",
        add(
            lambda: LedgerEvent(
                event_id="invoice.changed:I1:1", invoice_id="I1", event={"kind": "invoice.changed"}, recorded_at=AGO, delivered_at=AGO
            )
        ),
        "invoice.changed:I1:1",
        PAID,
    ),
]

DOCUMENTS = [
    named("documents", "a dispute’s file", change(stored(PHOTO), content=b"an empty yard"), sha256_hex(PHOTO), ATTACHED),
    named("documents", "a dossier’s file", change(stored(PAGES), content=b"%PDF-1.8"), sha256_hex(PAGES), MADE),
    named("documents", "a dispute’s file deleted", remove(stored(PHOTO)), sha256_hex(PHOTO), ATTACHED),
    named("documents", "a dossier’s file deleted", remove(stored(DOSSIER)), sha256_hex(DOSSIER), MADE),
    Tampering("documents", "a file’s name", change(stored(PHOTO), name="yard.jpg")),
    named("dossiers", "a SHA-256", change(DOSSIER_1, json_sha256=sha256_hex(PHOTO)), "write_off:A1:write_off", MADE),
    named("dossiers", "the account", change(DOSSIER_1, account_id="A2"), "write_off:A1:write_off", MADE),
    named("dossiers", "a dossier deleted", remove(DOSSIER_1), "write_off:A1:write_off", MADE),
]

APPROVING = [
    named("policies", "a policy’s text", change(STANDARD, snapshot="{}"), "standard/1", OPENED),
    named("policies", "a policy’s text and its SHA-256", change(STANDARD, snapshot="{}", sha256=sha256_hex("{}")), "standard/1", OPENED),
    named("policies", "the SHA-256", change(STANDARD, sha256=sha256_hex(LETTER)), "standard/1", OPENED),
    named("policies", "the segments", change(STANDARD, segments=["vip"]), "standard/1", OPENED),
    Tampering(
        "policies",
        "a policy in force deleted",
        remove(STANDARD),
        (("policies", "standard/1", OPENED), ("settings", "policies_in_force", None)),
    ),
    named("policies", "the approval matrix", change(APPROVALS, snapshot="{}"), "approvals/1", REQUESTED),
    named("policies", "the approval matrix deleted", remove(APPROVALS), "approvals/1", REQUESTED),
    named(
        "settings",
        "a policy in force of which there is no version",
        change(IN_FORCE, value={"names": [RULES.name, "soft"]}),
        "policies_in_force",
    ),
    Tampering("settings", "a policy no longer in force", change(IN_FORCE, value={"names": []})),
    Tampering(
        "policies",
        "a version put in that no case has pinned",
        add(
            lambda: PolicyVersion(
                name="soft",
                version=1,
                snapshot='{"policy":"soft","version":1}',
                sha256=sha256_hex('{"policy":"soft","version":1}'),
                created_at=AGO,
            )
        ),
    ),
    named("delegations", "to whom", change(DELEGATION, to_user="eve"), "D1", SIGNED),
    named("delegations", "from whom", change(DELEGATION, from_user="eve"), "D1", SIGNED),
    named("delegations", "the role", change(DELEGATION, role="collector"), "D1", SIGNED),
    named("delegations", "the days", change(DELEGATION, first_day=moment(9).business.date()), "D1", SIGNED),
    named(
        "delegations",
        "revoked before it was signed under",
        change(DELEGATION, revoked_by="eve", revoked_at=moment(7).business),
        "D1",
        SIGNED,
    ),
    named("delegations", "a delegation deleted", remove(DELEGATION), "D1", SIGNED),
    Tampering(
        "delegations",
        "one put in under which nobody has signed",
        add(
            lambda: DelegationRow(
                delegation_id="D9",
                from_user="dora",
                to_user="eve",
                role="finance_director",
                made_by="eve",
                first_day=moment(7).business.date(),
                last_day=moment(9).business.date(),
            )
        ),
    ),
    Tampering("users", "a person’s roles", add(lambda: User(name="eve", roles=["finance_director"]))),
]

CASES = [
    named("cases", "the account", change(CASE_1, account_id="A2"), "invoice:I1", OPENED),
    named("cases", "the invoice", change(CASE_1, invoice_id="I2"), "invoice:I1", OPENED),
    named("cases", "the kind", change(CASE_1, kind="dispute"), "invoice:I1", OPENED),
    named("cases", "the number of entries", change(CASE_1, seq=9), "invoice:I1"),
    named("cases", "a case’s row deleted", remove(CASE_1), "invoice:I1"),
    named("cases", "the outcome", change(CASE_2, outcome="written_off"), "invoice:I2", CLOSED),
    named("cases", "an open one made over", change(CASE_1, outcome="paid"), "invoice:I1", PAID),
    named("cases", "an approval’s outcome", change(APPROVAL, outcome="rejected"), "approval:suspension:A1:1", GRANTED),
    named("cases", "a credit request’s outcome", change(ASKED_2, outcome="booked"), "credit_request:I2", REFUSED_2),
    named("cases", "a credit request that waits made over", change(ASKED_1, outcome="booked"), "credit_request:I1", ASKED_AGAIN),
    named("cases", "the policy that it follows", change(CASE_1, policy_version=7), "invoice:I1", OPENED),
    named("cases", "a hold removed", change(CASE_1, holds=[]), "invoice:I1", HELD),
    named("cases", "a hold put in", change(CASE_2, holds=[{"hold_id": "pause:9"}]), "invoice:I2", OPENED_2),
    Tampering("cases", "the stage, the next step, or how much is disputed", change(CASE_1, stage="reminder", disputed=500)),
]

RECORDS = [
    named("accounts", "a suspended one made served", change(ACCOUNT_3, suspended_on=None), "A3"),
    named("accounts", "a served one made suspended", change(ACCOUNT_1, suspended_on=moment(3).business.date()), "A1"),
    named("accounts", "the collector", change(ACCOUNT_1, collector="eve"), "A1"),
    Tampering("accounts", "name, language, time zone or segment", change(ACCOUNT_1, name="A-One", segment="vip")),
    named("service_changes", "a change deleted", remove(col(ServiceChange.account_id) == "A3"), "A3", in_table="accounts"),
    Tampering("contacts", "whom the next letter goes to", add(lambda: Contact(account_id="A1", email="eve@a1.test"))),
    named("letter_stops", "a stop deleted", remove(STOP_2), "S2"),
    named("letter_stops", "a stop’s account", change(STOP_2, target="A3"), "S2"),
    named("letter_stops", "a stop ended", change(STOP_2, ended_by="eve", ended_at=moment(14).business), "S2"),
    named(
        "letter_stops",
        "a stop put in",
        add(lambda: LetterStopRow(stop_id="S9", scope="all", reason="x", made_by="eve", made_at=moment(14).business)),
        "S9",
    ),
    named("held_accounts", "an account let go", remove(col(HeldAccount.account_id) == "A2"), "A2"),
    named("held_accounts", "an account put in", add(lambda: HeldAccount(account_id="A1", since=moment(14).business)), "A1"),
    Tampering(
        "notes", "what a person wrote", add(lambda: Note(id="n1", account_id="A1", author="mia", text="x", written_at=moment(9).business))
    ),
    Tampering(
        "tasks", "what a person is to do", add(lambda: Task(key="k", kind="call", account_id="A1", due_on=moment(9).business.date()))
    ),
    Tampering(
        "views",
        "who looked",
        add(
            lambda: ViewRow(
                user="eve",
                role="auditor",
                account_id="A1",
                route="/",
                hour=AGO,
                count=1,
                first_at=AGO,
                last_at=AGO,
                first_business_at=AGO,
                last_business_at=AGO,
            )
        ),
    ),
]

TAMPERINGS = [*LETTERS, *INVOICES, *MONEY, *CREDIT, *EVENTS, *DOCUMENTS, *APPROVING, *CASES, *RECORDS]
