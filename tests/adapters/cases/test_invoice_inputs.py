"""What an invoice's workflow starts with: the ledger's facts as they stand, under the policy of its account's segment."""

from pathlib import Path

import pytest

from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.config.settings import Settings
from adapters.database.tables import Account, Case, Invoice
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from domain.billing.billing_events import InvoiceStatus
from domain.clock import Clock
from tests.adapters.correspondence.correspondence_setup import DAWN, DUE, POLICY_FILE, CorrespondenceSetup

CLOCK = Clock.real_time()


@pytest.fixture
def openings(correspondence: CorrespondenceSetup, tmp_path: Path) -> InvoiceInputLoader:
    """With a policy of its own for the segment `public`."""
    policies = PolicyStore(correspondence.database, LetterTemplates(Settings.load().letters_dir))
    (tmp_path / "policies").mkdir()
    standard = POLICY_FILE.read_text(encoding="utf-8")
    (tmp_path / "policies" / "standard.yaml").write_text(standard, encoding="utf-8")
    public = standard.replace("policy: standard", "policy: public").replace("segments: []", "segments: [public]")
    (tmp_path / "policies" / "public.yaml").write_text(public, encoding="utf-8")
    policies.load_folder(tmp_path / "policies")
    return InvoiceInputLoader(correspondence.database, policies, CLOCK)


def test_an_opening_holds_the_facts_as_they_stand_now(correspondence: CorrespondenceSetup, openings: InvoiceInputLoader) -> None:
    correspondence.create_invoice()
    correspondence.change(Invoice, "I1", open_balance=2_500, version=3, disputed=True)
    opening, collector = openings.load_inputs(["I1"])["I1"]
    assert (opening.invoice_id, opening.account_id, opening.clock, opening.case, collector) == ("I1", "A1", CLOCK, None, None)
    facts = opening.facts
    assert (facts.version, facts.due_date, facts.total, facts.open_balance, facts.disputed) == (3, DUE, 10_000, 2_500, True)
    assert facts.status is InvoiceStatus.OPEN


def test_each_account_falls_under_the_policy_of_its_segment(correspondence: CorrespondenceSetup, openings: InvoiceInputLoader) -> None:
    correspondence.create_account("A2", segment="public", collector="mia")
    correspondence.create_invoice("I1")
    correspondence.create_invoice("B1", "A2")
    read = openings.load_inputs(["I1", "B1"])
    assert {invoice: (opening.policy.name, collector) for invoice, (opening, collector) in read.items()} == {
        "I1": ("standard", None),
        "B1": ("public", "mia"),
    }


def test_no_personal_detail_is_in_an_opening(correspondence: CorrespondenceSetup, openings: InvoiceInputLoader) -> None:
    correspondence.change(Account, "A1", name="Jane Doe Ltd")
    correspondence.create_invoice()
    text = openings.load_inputs(["I1"])["I1"][0].model_dump_json()
    assert "Jane Doe" not in text
    assert "customer.test" not in text


def test_an_invoice_that_the_ledger_does_not_know_has_no_opening(openings: InvoiceInputLoader) -> None:
    assert openings.load_inputs(["nobody"]) == {}


def plan(correspondence: CorrespondenceSetup, case_id: str, outcome: str | None) -> None:
    with correspondence.database.writing() as session:
        session.merge(
            Case(
                case_id=case_id,
                run_id="r",
                kind="payment_plan",
                account_id="A1",
                stage="active",
                waiting_for="payment",
                outcome=outcome,
                seq=1,
                head="h",
                updated_at=DAWN,
            )
        )


def test_what_a_plan_charged_is_collected_once_the_plan_is_over(correspondence: CorrespondenceSetup, openings: InvoiceInputLoader) -> None:
    correspondence.create_invoice("interest", charged_by="plan:A1:1")
    assert openings.list_leftover_charges(10) == []
    plan(correspondence, "plan:A1:1", outcome=None)
    assert openings.list_leftover_charges(10) == []
    plan(correspondence, "plan:A1:1", outcome="broken")
    assert openings.list_leftover_charges(10) == ["interest"]
    correspondence.write_case_row("interest")
    assert openings.list_leftover_charges(10) == []
