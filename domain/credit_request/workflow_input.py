"""What the workflow of a credit request starts with."""

from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput
from domain.credit_request.request_case import CreditRequestCase


class CreditRequestInput(CaseInput):
    """`earlier` is what the invoice's last request left, `case` hands a long life on to a new run."""

    account_id: str
    invoice_id: str
    earlier: EarlierRun | None = None
    case: CreditRequestCase | None = None
