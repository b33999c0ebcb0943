"""A letter about invoices of a connected billing system names what its customer knows: their number, and what that system asks for."""

from email import message_from_bytes
from email.policy import default

import pytest

from adapters.database.tables import ExternalInvoiceRow, Invoice
from tests.adapters.correspondence.correspondence_setup import NOON, CorrespondenceSetup

ACCOUNT, FIRST, SECOND = "@erp:1:17", "@erp:1:4711", "@erp:1:4711~due2"


def add_connected(correspondence: CorrespondenceSetup, invoice: str, number: str, reference: str = "") -> None:
    correspondence.create_billed_invoice(invoice, ACCOUNT)
    with correspondence.database.writing() as session:
        session.add(
            ExternalInvoiceRow(
                invoice_id=invoice,
                system="erp",
                company="1",
                external_id=invoice.rpartition(":")[2],
                read_at=NOON,
                reference=reference,
                payment_link="https://pay.example/4711",
            )
        )
        row = session.get_one(Invoice, invoice)
        row.number = number


def write_letter(correspondence: CorrespondenceSetup) -> str:
    (letter,) = correspondence.letter_outbox().claim_due_letters(NOON, 100)
    prepared = correspondence.letter_outbox().prepare_letters([letter], NOON)[letter].message
    assert prepared is not None
    body = message_from_bytes(prepared, policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize(
    ("reference", "number", "asked"), [("RF42 4711", "C-17", "RF42 4711"), ("", "C-17", "C-17 / 2026-17"), ("", "", "2026-17")]
)
def test_the_payer_is_asked_for_what_the_billing_system_can_match(
    correspondence: CorrespondenceSetup, reference: str, number: str, asked: str
) -> None:
    correspondence.create_account(ACCOUNT, number=number, name="Customer Ltd")
    add_connected(correspondence, FIRST, "2026-17 (1/2)", reference)
    add_connected(correspondence, SECOND, "2026-17 (2/2)", reference)
    text = write_letter(correspondence)
    assert f"Payment reference: {asked}" in " ".join(text.split())
    assert "@erp" not in text
    assert text.count("https://pay.example/4711") == 1


def test_an_account_of_the_ledger_is_asked_for_its_own_id(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    assert "A1 / I1" in write_letter(correspondence)
