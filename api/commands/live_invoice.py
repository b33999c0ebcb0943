"""One invoice as its workflow sees it now; as the database last saw it when no worker answers in time."""

from typing import Literal

from fastapi.concurrency import run_in_threadpool

from adapters.read_model.invoices import InvoiceRow, read_policy
from api.context import ApiParts
from domain.case.case_view import CaseView
from domain.policy.collection_policy import Policy, PolicySnapshot

Source = Literal["live", "read_model"]


async def read_live(parts: ApiParts, row: InvoiceRow) -> tuple[InvoiceRow, Source, Policy | None]:
    """The row with the live case in it, where that came from, and the policy it pins. Money stays the ledger's: that is its truth."""
    view = await parts.cases.snapshot(row.id)
    live = view is not None
    if view is not None:
        row = row.model_copy(update={"case": view})
    pinned = await run_in_threadpool(_pinned, parts, row.case) if row.case else None
    return row, "live" if live else "read_model", pinned.read() if pinned else None


def _pinned(parts: ApiParts, case: CaseView) -> PolicySnapshot | None:
    return read_policy(parts.database, case.policy, case.policy_version) if case.policy and case.policy_version else None
