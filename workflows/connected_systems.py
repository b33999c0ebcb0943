"""Reads the billing systems that are connected, and compares them once a night."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.connected_systems import ConnectedSystemActivities

from workflows.case_runtime.activity_options import READ_SYSTEMS_OPTIONS


@workflow.defn
class ConnectedSystems:
    """Started by a schedule, never twice at a time: a system that is slow holds up no delivery of events. How many invoices changed."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(ConnectedSystemActivities.read_systems, **READ_SYSTEMS_OPTIONS)
