"""What an invoice's workflow starts with: the ledger's facts as they stand, under the policy of its account's segment."""

from pathlib import Path

import pytest

from adapters.cases.invoice_inputs import Openings
from adapters.config.settings import Settings
from adapters.database.tables import Account, Case, Invoice
from adapters.letters.letter_templates import LetterBook
from adapters.policies.policy_store import PolicyBook
from domain.billing.billing_events import InvoiceStatus
from domain.clock import Clock
from tests.adapters.correspondence.office import DAWN, DUE, POLICY_FILE, Office

CLOCK = Clock.real_life()


@pytest.fixture
def openings(office: Office, tmp_path: Path) -> Openings:
    """With a policy of its own for the segment `public`."""
    policies = PolicyBook(office.database, LetterBook(Settings.read().letters_dir))
    (tmp_path / "policies").mkdir()
    standard = POLICY_FILE.read_text(encoding="utf-8")
    (tmp_path / "policies" / "standard.yaml").write_text(standard, encoding="utf-8")
    public = standard.replace("policy: standard", "policy: public").replace("segments: []", "segments: [public]")
    (tmp_path / "policies" / "public.yaml").write_text(public, encoding="utf-8")
    policies.load(tmp_path / "policies")
    return Openings(office.database, policies, CLOCK)


def test_an_opening_holds_the_facts_as_they_stand_now(office: Office, openings: Openings) -> None:
    office.invoice()
    office.change(Invoice, "I1", open_balance=2_500, version=3, disputed=True)
    opening, collector = openings.read(["I1"])["I1"]
    assert (opening.invoice_id, opening.account_id, opening.clock, opening.case, collector) == ("I1", "A1", CLOCK, None, None)
    facts = opening.facts
    assert (facts.version, facts.due_date, facts.total, facts.open_balance, facts.disputed) == (3, DUE, 10_000, 2_500, True)
    assert facts.status is InvoiceStatus.OPEN


def test_each_account_falls_under_the_policy_of_its_segment(office: Office, openings: Openings) -> None:
    office.account("A2", segment="public", collector="mia")
    office.invoice("I1")
    office.invoice("B1", "A2")
    read = openings.read(["I1", "B1"])
    assert {invoice: (opening.policy.name, collector) for invoice, (opening, collector) in read.items()} == {
        "I1": ("standard", None),
        "B1": ("public", "mia"),
    }


def test_no_personal_detail_is_in_an_opening(office: Office, openings: Openings) -> None:
    office.change(Account, "A1", name="Jane Doe Ltd")
    office.invoice()
    text = openings.read(["I1"])["I1"][0].model_dump_json()
    assert "Jane Doe" not in text
    assert "customer.test" not in text


def test_an_invoice_that_the_ledger_does_not_know_has_no_opening(openings: Openings) -> None:
    assert openings.read(["nobody"]) == {}


def plan(office: Office, case_id: str, outcome: str | None) -> None:
    with office.database.writing() as session:
        session.merge(
            Case(
                case_id=case_id, run_id="r", kind="payment_plan", account_id="A1", stage="active", waiting_for="payment",
                outcome=outcome, seq=1, head="h", updated_at=DAWN,
            )
        )  # fmt: skip


def test_what_a_plan_charged_is_collected_once_the_plan_is_over(office: Office, openings: Openings) -> None:
    office.invoice("interest", charged_by="plan:A1:1")
    assert openings.left_over(10) == []
    plan(office, "plan:A1:1", outcome=None)
    assert openings.left_over(10) == []
    plan(office, "plan:A1:1", outcome="broken")
    assert openings.left_over(10) == ["interest"]
    office.stands("interest")
    assert openings.left_over(10) == []
