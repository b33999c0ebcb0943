"""The invoice as its billing system prints it: fetched there whenever it is wanted, and kept nowhere."""

import re
from collections.abc import Mapping
from typing import Protocol

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingAwayError, BillingError, ConnectionRefusedByBillingError
from adapters.billing.external_key import ExternalKey, SystemKey, find_whole_id, parse_external_key
from adapters.billing.external_records import InvoiceDocument
from domain.errors import UserError

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""Of one, and of all that go with one letter: what most mail servers take, once it is written as text."""
_UNSAFE = re.compile(r"[^\w.,()+ -]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_PLAIN_TYPE = "application/octet-stream"
LONGEST_FILENAME = 100


class NoDocumentError(UserError):
    """There is no printed invoice to be had."""

    title = "There is no printed invoice"
    status = 404
    problem_type = "no-document"


class DocumentTooLargeError(UserError):
    """It is larger than anybody would send by mail."""

    title = "The printed invoice is too large"
    status = 422
    problem_type = "document-too-large"


class DocumentAwayError(UserError):
    """The billing system does not give it just now."""

    title = "The billing system does not answer"
    status = 503
    problem_type = "document-away"


class ConnectedPrinter(Protocol):
    @property
    def connector(self) -> BillingConnector: ...


class InvoiceDocuments:
    """Safe to share between threads. `systems`: those that are connected now."""

    def __init__(self, systems: Mapping[SystemKey, ConnectedPrinter]) -> None:
        self._systems = systems

    def can_fetch(self, invoice_id: str) -> bool:
        """Whether its system prints invoices; this one may not be printed all the same."""
        key = parse_external_key(invoice_id)
        system = self._find(key) if key else None
        return system is not None and ConnectorCapability.FETCH_DOCUMENT in system.capabilities

    def fetch(self, invoice_id: str) -> InvoiceDocument:
        """Fetch it under a name and of a type that can be shown. Raises NoDocumentError, DocumentTooLargeError, DocumentAwayError."""
        key = parse_external_key(invoice_id)
        if key is None:
            raise NoDocumentError("the ledger prints no invoices; ask for it where the invoice was written")
        system = self._find(key)
        if system is None:
            raise DocumentAwayError(f"the connection {key.system} is not here; put it back, or look for the invoice in that system")
        try:
            found = system.fetch_document(find_whole_id(key.external_id))
        except BillingAwayError as error:
            raise DocumentAwayError(f"{error}; try again in a moment") from error
        except ConnectionRefusedByBillingError as error:
            raise DocumentAwayError(f"{error}; the page of the connection {key.system} says how it stands") from error
        except BillingError as error:
            raise NoDocumentError(str(error)) from error
        if len(found.content) > MAX_DOCUMENT_BYTES:
            raise DocumentTooLargeError(f"it has more than {MAX_DOCUMENT_BYTES // 1024 // 1024} MB; fetch it in the billing system")
        return InvoiceDocument(_clean_name(found.filename), _clean_type(found.media_type), found.content)

    def _find(self, key: ExternalKey) -> BillingConnector | None:
        system = self._systems.get(SystemKey(key.system, key.company))
        return system.connector if system else None


def _clean_name(filename: str) -> str:
    """A system's own name for a file may hold anything."""
    base, dot, ending = _UNSAFE.sub("_", filename).strip(" ._").rpartition(".")
    return f"{base[: LONGEST_FILENAME - len(ending[:10]) - 1]}.{ending[:10]}" if dot and base else (ending or "invoice")[:LONGEST_FILENAME]


def _clean_type(media_type: str) -> str:
    plain = media_type.partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else _PLAIN_TYPE
