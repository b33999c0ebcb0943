"""How a case of an account is started by a person's act: alone, or together with the act that it is started for."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from adapters.temporal.case_signals import found_by
from domain import identifiers as ids
from domain.case.command import Act, Receipt


@dataclass(frozen=True)
class Beginning:
    """Which workflow, under which case id, with what. The account and its collector become search attributes."""

    workflow: str
    case_id: str
    opening: BaseModel
    account_id: str
    collector: str | None = None

    @property
    def attributes(self) -> TypedSearchAttributes:
        return found_by(self.account_id, self.collector)


BEGUN_BY = "act"
"""The memo that holds the id of the act that started a case: the same act sent again has started it already."""


async def start(client: Client, beginning: Beginning, act_id: str) -> None:
    """Raises WorkflowAlreadyStartedError for an id that any case has or had: a plan's number is given once."""
    await client.start_workflow(
        beginning.workflow, beginning.opening, id=beginning.case_id, task_queue=ids.TASK_QUEUE, search_attributes=beginning.attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL, id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        memo={BEGUN_BY: act_id},
    )  # fmt: skip


async def begun_by(client: Client, case_id: str) -> str | None:
    description = await client.get_workflow_handle(case_id).describe()
    return (await description.memo()).get(BEGUN_BY)


async def with_update(client: Client, beginning: Beginning, update: str, act: Act) -> Receipt:
    """The act's answer, from the case that runs or from one that is started now."""
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        beginning.workflow, beginning.opening, id=beginning.case_id, task_queue=ids.TASK_QUEUE, search_attributes=beginning.attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )  # fmt: skip
    receipt: Receipt = await client.execute_update_with_start_workflow(
        update, act, start_workflow_operation=operation, id=act.act_id, result_type=Receipt
    )
    return receipt


async def start_with_signal(client: Client, beginning: Beginning, signal: str, act: Act) -> None:
    await client.start_workflow(
        beginning.workflow, beginning.opening, id=beginning.case_id, task_queue=ids.TASK_QUEUE, search_attributes=beginning.attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=signal, start_signal_args=[act],
    )  # fmt: skip
