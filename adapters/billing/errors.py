"""How a billing system refuses. Each sentence says what to do; nothing was booked."""

from collections.abc import Mapping

from adapters.set_aside.stages import SetAsideReason
from domain.errors import OperatingError, UserError
from domain.refusal import Refusal


class BillingError(UserError):
    """A change that billing cannot make. The sentence says what to do; nothing was booked."""

    title = "The ledger cannot book this"
    status = 409
    problem_type = "not-bookable"


class UnknownInvoiceError(BillingError):
    """No such invoice, or not of the account that was named."""

    title = "There is no such invoice"
    status = 404
    problem_type = "not-found"


class UnknownAccountError(BillingError):
    """No such account."""

    title = "There is no such account"
    status = 404
    problem_type = "not-found"


class UnknownPaymentError(BillingError):
    """No such payment."""

    title = "There is no such payment"
    status = 404
    problem_type = "not-found"


class CurrencyMismatchError(BillingError):
    """Money in one currency for an invoice in another, or no currency at all."""

    status = 422
    problem_type = "currency-mismatch"


class ConflictingPaymentError(BillingError):
    """The id of a payment or its reversal was used before, for something else."""

    problem_type = "conflicting-payment"


class RepeatedPaymentError(BillingError):
    """The same payment was booked before: of the same account, reference, amount, currency and day. `first_payment_id` is its id."""

    title = "This payment was booked before"
    problem_type = "repeated-payment"
    first_payment_id: str | None = None

    def __init__(self, message: str, first_payment_id: str) -> None:
        super().__init__(message)
        self.first_payment_id = first_payment_id

    @property
    def extensions(self) -> Mapping[str, object]:
        return {"first_payment": self.first_payment_id} if self.first_payment_id else {}


class ConflictingCreditNoteError(BillingError):
    """The id of a credit note was used before, for something else."""

    problem_type = "conflicting-credit-note"


class ConcurrentCreditError(BillingError):
    """The same person credited the same invoice in this very moment: who must agree depends on both."""

    title = "Another credit note was booked in this moment"
    problem_type = "concurrent-credit"


class ConflictingBookingError(BillingError):
    """The key of a write-off, a charge or a change of service was used before, for something else."""

    problem_type = "conflicting-booking"


class InvalidAmountError(BillingError):
    """An amount that is no amount of money received, credited or charged."""

    status = 422
    problem_type = "invalid-amount"


class ExcessiveCreditError(BillingError):
    """More is to be credited than the invoice still owes, or than is left of the credit."""

    problem_type = "excessive-credit"


class UnknownCreditError(BillingError):
    """The account has no such unapplied credit."""

    title = "There is no such unapplied credit"
    status = 404
    problem_type = "not-found"


class UnknownApplicationError(BillingError):
    """No such application of unapplied credit."""

    title = "There is no such application"
    status = 404
    problem_type = "not-found"


class ApplicationTakenBackError(BillingError):
    """The application was taken back before."""

    problem_type = "taken-back"


class CancelledInvoiceError(BillingError):
    """A cancelled invoice takes no change."""

    problem_type = "cancelled"


class UnsupportedOperationError(BillingError):
    """The billing system has no such capability. It is to be done there by hand."""

    title = "The billing system cannot do this"
    problem_type = "unsupported"


class RefusedByBillingError(BillingError):
    """The connected system refuses it, in words of its own."""

    title = "The billing system refuses this"
    problem_type = "refused-by-billing"


class ForgedWebhookError(BillingError):
    """A call to a webhook without a valid signature, or an old one that is played again."""

    title = "This call cannot be verified"
    status = 403
    problem_type = "forged-webhook"


class BillingAwayError(Exception):
    """The connected system does not answer, or says that it is busy: it is to be asked again. `retry_after`: not before so many seconds,
    where it said so. `is_untouched`: nothing can have come of what was asked, for it was not sent, or the system says so itself."""

    def __init__(self, message: str, retry_after: float | None = None, *, is_untouched: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.is_untouched = retry_after, is_untouched

    @property
    def rest(self) -> float | None:
        """For how many seconds the whole system asks to be left alone; None where it does not."""
        return self.retry_after


class UnansweredOrderError(BillingAwayError):
    """What was ordered may still be running there: the same is not ordered again before `retry_after` is over. Nothing else waits for it,
    but for what the system asked for itself."""

    def __init__(self, message: str, retry_after: float, rest: float | None = None) -> None:
        super().__init__(message, retry_after)
        self._rest = rest

    @property
    def rest(self) -> float | None:
        return self._rest


class ConnectionRefusedByBillingError(OperatingError):
    """The connected system does not let Duecourse in, or not to what it needs. The sentence says what to ask for."""

    title = "The billing system does not let Duecourse in"
    problem_type = "billing-connection"
    set_aside_reason = SetAsideReason.BILLING_REFUSED


def describe_silence(system: str, problem: object) -> Refusal:
    return Refusal("system.silent", "{system} does not answer: {problem}", system=system, problem=problem)


def describe_answer(system: str, status: object) -> Refusal:
    """`status`: that of HTTP, with the system's own code where it has one."""
    return Refusal("system.answers", "{system} answers {status}", system=system, status=status)


def describe_refusal(system: str, said: object) -> Refusal:
    return Refusal("system.refuses", "{system} refuses this: {said}", system=system, said=said)


def describe_coded_refusal(system: str, code: str | int, said: str) -> Refusal:
    """`code`: what names it in the system's own interface, such as the status of HTTP; `said` may be empty."""
    if not said:
        return Refusal("system.refuses_bare", "{system} refuses this ({system_code})", system=system, system_code=str(code))
    return Refusal("system.refuses_coded", "{system} refuses this ({system_code}): {said}", system=system, system_code=str(code), said=said)


def describe_unknown_key(system: str, menu: str) -> Refusal:
    """`menu`: where in the system a new one is had."""
    return Refusal(
        "system.key_unknown", "{system} does not know the key, or it has expired; ask for a new one: {menu}", system=system, menu=menu
    )


def describe_ban(system: str, said: object) -> Refusal:
    return Refusal("system.forbids", "{system} forbids this to the key: {said}", system=system, said=said)


def describe_haste(system: str) -> Refusal:
    return Refusal("system.fewer_calls", "{system} asks for fewer calls", system=system)


def describe_wrong_page(system: str) -> Refusal:
    return Refusal("system.page_for_people", "this address answers with a page for people; is it that of {system}?", system=system)
