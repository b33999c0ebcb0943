"""Turns a write-off's row of the read model into its body."""

from collections.abc import Mapping

from adapters.read_model.cases import CaseRow
from api.presenters.account_cases import present_case_fields, present_money
from api.schemas.amounts import Amount
from api.schemas.write_offs import BookedOut, WriteOffOut
from domain.write_off.summary import WriteOffSummary


def present_write_off(row: CaseRow, currencies: Mapping[str, str]) -> WriteOffOut:
    """`currencies`: of the case's invoices."""
    summary = row.summary_of(WriteOffSummary)
    booked = [
        BookedOut(
            invoice_id=invoice_id,
            written_off=Amount.from_minor(summary.booked[invoice_id], currencies[invoice_id]),
            recovered=Amount.from_minor(summary.recovered.get(invoice_id, 0), currencies[invoice_id]),
        )
        for invoice_id in summary.invoices
        if invoice_id in summary.booked
    ]
    return WriteOffOut(
        **present_case_fields(row),
        owed=[present_money(money) for money in summary.stated_amounts],
        decision=summary.decision,
        decided_by=summary.proposed_by,
        booked=booked,
    )
