"""Turns what every case of an account has, and its amounts, into fields of its body."""

from typing import Any

from adapters.read_model.cases import CaseRow
from api.schemas.amounts import Amount
from domain.case_summary import list_summarised_invoices
from domain.money import Money


def present_money(money: Money) -> Amount:
    return Amount.from_minor(money.minor, money.currency)


def present_case_fields(row: CaseRow) -> dict[str, Any]:
    shown = row.model_dump(
        include={"account_id", "account_name", "stage", "waiting_for", "awaiting_role", "next_step", "next_on", "outcome"}
    )
    return {"id": row.case_id, "invoice_ids": list(list_summarised_invoices(row.summary)), **shown}
