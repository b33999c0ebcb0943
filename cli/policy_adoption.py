"""`duecourse policy adopt`: what a later version of a policy changes for the open invoices, and the request to move them."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from adapters.config.settings import Settings
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.adoption_query import AdoptionPreview, AdoptionQuery
from adapters.policies.adoption_start import build_adoption_command, build_adoption_start
from adapters.policies.policy_store import PolicyStore
from adapters.temporal.case_commands import CaseNotRunning, CommandRejected, TemporalCaseCommands
from cli.options import create_console, get_caller_name, load_business_clock, load_existing_settings, opened_database
from cli.standalone import connect_to_temporal


async def adopt_policy(given: Settings, name: str, dry_run: bool) -> None:
    """Show what adopting the version in force changes, and unless it is a dry run ask for it.

    Raises SettingsError, UnknownPolicyError, NothingToAdoptError, TemporalUnreachableError, CommandRejected, CasesUnreachable.
    """
    settings = load_existing_settings(given.data_dir)
    with opened_database(settings) as database:
        query, clock = AdoptionQuery(database, PolicyStore(database, LetterTemplates())), load_business_clock(database)
        preview = await asyncio.to_thread(query.preview, name, clock.to_business(datetime.now(UTC)).date())
        show_preview(create_console(), preview)
        if dry_run:
            return
        command = build_adoption_command(query, name, f"act:{uuid4()}", get_caller_name())
        cases = TemporalCaseCommands(await connect_to_temporal(settings))
        try:
            await cases.submit_or_start_case(build_adoption_start(name, clock), command)
        except CaseNotRunning as error:
            raise CommandRejected("the policy's last adoption came to its end in this moment; ask again") from error
    print(f"asked for, in the name of {command.actor}: the matrix's signatories decide (GET /v1/approvals)")
    print(f"how far it has come: GET /v1/policies/{name}/adoption")


def show_preview(console: Console, preview: AdoptionPreview) -> None:
    versions = ", ".join(f"{count} on version {version}" for version, count in preview.by_version.items())
    print(f"{preview.target.name} version {preview.target.version} is in force; open invoices on older versions: {versions or 'none'}")
    if not preview.groups:
        return
    table = Table("from", "next step now", "next step then", "that is", "invoices", "on hold", "due at once", "on", "such as")
    for group in preview.groups:
        days = " – ".join(dict.fromkeys(day.isoformat() for day in (group.first_on, group.last_on) if day))
        counts = (group.invoices, group.on_hold, group.at_once)
        table.add_row(
            f"version {group.version}",
            group.step_before or "none",
            group.step_after or "none",
            group.change.value,
            *(str(count) for count in counts),
            days,
            ", ".join(group.examples[:3]),
        )
    console.print(table)
