"""Refers accounts to a credit analyst when the rules say so."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.credit_referrals import CreditReferralActivities

from workflows.case_runtime.activity_options import DELIVER_EVENTS_OPTIONS


@workflow.defn
class Referrals:
    """Started once a business day by a schedule. How many accounts were referred."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(CreditReferralActivities.refer_accounts, **DELIVER_EVENTS_OPTIONS)
