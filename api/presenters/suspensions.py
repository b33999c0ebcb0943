"""Turns a suspension's row of the read model into its body."""

from adapters.read_model.cases import CaseRow
from api.presenters.account_cases import present_case_fields, present_money
from api.schemas.suspensions import SuspensionOut
from domain.suspension.summary import SuspensionSummary


def present_suspension(row: CaseRow) -> SuspensionOut:
    summary = row.summary_of(SuspensionSummary)
    return SuspensionOut(
        **present_case_fields(row),
        owed=[present_money(money) for money in summary.stated_amounts],
        asked_by=list(summary.askers),
        prepaid=summary.prepaid,
        spared=summary.spared,
        returned=summary.returned,
        undelivered=summary.undelivered,
        warned_invoice_ids=list(summary.warned),
        delivered_on=summary.delivered_on,
        notice_ends=summary.notice_ends,
        extended_days=summary.extended_days,
        suspended_on=summary.suspended_on,
        hand_over_on=summary.hand_over_on,
    )
