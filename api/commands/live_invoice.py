"""Reads one invoice from its workflow, or from the database when no worker answers in time."""

from collections.abc import Callable
from typing import Literal

from fastapi.concurrency import run_in_threadpool

from adapters.read_model.invoices import InvoiceRow, find_pinned_policy
from api.context import ApiContext
from domain.case.case_view import CaseView
from domain.policy.collection_policy import Policy

StateSource = Literal["live", "read_model"]
PolicyReader = Callable[[CaseView | None], Policy | None]
"""Finds the policy that a case goes by; None where it goes by none, or the policy's text is not kept."""


async def load_live_invoice(context: ApiContext, row: InvoiceRow) -> tuple[InvoiceRow, StateSource, Policy | None]:
    """Return the row with the live case in it, the source of the case, and the policy that it pins. Amounts come from the ledger."""
    view = await context.cases.query_invoice_case(row.id)
    live = view is not None
    if view is not None:
        row = row.model_copy(update={"case": view})
    policy = await run_in_threadpool(load_case_policy, context, row.case) if row.case else None
    return row, "live" if live else "read_model", policy


def load_case_policy(context: ApiContext, case: CaseView | None) -> Policy | None:
    """Return the policy that a case goes by; None where it goes by none, or the policy's text is not kept."""
    if case is None or not case.policy or not case.policy_version:
        return None
    pinned = find_pinned_policy(context.database, case.policy, case.policy_version)
    return pinned.load_policy() if pinned else None


def build_policy_reader(context: ApiContext) -> PolicyReader:
    """Build what finds the policies of one case after another; one that several of them go by is read once."""
    policies: dict[tuple[str | None, int | None] | None, Policy | None] = {}

    def find_policy(case: CaseView | None) -> Policy | None:
        pinned = (case.policy, case.policy_version) if case else None
        if pinned not in policies:
            policies[pinned] = load_case_policy(context, case)
        return policies[pinned]

    return find_policy
