"""Replaying for the commands of the audit: one account, all of them, or entry by entry."""

import asyncio
import sys
from datetime import date
from typing import TYPE_CHECKING

from adapters.config.settings import Settings
from cli.options import create_console, opened_database, record_access, show_progress

if TYPE_CHECKING:
    from adapters.audit.audit_service import AuditService
    from adapters.database.engine import Database
    from domain.audit.replay_report import ReplayReport


async def create_audit_service(settings: Settings, database: "Database") -> "AuditService":
    """Raises TemporalUnreachableError."""
    from adapters.audit.audit_service import AuditService
    from cli.standalone import connect_to_temporal
    from worker import WORKFLOWS

    return AuditService(await connect_to_temporal(settings), database, settings, WORKFLOWS)


async def replay_account(settings: Settings, database: "Database", account: str) -> "ReplayReport":
    """Raises TemporalUnreachableError."""
    with show_progress() as bar:
        bar.add_task(f"replaying {account}", total=None)
        return await (await create_audit_service(settings, database)).replay(account)


def replay_all_accounts(settings: Settings) -> bool:
    """Replay every account, print the differences, and return whether there were none. Raises TemporalUnreachableError."""
    from adapters.audit.audit_service import list_audited_accounts
    from cli.audit_output import show_differences

    with opened_database(settings) as database:
        reports = asyncio.run(_replay_accounts(settings, database, list_audited_accounts(database)))
    show_differences(create_console(), reports)
    return all(report.flawless for report in reports)


async def _replay_accounts(settings: Settings, database: "Database", accounts: list[str]) -> "list[ReplayReport]":
    from domain.audit.scope import AccountScope

    replaying, reports = await create_audit_service(settings, database), []
    with show_progress("{task.completed:,} of {task.total:,} accounts") as bar:
        for account in bar.track(accounts, description="replaying"):
            await asyncio.to_thread(record_access, database, "replay", AccountScope(account))
            reports.append(await replaying.replay(account))
    return reports


def walk_entries(database: "Database", account: str, until: date | None) -> None:
    """On a terminal the Enter key goes on to the next entry, and q ends."""
    from adapters.journal.account_state import AccountStateQuery
    from api.presenters.phrases import load_phrases
    from cli.audit_output import show_account_state, show_entry

    words, console = load_phrases("en"), create_console()
    for entry, standing in AccountStateQuery(database).iterate_states(account, until):
        show_entry(console, entry, words.render_entry(entry.kind, entry.facts, entry.get_text("currency") or None))
        if sys.stdin.isatty():
            show_account_state(console, standing)
            if console.input("Enter: the next entry, q: end ").strip().lower() == "q":
                return
