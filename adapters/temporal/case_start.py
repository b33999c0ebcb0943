"""Start a case of an account: alone, or together with the command or signal that it is started for."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)

from domain import identifiers as ids
from domain.case.command import Command, CommandReceipt
from domain.case.handler_names import SignalName, UpdateName
from domain.invoice.collection_stage import CollectionStage

ACCOUNT, COLLECTOR, STAGE, _ = map(SearchAttributeKey.for_keyword, ids.SEARCH_ATTRIBUTES)


@dataclass(frozen=True)
class CaseStart:
    """The workflow to start, its case id and its input. Account, collector and stage become search attributes."""

    workflow: ids.WorkflowName
    case_id: str
    workflow_input: BaseModel
    account_id: str
    collector: str | None = None
    stage: CollectionStage | None = None

    @property
    def search_attributes(self) -> TypedSearchAttributes:
        """The attributes that the case is listed by from its start."""
        values = {ACCOUNT: self.account_id, COLLECTOR: self.collector, STAGE: self.stage.value if self.stage else None}
        return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in values.items() if value])


STARTING_COMMAND_MEMO = "act"
"""The memo that has the id of the command that started a case: the same command sent again has started it already."""


async def start_case(client: Client, case_start: CaseStart, act_id: str | None = None) -> None:
    """Start a case, by the command `act_id` if a command starts it.

    Raises WorkflowAlreadyStartedError for an id that any case has or had: a plan's number is given once.
    """
    memo = None if act_id is None else {STARTING_COMMAND_MEMO: act_id}
    await _start_run(client, case_start, WorkflowIDReusePolicy.REJECT_DUPLICATE, memo)


async def start_next_run(client: Client, case_start: CaseStart) -> None:
    """Start a further run of a case, under the id that it had. Raises WorkflowAlreadyStartedError while one runs."""
    await _start_run(client, case_start, WorkflowIDReusePolicy.ALLOW_DUPLICATE)


async def _start_run(client: Client, case_start: CaseStart, reuse: WorkflowIDReusePolicy, memo: dict[str, str] | None = None) -> None:
    await client.start_workflow(
        case_start.workflow,
        case_start.workflow_input,
        id=case_start.case_id,
        task_queue=ids.TASK_QUEUE,
        search_attributes=case_start.search_attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        id_reuse_policy=reuse,
        memo=memo,
    )


async def load_starting_command_id(client: Client, case_id: str) -> str | None:
    """Load the id of the command that started a case; None when it was started by no command."""
    description = await client.get_workflow_handle(case_id).describe()
    return (await description.memo()).get(STARTING_COMMAND_MEMO)


async def update_with_start(client: Client, case_start: CaseStart, update: UpdateName, command: Command) -> CommandReceipt:
    """Apply a command to the running case, or to one that is started now; return its receipt."""
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


async def signal_with_start(client: Client, case_start: CaseStart, signal: SignalName, argument: object) -> None:
    """Signal the running case, or one that is started now. Raises WorkflowAlreadyStartedError when another start comes in between."""
    await client.start_workflow(
        case_start.workflow,
        case_start.workflow_input,
        id=case_start.case_id,
        task_queue=ids.TASK_QUEUE,
        search_attributes=case_start.search_attributes,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal=signal,
        start_signal_args=[argument],
    )
