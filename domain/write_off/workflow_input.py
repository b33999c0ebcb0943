"""What a write-off's workflow starts with."""

from pydantic import Field

from domain.billing.receivables import Receivable
from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput
from domain.write_off.write_off_case import WriteOffCase

"""The workflows' names on the server."""


class WriteOffInput(CaseInput):
    """`handed_over`: what came when the last case was just ending."""

    account_id: str
    earlier: EarlierRun | None = None
    handed_over: list[Receivable] = Field(default_factory=list)
    case: WriteOffCase | None = None
