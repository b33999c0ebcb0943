"""How the ledger's refusals look to a caller. A test forces every one of them to be here."""

from adapters.ledger.billing_system import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    InvalidAmountError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnknownPaymentError,
)
from api.web.problems import Shape

_UNKNOWN = "not-found"
_REFUSED = "The ledger cannot book this"

LEDGER_SHAPES: dict[type[Exception], Shape] = {
    UnknownInvoiceError: Shape(404, _UNKNOWN, "There is no such invoice"),
    UnknownAccountError: Shape(404, _UNKNOWN, "There is no such account"),
    UnknownPaymentError: Shape(404, _UNKNOWN, "There is no such payment"),
    ConflictingPaymentError: Shape(409, "conflicting-payment", _REFUSED),
    ConflictingCreditNoteError: Shape(409, "conflicting-credit-note", _REFUSED),
    ConflictingBookingError: Shape(409, "conflicting-booking", _REFUSED),
    CancelledInvoiceError: Shape(409, "cancelled", _REFUSED),
    CurrencyMismatchError: Shape(422, "currency-mismatch", _REFUSED),
    InvalidAmountError: Shape(422, "invalid-amount", _REFUSED),
}
