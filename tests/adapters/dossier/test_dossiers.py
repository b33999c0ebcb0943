"""The dossier: everything that is known of an account at a moment, as JSON and as a PDF, made once."""

import json
import time
from datetime import timedelta
from hashlib import sha256

import pytest
from temporalio.testing import ActivityEnvironment

from activities.dossiers import DossierActivities
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry, Note
from adapters.document_store import DocumentStore
from adapters.dossier.dossier_store import AccountNotFoundError, DossierStore, RequestedDossier
from adapters.dossier.pdf_renderer import render_dossier_pdf
from adapters.dossier.printed_models import DossierFormatter, PrintedDossier, soften_long_words
from adapters.dossier.printed_sections import build_printed_dossier
from adapters.dossier.wording import DOSSIER_WORDING, load_dossier_wording
from domain.approval.commands import DecisionReason
from domain.case.effects import MakeDossier
from domain.dossier import Dossier, DossierPurpose, GeneratedDossier
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_type import ApprovalType
from domain.policy.dispute_rules import DisputeResolution
from tests.adapters.journal.journalled_accounts import (
    JournalledAccount,
    day_on,
    journal_approval,
    journal_dispute,
    journal_plan,
    journal_promises,
    journal_suspension,
    journal_verdict,
    journal_write_off,
    load_example_company,
    noon_on,
)

LEGAL, CLAIM = DossierPurpose.LEGAL, DossierPurpose.PROOF_OF_CLAIM
every_purpose = pytest.mark.parametrize("purpose", DossierPurpose)


@pytest.fixture
def account(database: Database) -> JournalledAccount:
    return JournalledAccount(database)


@pytest.fixture
def store(database: Database) -> DossierStore:
    return DossierStore(database, load_example_company())


def dossier(account: JournalledAccount, day: float = 60, purpose: DossierPurpose = LEGAL) -> Dossier:
    return DossierStore(account.database, load_example_company()).compile("A1", purpose, noon_on(day))


def full(account: JournalledAccount) -> JournalledAccount:
    """Everything that can happen to an account has happened to this one."""
    account.invoice("I1", 100_000)
    account.letter(["I1"], 1)
    journal_promises(account)
    journal_dispute(account)
    journal_plan(account)
    journal_verdict(account)
    journal_suspension(account)
    journal_write_off(account)
    return account


def texts(sheet: PrintedDossier, heading: str) -> list[list[str]]:
    return [row for section in sheet.sections if section.heading == heading for table in section.tables for row in table.rows]


# --- money


def test_balances_are_per_currency_and_never_added(account: JournalledAccount) -> None:
    account.invoice("I1", 10_000)
    account.invoice("I2", 5_000, due=80)
    account.invoice("G1", 700, "GBP", disputed=True)
    euro, pound = dossier(account).balances
    assert (euro.currency, euro.open_invoices, euro.open, euro.overdue, euro.disputed) == ("EUR", 2, 15_000, 10_000, 0)
    assert (pound.currency, pound.open, pound.disputed, pound.days_31_to_60) == ("GBP", 700, 700, 700)
    assert (euro.current, euro.days_31_to_60) == (5_000, 10_000)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "current"),
        (1, "days_1_to_30"),
        (30, "days_1_to_30"),
        (31, "days_31_to_60"),
        (60, "days_31_to_60"),
        (61, "days_61_to_90"),
        (90, "days_61_to_90"),
        (91, "days_over_90"),
    ],
)
def test_an_open_balance_stands_in_the_bucket_of_its_days_past_due(account: JournalledAccount, days: int, bucket: str) -> None:
    account.invoice("I1", 10_000)
    (balance,) = dossier(account, days).balances
    assert getattr(balance, bucket) == 10_000


def test_the_claim_of_a_past_day_knows_nothing_of_later_payments(account: JournalledAccount) -> None:
    account.invoice("I1", 10_000)
    account.invoice("later", 10_000, due=80)
    account.record_payment("I1", 4_000, 10)
    account.record_payment("I1", 6_000, 20)
    assert [line.open for line in dossier(account, 9, CLAIM).invoices] == [10_000]
    assert [line.open for line in dossier(account, 10, CLAIM).invoices] == [6_000]
    assert dossier(account, 20, CLAIM).invoices == []
    assert [(one.currency, one.invoices, one.original) for one in dossier(account, 20).settled] == [("EUR", 1, 10_000)]


def test_of_an_invoice_no_more_is_disputed_than_is_open(account: JournalledAccount) -> None:
    account.invoice("I1", 100_000)
    journal_dispute(account, None, amount=4_000)
    assert [line.disputed for line in dossier(account).invoices] == [4_000]
    account.record_payment("I1", 99_000, 30)
    assert [line.disputed for line in dossier(account).invoices] == [1_000]
    assert [line.disputed for line in dossier(account, 7).invoices] == [0], "it had not been raised"


def test_credit_that_no_invoice_took_is_shown(account: JournalledAccount) -> None:
    account.invoice("I1", 10_000)
    account.record_payment("I1", 10_000, 3)
    account.record_unapplied_payment(2_500, 5)
    assert [balance.unapplied for balance in dossier(account).balances] == [2_500]
    assert dossier(account, 4).balances == []


# --- the story


def test_every_letter_is_told_with_what_became_of_it(account: JournalledAccount) -> None:
    account.invoice("I1")
    account.letter(["I1"], 1)
    account.letter(["I1"], 30, "final_demand", "refused", "550 5.1.1 User unknown")
    account.letter(["I1"], 31, "final_demand", "void")
    told = [(one.on, one.template, one.state, one.reply, one.invoices) for one in dossier(account).letters]
    assert told == [
        (day_on(1), "reminder", "sent", "250 2.0.0 OK", ["I1"]),
        (day_on(30), "final_demand", "refused", "550 5.1.1 User unknown", ["I1"]),
    ]


def test_promises_are_told_with_whether_they_were_kept(account: JournalledAccount) -> None:
    journal_promises(account, "kbo")
    told = [(one.made_on, one.due, one.amount, one.outcome, one.received) for one in dossier(account).promises]
    assert told == [
        (day_on(5), day_on(8), 5_000, "kept", 5_000),
        (day_on(15), day_on(18), 5_000, "broken", 0),
        (day_on(25), day_on(28), 5_000, "open", None),
    ]
    assert [one.outcome for one in dossier(account, 16).promises] == ["kept", "open"]
    assert [(one.on, one.by, one.outcome) for one in dossier(account, 6).calls] == [(day_on(5), "maria", "reached")]


def test_a_dispute_is_told_with_its_reason_its_evidence_and_its_end(account: JournalledAccount) -> None:
    account.invoice("I1", 100_000)
    journal_dispute(account, DisputeResolution.REJECTED)
    (told,) = dossier(account).disputes
    assert (told.reason, told.amount, told.evidence, told.department) == ("wrong_price", 4_000, 1, "sales_ops")
    assert (told.resolution, told.resolved_on, told.raised_by) == ("rejected", day_on(11), "maria")
    assert dossier(account, 10).disputes[0].resolution is None


@pytest.mark.parametrize(("kept", "state", "paid", "missed"), [(True, "completed", 3, 0), (False, "broken", 0, 1)])
def test_a_plan_is_told_with_its_terms_and_whether_they_were_kept(
    account: JournalledAccount, kept: bool, state: str, paid: int, missed: int
) -> None:
    account.invoice("I1", 9_000)
    journal_plan(account, kept)
    (told,) = dossier(account, 90).plans
    assert (told.state, told.paid_instalments, told.missed_instalments, told.debt) == (state, paid, missed, 9_000)
    assert (told.terms.instalments, told.terms.first_on, told.terms.last_on) == (3, day_on(25), day_on(39))
    assert (told.currency, told.proposed_by, told.accepted_on) == ("EUR", "maria", day_on(22))


def test_a_credit_verdict_is_told_with_its_course_and_limit(account: JournalledAccount) -> None:
    journal_verdict(account)
    (told,) = dossier(account).verdicts
    assert (told.ability, told.willingness, told.course, told.limit, told.currency) == ("unable", "unwilling", "hand_over", 50_000, "EUR")
    assert [one.reason for one in dossier(account).referrals] == ["broken_promises"]


def test_a_suspension_is_told_with_its_warning_its_notice_and_all_who_signed(account: JournalledAccount) -> None:
    account.invoice("I1", 100_000)
    journal_suspension(account)
    (told,) = dossier(account).suspensions
    assert (told.asked_on, told.warning_approved_by, told.warning_approved_on) == (day_on(0), ["mona"], day_on(1))
    assert [(one.delivered_on, one.notice_ends) for one in told.warnings] == [(day_on(2), day_on(16))]
    assert (told.approved_on, told.approved_by, told.suspended_on, told.handed_over_on) == (
        day_on(17),
        ["mona", "dora"],
        day_on(17),
        day_on(47),
    )
    assert dossier(account, 10).suspensions[0].suspended_on is None


def test_approvals_are_told_with_each_signature(account: JournalledAccount) -> None:
    journal_approval(account, "suspension:A1:1", ApprovalType.SUSPENSION, ("mona", "dora"))
    (told,) = dossier(account).approvals
    assert [(given.by, given.role, given.tier) for given in told.signatures] == [
        ("mona", "collections_manager", 1),
        ("dora", "finance_director", 2),
    ]
    assert (told.matter, told.requester, told.result, told.subject) == ("suspension", "maria", "approved", "suspension:A1")


def test_write_offs_are_told_with_the_decision_and_the_sums(account: JournalledAccount) -> None:
    account.invoice("I1", 100_000)
    journal_write_off(account)
    told = dossier(account)
    assert [(one.decision, one.by, one.result, one.answered_by) for one in told.write_off.decisions] == [
        ("part", "will", "approved", "dora")
    ]
    assert [(one.on, one.amount, one.currency) for one in told.write_off.booked] == [(day_on(53), 30_000, "EUR")]
    assert told.balances[0].written_off == 30_000


def test_what_a_worker_wrote_and_wrote_anew_is_told_once(account: JournalledAccount) -> None:
    journal_promises(account, "k")
    (call,) = account.entries(EntryKind.CALL_LOGGED)
    account.add(JournalEntry(**call | {"hash": "f" * 64}))
    assert len(dossier(account).calls) == 1


@every_purpose
def test_notes_are_for_the_write_off_team_alone_and_stand_in_order_of_time(account: JournalledAccount, purpose: DossierPurpose) -> None:
    full(account)
    account.add(
        Note(id="N2", account_id="A1", author="maria", text="Frau Lang has pneumonia", written_at=noon_on(3)),
        Note(id="N1", account_id="A1", invoice_id="I1", author="ben", text="Rang twice", written_at=noon_on(2)),
        Note(id="N3", account_id="A1", author="ben", text="Later", written_at=noon_on(61)),
        Note(id="N4", account_id="A1", author="ben", text="", written_at=noon_on(4)),
    )
    made = dossier(account, purpose=purpose)
    printed = texts(build_printed_dossier(made, "en"), "Notes of colleagues")
    if purpose is DossierPurpose.WRITE_OFF:
        assert [(note.by, note.invoice, note.text) for note in made.notes] == [
            ("ben", "I1", "Rang twice"),
            ("maria", "", "Frau Lang has pneumonia"),
        ]
        assert [row[-1] for row in printed] == ["Rang twice", "Frau Lang has pneumonia"]
    else:
        assert b"pneumonia" not in made.to_json_bytes()
        assert printed == []


# --- its documents


@every_purpose
def test_every_purpose_has_its_title_and_its_opening(account: JournalledAccount, purpose: DossierPurpose) -> None:
    sheet = build_printed_dossier(dossier(account, purpose=purpose), "en")
    words = load_dossier_wording("en")
    assert sheet.title == words.titles[purpose]
    assert "Brauerei Nord GmbH (A1)" in sheet.opening[0]
    assert "30\u00a0April\u00a02013" in sheet.opening[0]
    assert bool(sheet.signature) == (purpose is CLAIM)


def test_a_proof_of_claim_states_the_sum_and_keeps_our_judgements_to_ourselves(account: JournalledAccount) -> None:
    full(account)
    sheet = build_printed_dossier(dossier(account, purpose=CLAIM), "en")
    assert "€1,000.00" in sheet.opening[0]
    headings = {section.heading for section in sheet.sections}
    assert headings == {"Balances", "Invoices", "People at the customer", "Disputes"}


def test_why_an_approval_was_rejected_is_printed_in_the_words_of_the_house(account: JournalledAccount) -> None:
    journal_approval(account, "suspension:A1:1", ApprovalType.SUSPENSION, ())
    told = dossier(account)
    (asked,) = told.approvals
    printed = []
    for reason in DecisionReason:
        rejected = told.model_copy(update={"approvals": [asked.model_copy(update={"result": "rejected", "reason": reason.value})]})
        ((*_, result, _),) = texts(build_printed_dossier(rejected, "en"), "Approvals")
        printed.append(result)
    said = load_dossier_wording("en").shared.decision_reasons
    assert printed == [f"rejected ({said[reason.value]})" for reason in DecisionReason]


def test_invoices_have_a_total_for_each_currency(account: JournalledAccount) -> None:
    account.invoice("I1", 10_000)
    account.invoice("I2", 5_050)
    account.invoice("J1", 8_800, "JPY")
    tables = next(section.tables for section in build_printed_dossier(dossier(account), "en").sections if section.heading == "Invoices")
    assert [table.totals[5] for table in tables] == ["150.50", "8,800"]


def test_a_section_without_anything_says_so(account: JournalledAccount) -> None:
    sheet = build_printed_dossier(dossier(account), "en")
    assert all(not section.tables for section in sheet.sections if section.heading not in ("People at the customer",))
    assert sheet.none


def test_everything_that_happened_is_printed(account: JournalledAccount) -> None:
    sheet = build_printed_dossier(dossier(full(account)), "en")
    empty = [section.heading for section in sheet.sections if not section.tables]
    assert empty == ["Escalations"]
    assert ["17\u00a0Apr\u00a02013", "Handed over", ""] in texts(sheet, "Suspension")


def test_the_same_account_gives_the_same_bytes(account: JournalledAccount) -> None:
    full(account)
    first, again = dossier(account), dossier(account)
    assert first.to_json_bytes() == again.to_json_bytes()
    assert render_dossier_pdf(first, "en") == render_dossier_pdf(again, "en")


def test_what_a_customer_is_called_is_never_read_as_the_templates_language(database: Database) -> None:
    account = JournalledAccount(database, name='#panic("x") $a$ *b* \\ "quoted" <c> [d] @e 株式会社')
    pdf = render_dossier_pdf(dossier(account), "en")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.pages >= 1


def test_an_account_with_400_invoices_is_done_in_seconds(account: JournalledAccount) -> None:
    for number in range(400):
        account.invoice(f"{number:05d}", 10_000 + number)
    account.letter([f"{number:05d}" for number in range(400)], 7)
    began = time.process_time()
    told = dossier(account)
    pdf = render_dossier_pdf(told, "en")
    assert time.process_time() - began < 20, "seconds of work, however busy the machine is with others"
    assert len(told.invoices) == 400
    assert pdf.pages > 5


def test_a_language_without_words_of_its_own_is_printed_in_english() -> None:
    assert load_dossier_wording("sv") == load_dossier_wording("en")
    assert "en" in DOSSIER_WORDING.languages


def test_a_long_address_can_be_broken_without_losing_a_letter() -> None:
    address = "accounts.payable+invoices@a-very-long-name.example"
    assert soften_long_words(address).replace("\u200b", "") == address
    assert max(len(part) for part in soften_long_words(address).split("\u200b")) <= 16


def test_a_cell_names_few_invoices_and_counts_the_rest() -> None:
    pen = DossierFormatter(load_dossier_wording("en"), {})
    assert pen.format_invoices(["a", "b", "c", "d"]) == "a, b, c, d"
    assert pen.format_invoices([*"abcdefg"]) == "a, b, c, d and 3 more"


# --- kept, once


def wanted(key: str = "write_off:A1:1", purpose: DossierPurpose = LEGAL) -> RequestedDossier:
    return RequestedDossier(key, "A1", purpose, noon_on(60), asked_by="write_off:A1")


def test_both_documents_are_stored_under_their_sha256(account: JournalledAccount, store: DossierStore) -> None:
    full(account)
    made = store.make_dossier(wanted())
    documents = DocumentStore(account.database)
    for digest, ending in ((made.json_sha256, "json"), (made.pdf_sha256, "pdf")):
        found = documents.get(digest)
        assert found is not None
        assert found[0] == f"legal-A1-2013-04-30.{ending}"
        assert sha256(found[1]).hexdigest() == digest
    stored = documents.get(made.json_sha256)
    assert stored is not None
    assert json.loads(stored[1])["purpose"] == "legal"


def test_a_dossier_asked_for_again_is_the_one_that_was_made(account: JournalledAccount, store: DossierStore) -> None:
    account.invoice("I1")
    first = store.make_dossier(wanted())
    account.record_payment("I1", 10_000, 59)
    assert store.make_dossier(wanted()) == first
    assert store.make_dossier(wanted("another")).json_sha256 != first.json_sha256
    assert [row.key for row in store.list_dossiers("A1")] == ["another", "write_off:A1:1"]


def test_an_unknown_account_has_no_dossier(store: DossierStore, database: Database) -> None:
    with pytest.raises(AccountNotFoundError):
        store.compile("none", LEGAL, noon_on(0))


async def test_a_case_gets_its_dossier_from_the_activity(account: JournalledAccount, store: DossierStore) -> None:
    making = DossierActivities(store)
    made = await ActivityEnvironment().run(
        making.make_dossier, MakeDossier(account_id="A1", purpose="proof_of_claim"), "credit_review:A1:1", noon_on(60) + timedelta(hours=1)
    )
    assert made == GeneratedDossier(purpose=CLAIM, json_sha256=made.json_sha256, pdf_sha256=made.pdf_sha256, pages=1)
    assert [(row.key, row.purpose) for row in store.list_dossiers("A1")] == [("credit_review:A1:1", "proof_of_claim")]
