"""`duecourse status`: what runs on a data folder, and what needs somebody's attention."""

from datetime import UTC, datetime

from adapters.config.settings import Settings
from adapters.connections.connection_overview import ConnectionStanding, load_connection_overviews
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.in_force import describe_overtaken_file, list_overtaken_files
from adapters.policies.policy_store import PolicyStore
from adapters.policies.refusal import describe_refusal, find_refusal
from adapters.process.instance_lock import RunningInstance, find_running_instance
from cli.billing_commands import describe_connection
from cli.options import load_business_clock, load_existing_settings, opened_database

ATTENTION_STATUS = 1

_NOT_WORKING = {ConnectionStanding.AWAY, ConnectionStanding.REFUSED, ConnectionStanding.UNUSABLE}


def print_status(given: Settings) -> int:
    """Print it; return the exit status: 0, or 1 when something needs attention. Raises SettingsError for a folder without Duecourse."""
    settings = load_existing_settings(given.data_dir)
    running = find_running_instance(settings.data_dir)
    with opened_database(settings) as database:
        policies = PolicyStore(database, LetterTemplates())
        print(f"Runs           {_describe_running(settings, running)}")
        print(f"Business date  {load_business_clock(database).to_business(datetime.now(UTC)):%Y-%m-%d}")
        print(f"Policies       {', '.join(f'{snapshot.name} {snapshot.version}' for snapshot in policies.list_in_force()) or 'none'}")
        for file in list_overtaken_files(database):
            print(f"               {describe_overtaken_file(file)}")
        needs_attention = _print_connections(database, settings)
        refusal = find_refusal(database)
        if refusal is None:
            return ATTENTION_STATUS if needs_attention else 0
        print(f"\nSince {refusal.at:%Y-%m-%d %H:%M} UTC: {describe_refusal(refusal)[0]}")
        for line in describe_refusal(refusal)[1:]:
            print(line)
        return ATTENTION_STATUS


def _print_connections(database: Database, settings: Settings) -> bool:
    """Whether one of them does not work."""
    clock = load_business_clock(database)
    systems = ConnectionRegistry(database, settings, lambda: clock.to_business(datetime.now(UTC)))
    overviews = load_connection_overviews(database, systems.list_all())
    for number, overview in enumerate(overviews):
        print(f"{'' if number else 'Billing':15}{describe_connection(overview)}")
    return any(overview.standing in _NOT_WORKING for overview in overviews)


def _describe_running(settings: Settings, running: RunningInstance | None) -> str:
    if running is not None:
        return running.url or "yes"
    if settings.temporal_address is not None:
        return "not as `duecourse up`; how `duecourse api` and `duecourse worker` are, their /readyz says"
    return "no; start it with `duecourse up`"
