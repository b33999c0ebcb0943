"""Replaying for the commands of the audit: one account, all of them, or entry by entry."""

import asyncio
import sys
from datetime import date
from typing import TYPE_CHECKING

from adapters.config.settings import Settings
from cli.options import note_view, open_books, progress_bar, screen

if TYPE_CHECKING:
    from adapters.audit.audit_service import Auditor
    from adapters.database.engine import Database
    from domain.audit.replay_report import ReplayReport


async def auditor(settings: Settings, database: "Database") -> "Auditor":
    """Raises TemporalUnreachableError."""
    from adapters.audit.audit_service import Auditor
    from cli.standalone import join
    from worker import WORKFLOWS

    return Auditor(await join(settings), database, settings, WORKFLOWS)


async def replayed(settings: Settings, database: "Database", account: str) -> "ReplayReport":
    """Raises TemporalUnreachableError."""
    with progress_bar() as bar:
        bar.add_task(f"replaying {account}", total=None)
        return await (await auditor(settings, database)).replay(account)


def replay_all(settings: Settings) -> bool:
    """Every account, and what differs is shown; whether nothing did. Raises TemporalUnreachableError."""
    from adapters.audit.audit_service import audited_accounts
    from cli.audit_output import show_differences

    with open_books(settings) as database:
        reports = asyncio.run(_replayed_each(settings, database, audited_accounts(database)))
    show_differences(screen(), reports)
    return all(report.flawless for report in reports)


async def _replayed_each(settings: Settings, database: "Database", accounts: list[str]) -> "list[ReplayReport]":
    from domain.audit.scope import OneAccount

    replaying, reports = await auditor(settings, database), []
    with progress_bar("{task.completed:,} of {task.total:,} accounts") as bar:
        for account in bar.track(accounts, description="replaying"):
            await asyncio.to_thread(note_view, database, "replay", OneAccount(account))
            reports.append(await replaying.replay(account))
    return reports


def walk(database: "Database", account: str, until: date | None) -> None:
    """On a terminal the Enter key goes on to the next entry, and q ends."""
    from adapters.journal.account_state import StandingReading
    from api.presenters.phrases import phrases
    from cli.audit_output import show_entry, show_standing

    words, console = phrases("en"), screen()
    for entry, standing in StandingReading(database).steps(account, until):
        show_entry(console, entry, words.entry(entry.kind, entry.facts, entry.text("currency") or None))
        if sys.stdin.isatty():
            show_standing(console, standing)
            if console.input("Enter: the next entry, q: end ").strip().lower() == "q":
                return
