"""Reads the billing systems that are connected, several at a time: one that is slow holds up no other."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.connected_systems import ConnectedSystemActivities
    from workflows.case_runtime.system_turns import take_turns

from workflows.case_runtime.activity_options import LIST_SYSTEMS_OPTIONS, READ_SYSTEM_OPTIONS, READ_SYSTEMS_OPTIONS

EACH_ON_ITS_OWN = "each-connected-system-is-read-on-its-own"
"""Before, one activity read all of them one after the other. To be deprecated when no run that began before is left: within a day."""


@workflow.defn
class ConnectedSystems:
    """Started by a schedule, never twice at a time: a system that is slow holds up no delivery of events. How many invoices changed."""

    @workflow.run
    async def run(self) -> int:
        if not workflow.patched(EACH_ON_ITS_OWN):
            return await workflow.execute_activity_method(ConnectedSystemActivities.read_systems, **READ_SYSTEMS_OPTIONS)
        systems = await workflow.execute_activity_method(ConnectedSystemActivities.list_systems, **LIST_SYSTEMS_OPTIONS)
        return sum(await take_turns(systems, self._read))

    async def _read(self, system: str) -> int:
        return await workflow.execute_activity_method(ConnectedSystemActivities.read_system, system, **READ_SYSTEM_OPTIONS)
