"""Runs one part at a time, as in production: a worker here, the web application there, Temporal and the database elsewhere."""

import asyncio
import signal
from collections.abc import Callable

from temporalio.client import Client

from adapters.composition import Services, compose_services
from adapters.config.settings import Settings
from adapters.process.instance_lock import RunningInstance, find_running_instance
from adapters.process.log_setup import set_up_logging
from adapters.process.server_watch import ServerWatch, list_watched_servers
from adapters.process.web_server import WebServer
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.temporal.client import TemporalUnreachableError, connect_client
from adapters.temporal.schedules import keep_schedules
from adapters.temporal.sdk_telemetry import forward_sdk_log, measure_sdk
from adapters.temporal.task_time import choose_task_timeout
from adapters.temporal.transport_security import TransportSecurity
from cli.local_stack import MakeApp, RunWorker
from cli.start_wait import connect_to_set_server, wait_for_database
from cli.worker_probes import shown_probes


async def run_standalone_worker(settings: Settings, load_worker: Callable[[], RunWorker], say: Callable[[str], None]) -> None:
    """Run a worker until SIGINT or SIGTERM; it is loaded when there is something to join. Raises SettingsError, NewerDatabaseError,
    DatabaseUnreachableError, TemporalUnreachableError, NamespaceError, PortInUseError."""
    async with shown_probes(settings) as probes:
        client, parts, stop = await _prepare_process(settings, say)
        run_worker = load_worker()

        def begin() -> None:
            say(f"ready for the work of {client.service_client.config.target_host}, namespace {client.namespace}")
            probes.begun = True

        async with ServerWatch(list_watched_servers(parts.database, client), say).watching() as watch:
            probes.services, probes.watch, probes.stop = parts, watch, stop
            await run_worker(client, parts, stop, begin)
        parts.database.close()


async def run_standalone_api(settings: Settings, load_web_app: Callable[[], MakeApp], say: Callable[[str], None]) -> None:
    """Serve console and API until SIGINT or SIGTERM; they are loaded when there is something to join. Raises PortInUseError, SettingsError,
    NewerDatabaseError, DatabaseUnreachableError, TemporalUnreachableError, NamespaceError."""
    client, parts, stop = await _prepare_process(settings, say)
    web = WebServer(settings.api_host, settings.api_port, settings.trusted_proxies)
    serving = await web.serve(load_web_app()(client, parts))
    say(f"ready {web.url}")
    async with ServerWatch(list_watched_servers(parts.database, client), say).watching():
        await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    await web.stop()
    parts.database.close()


async def prepare_release(settings: Settings, say: Callable[[str], None]) -> None:
    """Raises PolicyError, SettingsError, NewerDatabaseError, DatabaseUnreachableError, TemporalUnreachableError, NamespaceError."""
    client, parts, _ = await _prepare_process(settings, say)
    parts.policies.load_folder(settings.policies_dir)
    await keep_schedules(client, parts.clock, SetAsideStore(parts.database))
    parts.database.close()


async def connect_to_temporal(settings: Settings) -> Client:
    """Connect a command to the Temporal server that is set, or that of this data folder's Duecourse. Raises TemporalUnreachableError,
    SettingsError."""
    address = _find_temporal_address(settings)
    _log_beside_output(settings)
    security, task_timeout = TransportSecurity.from_settings(settings), choose_task_timeout(settings.worker_takeover_seconds)
    return await connect_client(address, settings.temporal_namespace, security=security, task_timeout=task_timeout)


def _log_beside_output(settings: Settings) -> None:
    """Log to the data folder, the SDK's lines too, so that a command's output is its own; to standard error where that cannot be."""
    try:
        set_up_logging(settings.data_dir / "logs" / "duecourse.log" if settings.data_dir.is_dir() else None)
    except OSError:
        set_up_logging(None)
    forward_sdk_log()


def _find_temporal_address(settings: Settings) -> str:
    running = find_running_instance(settings.data_dir)
    address = settings.temporal_address or (running.temporal_address if running else None)
    if address is None:
        raise TemporalUnreachableError(
            f"nothing runs on {settings.data_dir}; start it with `duecourse up`, or name a server in DUECOURSE_TEMPORAL_ADDRESS"
        )
    return address


async def _prepare_process(settings: Settings, say: Callable[[str], None]) -> tuple[Client, Services, asyncio.Event]:
    """Until the servers answer there is nothing to finish: a signal ends the process as it ends any other."""
    set_up_logging(None)
    measure_sdk()
    address = _find_temporal_address(settings)
    await wait_for_database(settings, say)
    client = await connect_to_set_server(settings, address, say)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running: RunningInstance | None = find_running_instance(settings.data_dir)
    return client, compose_services(settings, inbox_port=running.inbox_port if running else None), stop
