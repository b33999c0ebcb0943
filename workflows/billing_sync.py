"""Reads what billing reports, and starts and signals the invoices' workflows."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.billing_events import BillingEventActivities

from workflows.case_runtime.activity_options import DELIVER_EVENTS_OPTIONS


@workflow.defn
class BillingSync:
    """Started by a schedule, and by whoever has just changed the ledger. How many events were delivered."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(BillingEventActivities.deliver_events, **DELIVER_EVENTS_OPTIONS)
