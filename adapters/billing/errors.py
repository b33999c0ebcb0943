"""How a billing system refuses. Each sentence says what to do; nothing was booked."""


class BillingError(Exception):
    """A change that billing cannot make. The sentence says what to do; nothing was booked."""


class UnknownInvoiceError(BillingError):
    """No such invoice, or not of the account that was named."""


class UnknownAccountError(BillingError):
    """No such account."""


class UnknownPaymentError(BillingError):
    """No such payment."""


class CurrencyMismatchError(BillingError):
    """Money in one currency for an invoice in another, or no currency at all."""


class ConflictingPaymentError(BillingError):
    """The id of a payment or its reversal was used before, for something else."""


class ConflictingCreditNoteError(BillingError):
    """The id of a credit note was used before, for something else."""


class ConflictingBookingError(BillingError):
    """The key of a write-off, a charge or a change of service was used before, for something else."""


class InvalidAmountError(BillingError):
    """An amount that is no amount of money received, credited or charged."""


class CancelledInvoiceError(BillingError):
    """A cancelled invoice takes no change."""


class UnsupportedOperationError(BillingError):
    """The billing system has no such capability. It is to be done there by hand."""
