"""Compares the billing systems that are connected with what is here, once a night, apart from their reading."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.connected_systems import ConnectedSystemActivities
    from workflows.case_runtime.system_turns import take_turns

from workflows.case_runtime.activity_options import COMPARE_SYSTEM_OPTIONS, LIST_SYSTEMS_OPTIONS


@workflow.defn
class ComparedSystems:
    """Started by a schedule, never twice at a time: a comparison that takes long holds up neither readings nor webhooks. How many were
    compared."""

    @workflow.run
    async def run(self) -> int:
        systems = await workflow.execute_activity_method(ConnectedSystemActivities.list_systems, **LIST_SYSTEMS_OPTIONS)
        return sum(await take_turns(systems, self._compare))

    async def _compare(self, system: str) -> bool:
        return await workflow.execute_activity_method(ConnectedSystemActivities.compare_system, system, **COMPARE_SYSTEM_OPTIONS)
