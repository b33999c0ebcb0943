"""How a case of an account is started by a person's act: alone, or together with the act that it is started for."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from adapters.temporal.case_signals import build_search_attributes
from domain import identifiers as ids
from domain.case.command import Command, CommandReceipt
from domain.case.handler_names import SignalName, UpdateName


@dataclass(frozen=True)
class CaseStart:
    """Which workflow, under which case id, with what. The account and its collector become search attributes."""

    workflow: ids.WorkflowName
    case_id: str
    workflow_input: BaseModel
    account_id: str
    collector: str | None = None

    @property
    def search_attributes(self) -> TypedSearchAttributes:
        return build_search_attributes(self.account_id, self.collector)


STARTING_COMMAND_MEMO = "act"
"""The memo that holds the id of the act that started a case: the same act sent again has started it already."""


async def start_case(client: Client, case_start: CaseStart, act_id: str) -> None:
    """Raises WorkflowAlreadyStartedError for an id that any case has or had: a plan's number is given once."""
    await client.start_workflow(
        case_start.workflow,
        case_start.workflow_input,
        id=case_start.case_id,
        task_queue=ids.TASK_QUEUE,
        search_attributes=case_start.search_attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        memo={STARTING_COMMAND_MEMO: act_id},
    )


async def load_starting_command_id(client: Client, case_id: str) -> str | None:
    description = await client.get_workflow_handle(case_id).describe()
    return (await description.memo()).get(STARTING_COMMAND_MEMO)


async def update_with_start(client: Client, case_start: CaseStart, update: UpdateName, command: Command) -> CommandReceipt:
    """The act's answer, from the case that runs or from one that is started now."""
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        case_start.workflow,
        case_start.workflow_input,
        id=case_start.case_id,
        task_queue=ids.TASK_QUEUE,
        search_attributes=case_start.search_attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
    receipt: CommandReceipt = await client.execute_update_with_start_workflow(
        update, command, start_workflow_operation=operation, id=command.act_id, result_type=CommandReceipt
    )
    return receipt


async def signal_with_start(client: Client, case_start: CaseStart, signal: SignalName, command: Command) -> None:
    await client.start_workflow(
        case_start.workflow,
        case_start.workflow_input,
        id=case_start.case_id,
        task_queue=ids.TASK_QUEUE,
        search_attributes=case_start.search_attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=signal,
        start_signal_args=[command],
    )
