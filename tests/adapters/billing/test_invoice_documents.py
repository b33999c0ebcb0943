"""A printed invoice is what its billing system gives of it just now, under a name and of a type that can be shown; or words why not."""

from typing import Any

import pytest

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError, UnknownInvoiceError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import InvoiceDocument
from adapters.billing.invoice_documents import (
    MAX_DOCUMENT_BYTES,
    DocumentAwayError,
    DocumentTooLargeError,
    InvoiceDocuments,
    NoDocumentError,
)

PDF = InvoiceDocument("Invoice-2026-17.pdf", "application/pdf", b"%PDF-1.7")
INVOICE = "@erp:1:4711"


class ScriptedPrinter:
    """A system that prints, or fails to."""

    def __init__(self, answer: InvoiceDocument | Exception = PDF, *, can_print: bool = True) -> None:
        self.connector: Any = self
        self.capabilities = frozenset({ConnectorCapability.FETCH_DOCUMENT} if can_print else ())
        self.answer, self.asked = answer, list[str]()

    def fetch_document(self, external_id: str) -> InvoiceDocument:
        self.asked.append(external_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def open_documents(printer: ScriptedPrinter) -> InvoiceDocuments:
    return InvoiceDocuments({SystemKey("erp", "1"): printer})


def test_a_part_of_an_invoice_has_the_document_of_the_whole() -> None:
    printer = ScriptedPrinter()
    assert [open_documents(printer).fetch(each) for each in (INVOICE, f"{INVOICE}~due2")] == [PDF, PDF]
    assert printer.asked == ["4711", "4711"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (UnknownInvoiceError("gone"), NoDocumentError),
        (RefusedByBillingError("printed no invoice yet; send or print it there"), NoDocumentError),
        (BillingAwayError("503"), DocumentAwayError),
        (ConnectionRefusedByBillingError("403: ask for the right"), DocumentAwayError),
        (PDF._replace(content=b"x" * (MAX_DOCUMENT_BYTES + 1)), DocumentTooLargeError),
    ],
)
def test_why_there_is_none_is_said_in_words(answer: InvoiceDocument | Exception, error: type[Exception]) -> None:
    with pytest.raises(error, match=str(answer) if isinstance(answer, Exception) else "fetch it in the billing system"):
        open_documents(ScriptedPrinter(answer)).fetch(INVOICE)


def test_the_ledger_prints_none_and_a_connection_that_is_not_here_answers_for_none() -> None:
    documents = open_documents(ScriptedPrinter())
    with pytest.raises(NoDocumentError):
        documents.fetch("R-1")
    with pytest.raises(DocumentAwayError, match="put it back"):
        documents.fetch("@north:1:4711")
    assert [documents.can_fetch(each) for each in (INVOICE, "R-1", "@north:1:4711")] == [True, False, False]
    assert not open_documents(ScriptedPrinter(can_print=False)).can_fetch(INVOICE)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Rechnung 17.pdf", "Rechnung 17.pdf"),
        ('../../etc/"x"\r\nSet-Cookie: a.pdf', "etc_x_Set-Cookie_ a.pdf"),
        ("", "invoice"),
        ("a" * 300 + ".pdf", "a" * 96 + ".pdf"),
        ("Überweisung_É.pdf", "Überweisung_É.pdf"),
    ],
)
def test_a_name_can_be_kept_anywhere(given: str, kept: str) -> None:
    assert open_documents(ScriptedPrinter(PDF._replace(filename=given))).fetch(INVOICE).filename == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("application/pdf; charset=x", "application/pdf"),
        ("text/html\r\nX: y", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_type_is_plain(given: str, kept: str) -> None:
    assert open_documents(ScriptedPrinter(PDF._replace(media_type=given))).fetch(INVOICE).media_type == kept
