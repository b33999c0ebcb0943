"""A copy of an invoice goes along with a letter that a person writes: fetched when it goes, and never left out in silence."""

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import InvoiceDocument
from adapters.billing.invoice_documents import (
    MAX_DOCUMENT_BYTES,
    DocumentAwayError,
    DocumentTooLargeError,
    InvoiceDocuments,
    NoDocumentError,
)
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.letter_outbox import LetterOutbox
from adapters.correspondence.written_letter_store import LetterToWrite, WrittenLetterStore
from adapters.database.row_states import MessageState
from adapters.database.tables import Invoice
from adapters.ledger.ledger import Ledger
from adapters.mail.local_inbox import read_mail
from tests.adapters.correspondence.correspondence_setup import HOUR, NOON, SENT, CorrespondenceSetup, _house
from tests.adapters.correspondence.test_written_letters import HOURS, WRITER

ACCOUNT, FIRST, SECOND = "@erp:1:17", "@erp:1:4711", "@erp:1:4712"
CONTENT = bytes(range(256)) * 40


class PrintingSystem:
    def __init__(self) -> None:
        self.connector: Any = self
        self.capabilities = frozenset({ConnectorCapability.FETCH_DOCUMENT})
        self.is_away, self.content = False, CONTENT

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        if self.is_away:
            raise BillingAwayError("503")
        return InvoiceDocument(f"Rechnung ü {external_id}.pdf", "application/pdf", self.content)


class CopyingDesk:
    """Where a person writes, and what sends it."""

    def __init__(self, correspondence: CorrespondenceSetup) -> None:
        self.correspondence, self.printer = correspondence, PrintingSystem()
        documents, (settings, company, letters) = InvoiceDocuments({SystemKey("erp", "1"): self.printer}), _house()
        database, collector = correspondence.database, company.collector
        loader = LetterLoader(database, Ledger(database), letters, company, collector, settings.sender, settings.reply_domain, documents)
        self.store, self.outbox = WrittenLetterStore(database, loader, documents), LetterOutbox(database, loader, "worker-1")

    def build(self, *attached: str) -> LetterToWrite:
        return LetterToWrite(ACCOUNT, [2], "As you asked.", None, HOURS, hours_matter=True, invoice_copies=attached)

    def send(self) -> int:
        letters = self.outbox.claim_due_letters(NOON + HOUR, 100)
        begun = [letter for letter in self.outbox.begin_transmission(letters, NOON + HOUR) if letter]
        self.outbox.record_outcomes([(letter.message, SENT) for letter in begun], NOON + HOUR)
        return len(begun)


@pytest.fixture
def desk(correspondence: CorrespondenceSetup) -> CopyingDesk:
    """With a customer of a connected system, who has two invoices; the second is paid."""
    correspondence.create_account(ACCOUNT, number="C-17", name="Customer Ltd")
    for invoice in (FIRST, SECOND):
        correspondence.create_invoice(invoice, ACCOUNT)
        correspondence.change(Invoice, invoice, number=f"2026-{invoice[-2:]}")
    correspondence.change(Invoice, SECOND, status="paid", open_balance=0)
    return CopyingDesk(correspondence)


def test_the_copies_go_with_the_letter_that_names_them(desk: CopyingDesk) -> None:
    desk.store.write(desk.build(FIRST, SECOND), WRITER)
    assert desk.send() == 1
    (letter,) = desk.correspondence.letters()
    mail = message_from_bytes(letter.content, policy=default)
    assert mail.get_content_type() == "multipart/mixed"
    found = {part.get_filename(): (part.get_content_type(), part.get_content()) for part in mail.iter_attachments()}
    assert found == {f"Rechnung ü {number}.pdf": ("application/pdf", CONTENT) for number in ("4711", "4712")}
    shown = read_mail(letter.content)
    assert "Attached are copies of: 2026-11, 2026-12." in shown.text
    assert "As you asked." in shown.html
    assert "@erp" not in shown.text + shown.html


def test_a_letter_without_copies_is_as_it_was(desk: CopyingDesk) -> None:
    desk.store.write(desk.build(), WRITER)
    assert desk.send() == 1
    (letter,) = desk.correspondence.letters()
    assert message_from_bytes(letter.content, policy=default).get_content_type() == "multipart/alternative"
    assert "copies" not in read_mail(letter.content).text


def test_while_a_copy_cannot_be_had_the_letter_waits(desk: CopyingDesk) -> None:
    desk.store.write(desk.build(FIRST), WRITER)
    desk.printer.is_away = True
    with pytest.raises(DocumentAwayError):
        desk.send()
    assert [letter.state for letter in desk.correspondence.letters()] == [MessageState.INTENDED]
    desk.printer.is_away = False
    assert desk.send() == 1


def test_whoever_writes_it_hears_at_once_what_cannot_go_along(desk: CopyingDesk) -> None:
    desk.correspondence.create_invoice("I9", ACCOUNT)
    for attached in (["@erp:1:none"], ["I9"]):
        with pytest.raises(NoDocumentError):
            desk.store.write(desk.build(*attached), WRITER)
    desk.printer.content = b"x" * (MAX_DOCUMENT_BYTES // 2 + 1)
    desk.store.preview(desk.build(FIRST), NOON)
    with pytest.raises(DocumentTooLargeError, match="together"):
        desk.store.preview(desk.build(FIRST, SECOND), NOON)
    assert desk.correspondence.letters() == []
