"""The repair of a case that is stuck: it is set back to its last journal write, and goes on without the message that its task fails at."""

from collections.abc import Collection
from typing import NamedTuple

from temporalio.client import Client

from adapters.case_check.case_checker import CaseChecker
from adapters.case_check.lost_run import UnheardSignal, find_unheard_signals
from adapters.case_check.next_run_loader import NextRunLoader
from domain.case.workflow_input import Recovery
from domain.errors import UserError

STUCK = "stuck"
"""The ending of a run that was ended because its workflow tasks failed, as the journal has it."""


class CaseNotStuckError(UserError):
    """The case goes on by itself, or does not run."""

    title = "The case is not stuck"
    status = 409
    problem_type = "case-not-stuck"


class CaseNotRepairableError(UserError):
    """Nothing is stored from which the case could go on."""

    title = "The case cannot be repaired"
    status = 409
    problem_type = "case-not-repairable"


class RepairPlan(NamedTuple):
    """What a repair would do. `fault` is the error of the task. `dropped` are the messages that would be lost, `sent_again` those that the
    case would be sent once more, as far as the server shows them: what comes while the task is under way it shows when that is over."""

    case_id: str
    run_id: str
    fault: str
    dropped: list[UnheardSignal]
    sent_again: list[UnheardSignal]


class CaseRepair:
    def __init__(self, client: Client, checker: CaseChecker, next_runs: NextRunLoader) -> None:
        self._client, self._checker, self._next_runs = client, checker, next_runs

    async def plan(self, case_id: str, keep: Collection[int] = (), drop: Collection[int] = ()) -> RepairPlan:
        """Plan the repair of a case whose task fails now. Dropped is what the first failing task took in; `keep` and `drop` name other
        choices by the messages' event ids. Raises CaseNotStuckError, CaseNotRepairableError."""
        stuck = await self._checker.find_fault(case_id)
        if stuck is None:
            raise CaseNotStuckError(f"no workflow task of {case_id!r} is failing; nothing is to be repaired")
        if self._next_runs.load(case_id, Recovery()) is None:
            raise CaseNotRepairableError(
                f"of {case_id!r} nothing is stored from which it could go on; reset it with the server's own tool: "
                f"temporal workflow reset --workflow-id '{case_id}' --type LastWorkflowTask --reapply-exclude All --reason repair"
            )
        dropped = {each.event_id for each in stuck.unheard if each.came_before_fault} - set(keep) | set(drop)
        return RepairPlan(
            case_id,
            stuck.run_id,
            stuck.fault,
            [each for each in stuck.unheard if each.event_id in dropped],
            [each for each in stuck.unheard if each.event_id not in dropped],
        )

    async def carry_out(self, plan: RepairPlan, actor: str) -> None:
        """End the run that is stuck, and begin another from the case's last journal write. Were this cut short, the standing check would
        begin the case again, with all its messages. What came while the task was under way the server shows only now: it is sent again."""
        handle = self._client.get_workflow_handle(plan.case_id, run_id=plan.run_id)
        await handle.terminate(f"duecourse cases repair, by {actor}")
        history = await handle.fetch_history()
        recovery = Recovery(reason=STUCK, actor=actor, dropped=[each.label for each in plan.dropped])
        dropped = {each.event_id for each in plan.dropped}
        unheard = [each for each in find_unheard_signals(history.events) if each.event_id not in dropped]
        await self._checker.begin_again(plan.case_id, recovery, unheard)
