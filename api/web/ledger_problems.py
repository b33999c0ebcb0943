"""How the ledger's refusals look to a caller. A test forces every one of them to be here."""

from adapters.billing.errors import (
    CancelledInvoiceError,
    ConflictingBookingError,
    ConflictingCreditNoteError,
    ConflictingPaymentError,
    CurrencyMismatchError,
    InvalidAmountError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnknownPaymentError,
    UnsupportedOperationError,
)
from api.web.problems import ProblemType

_NOT_FOUND = "not-found"
_NOT_BOOKABLE = "The ledger cannot book this"

LEDGER_PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    UnknownInvoiceError: ProblemType(404, _NOT_FOUND, "There is no such invoice"),
    UnknownAccountError: ProblemType(404, _NOT_FOUND, "There is no such account"),
    UnknownPaymentError: ProblemType(404, _NOT_FOUND, "There is no such payment"),
    ConflictingPaymentError: ProblemType(409, "conflicting-payment", _NOT_BOOKABLE),
    ConflictingCreditNoteError: ProblemType(409, "conflicting-credit-note", _NOT_BOOKABLE),
    ConflictingBookingError: ProblemType(409, "conflicting-booking", _NOT_BOOKABLE),
    CancelledInvoiceError: ProblemType(409, "cancelled", _NOT_BOOKABLE),
    UnsupportedOperationError: ProblemType(409, "unsupported", "The billing system cannot do this"),
    CurrencyMismatchError: ProblemType(422, "currency-mismatch", _NOT_BOOKABLE),
    InvalidAmountError: ProblemType(422, "invalid-amount", _NOT_BOOKABLE),
}
