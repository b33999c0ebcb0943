"""`duecourse cases`: every open case has exactly one running workflow; one that is lost is begun again, one that is stuck is repaired."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from cli.options import DataDir, load_existing_settings, opened_database

if TYPE_CHECKING:
    from adapters.case_check.case_checker import CaseChecker, CaseCheckResult
    from adapters.config.settings import Settings

ATTENTION_STATUS = 1

cases_app = typer.Typer(no_args_is_help=True, help="The workflows of the cases: checked, and repaired.")


@cases_app.command("check")
def check_cases(data_dir: DataDir = None) -> None:
    """Look whether every open case has a running workflow, and begin those again that have none. Ends with 1 when one cannot be.

    Duecourse does the same of itself every five minutes.
    """
    result = asyncio.run(_check_cases(load_existing_settings(data_dir)))
    for case_id in result.begun_again:
        print(f"begun again: {case_id}")
    for case_id, ending in result.cannot_go_on.items():
        print(f"cannot be begun again: {case_id} ({ending}); nothing is stored from which it could go on")
    print(f"{result.looked_at:,} cases are open, {len(result.begun_again):,} had no running workflow and were begun again")
    if result.cannot_go_on:
        raise typer.Exit(ATTENTION_STATUS)


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
