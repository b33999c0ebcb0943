"""The bodies about suspensions of accounts."""

from datetime import date

from pydantic import BaseModel, Field

from api.schemas.amounts import Amount
from api.schemas.cases import CaseOut
from api.schemas.request_body import Day, RequestBody, example_config

KEPT_FOREVER_HINT = "kept in the journal for ever: name no person"


class SuspensionIn(RequestBody):
    """The service of the account is to be suspended, after a warning and its notice, each of which others approve."""

    model_config = example_config(invoices=["INV-2013-0042"])

    invoices: list[str] | None = Field(default=None, min_length=1, max_length=500, description="all that are overdue when left out")
    reason: str = Field(default="", max_length=200, description=f"for those who decide; {KEPT_FOREVER_HINT}")


class ExtensionIn(RequestBody):
    model_config = example_config(until="2013-04-15", reason="the customer's bank is on strike")

    until: Day = Field(description="the new last day of the notice")
    reason: str = Field(min_length=1, max_length=200, description=KEPT_FOREVER_HINT)


class ReasonIn(RequestBody):
    model_config = example_config(reason="a guarantee was given")

    reason: str = Field(min_length=1, max_length=200, description=KEPT_FOREVER_HINT)


class SuspensionStateOut(BaseModel):
    """Where the suspension of an account stands, as the account and its invoices show it. Days are business dates."""

    case_id: str | None = Field(description="null: no case is left; the service stays off")
    stage: str = Field(description="its case's stage, or `returned`, `undelivered` or `spared` where that is what it waits for")
    suspended: bool = Field(description="the service is off")
    since: date | None = Field(description="when it came to this stage")
    suspended_on: date | None
    asked_by: list[str]
    signed_off_by: str | None
    awaited_roles: list[str] = Field(description="whose people may decide the approval that it waits for")
    notice_ends: date | None
    hand_over_on: date | None
    says: str = Field(description="all this in a sentence")
    ends: str = Field(description="what ends it, in a sentence")


class SuspensionOut(CaseOut):
    """Days are business dates. `owed`: what is to be paid and not disputed, per currency."""

    owed: list[Amount]
    asked_by: list[str]
    prepaid: bool = Field(description="the service is paid in advance; such an account is never suspended")
    spared: bool = Field(description="all that is owed is disputed; nothing goes on meanwhile")
    returned: bool = Field(description="an approval was sent back; ask again when it is mended")
    undelivered: bool = Field(description="the warning did not arrive; send it again when the address is mended")
    warned_invoice_ids: list[str]
    delivered_on: date | None
    notice_ends: date | None = Field(description="the last day of the notice")
    extended_days: int
    suspended_on: date | None
    hand_over_on: date | None = Field(description="when the write-off team gets the account, if nothing is paid")
