"""What people send to an account's suspension. Who sent it is set by the API from who signed in."""

from datetime import date
from typing import ClassVar

from domain.billing.receivables import Receivable
from domain.case.command import Command


class RequestSuspension(Command):
    """A collector asks that the account be suspended for these invoices. The reason is kept; it must name no person."""

    journal_name: ClassVar[str] = "AskSuspension"

    claims: list[Receivable]
    reason: str = ""


class RequestApprovalAgain(Command):
    """After an approval was returned for changes."""

    journal_name: ClassVar[str] = "AskAgain"


class ResendWarning(Command):
    """After a warning that did not arrive, such as with another address."""

    journal_name: ClassVar[str] = "SendWarningAgain"


class ExtendNotice(Command):
    """Put off the last day of the notice. The reason is kept; it must name no person."""

    journal_name: ClassVar[str] = "ExtendNotice"

    until: date
    reason: str


class WithdrawSuspension(Command):
    """Drop the case before anything is suspended. The reason is kept; it must name no person."""

    journal_name: ClassVar[str] = "WithdrawSuspension"

    reason: str


class ReinstateAccount(Command):
    """Switch the service on although not all is paid. The reason is kept; it must name no person."""

    journal_name: ClassVar[str] = "Reinstate"

    reason: str


class HandOverSuspendedAccount(Command):
    """Give a suspended account to the write-off team without waiting."""

    journal_name: ClassVar[str] = "HandOverNow"
