"""The bodies about write-offs: the decision, what was booked, and what was recovered since."""

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.cases import CaseOut
from api.schemas.request_body import RequestBody, example_config
from domain.write_off.commands import WriteOffDecision


class PartIn(PositiveAmount):
    """So much of one invoice."""

    invoice: str = Field(min_length=1, max_length=100)


class WriteOffDecisionIn(RequestBody):
    """Only a write-off in part names amounts; the rest of those invoices, and the other ones, go back to collections."""

    model_config = example_config(decision="part", amounts=[{"invoice": "INV-2013-0042", "amount": "40.00", "currency": "EUR"}])

    decision: WriteOffDecision
    amounts: list[PartIn] = Field(default_factory=list, max_length=500)
    reason: str = Field(default="", max_length=200, description="for those who approve it; kept in the journal for ever: name no person")


class BookedOut(BaseModel):
    """What of an invoice was written off, and what was paid on it afterwards."""

    invoice_id: str
    written_off: Amount
    recovered: Amount


class WriteOffOut(CaseOut):
    """`decision` waits for the approval matrix while the stage is `approval`."""

    owed: list[Amount]
    decision: str | None
    decided_by: str | None
    booked: list[BookedOut]
