"""`duecourse cases`: every open case has exactly one running workflow; one that is lost is begun again, one that is stuck is repaired."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import DataDir, get_caller_name, load_existing_settings, opened_database

if TYPE_CHECKING:
    from adapters.case_check.case_checker import CaseChecker, CaseCheckResult
    from adapters.case_check.case_repair import RepairPlan
    from adapters.case_check.lost_run import UnheardSignal
    from adapters.config.settings import Settings

ATTENTION_STATUS = 1

cases_app = typer.Typer(no_args_is_help=True, help="The workflows of the cases: checked, and repaired.")


@cases_app.command("check")
def check_cases(data_dir: DataDir = None) -> None:
    """Look whether every open case has a running workflow, and begin those again that have none. Ends with 1 when one cannot be,
    or is stuck.

    Duecourse does the same of itself every five minutes.
    """
    result = asyncio.run(_check_cases(load_existing_settings(data_dir)))
    for case_id in result.begun_again:
        print(f"begun again: {case_id}")
    for case_id, ending in result.cannot_go_on.items():
        print(f"cannot be begun again: {case_id} ({ending}); nothing is stored from which it could go on")
    for case_id, fault in result.stuck.items():
        print(f"stuck: {case_id}: {fault}; `duecourse cases repair {case_id}` shows what can be done")
    print(f"{result.looked_at:,} cases are open, {len(result.begun_again):,} had no running workflow and were begun again")
    if result.cannot_go_on or result.stuck:
        raise typer.Exit(ATTENTION_STATUS)


@cases_app.command("repair")
def repair_case(
    case_id: Annotated[str, typer.Argument(help="The case, such as invoice:C-1042-7.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; otherwise it is only shown.")] = False,
    keep: Annotated[list[int] | None, typer.Option(metavar="EVENT", help="Send this message again, too.")] = None,
    drop: Annotated[list[int] | None, typer.Option(metavar="EVENT", help="Leave this message out, too.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Set a case whose workflow task fails back to its last journal write, and let it go on without the message that it fails at.

    First it is shown what would be lost: the messages that the first failing task took in. Those that came later are sent again.
    """
    plan = asyncio.run(_repair_case(load_existing_settings(data_dir), case_id, keep or [], drop or [], yes))
    print(f"{plan.case_id} is stuck: {plan.fault or 'its workflow task does not end in time'}")
    print(_list_messages("lost, for the task that fails took them in", plan.dropped))
    print(_list_messages("sent again, for they came later", plan.sent_again))
    if yes:
        print("repaired: it goes on from its last journal entry; `duecourse cases check` and `duecourse audit verify` show how it is")
    else:
        print("nothing was changed; add --yes to repair it, --keep EVENT or --drop EVENT to choose otherwise")


def _list_messages(what: str, signals: "Sequence[UnheardSignal]") -> str:
    return "\n".join([f"{what}: {len(signals)}", *(f"  {signal.label}, {signal.at:%Y-%m-%d %H:%M:%S} UTC" for signal in signals)])


async def _repair_case(settings: "Settings", case_id: str, keep: "Sequence[int]", drop: "Sequence[int]", is_agreed: bool) -> "RepairPlan":
    """Raises TemporalUnreachableError, CaseNotStuckError, CaseNotRepairableError."""
    from adapters.composition import compose_services
    from cli.standalone import connect_to_temporal
    from worker import build_case_repair

    client = await connect_to_temporal(settings)
    with opened_database(settings) as database:
        repair = build_case_repair(client, compose_services(settings, database))
        plan = await repair.plan(case_id, keep, drop)
        if is_agreed:
            await repair.carry_out(plan, get_caller_name())
        return plan


async def _check_cases(settings: "Settings") -> "CaseCheckResult":
    async with _opened_checker(settings) as checker:
        return await checker.check(datetime.now(UTC))


@asynccontextmanager
async def _opened_checker(settings: "Settings") -> "AsyncIterator[CaseChecker]":
    """Raises TemporalUnreachableError."""
    from adapters.composition import compose_services
    from cli.standalone import connect_to_temporal
    from worker import build_case_checker

    client = await connect_to_temporal(settings)
    with opened_database(settings) as database:
        yield build_case_checker(client, compose_services(settings, database))
