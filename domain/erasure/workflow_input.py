"""What an erasure's workflow starts with."""

from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput

"""The workflow's name on the server."""


class ErasureInput(CaseInput):
    """`earlier` is what the account's last erasure left."""

    account_id: str
    earlier: EarlierRun | None = None
