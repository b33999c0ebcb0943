"""Everything on one machine, started in order and stopped in the opposite one: what `duecourse up` keeps running.

The worker and the web application are handed in, for they know all other parts and nothing here may know them.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.composition import Services, compose_services, get_inbox_folder, open_database
from adapters.config.company import load_company
from adapters.config.settings import Settings
from adapters.database.clock_store import is_accelerated, load_clock, record_clock_progress, start_clock
from adapters.database.engine import Database
from adapters.identity.users_and_tokens import IdentityStore
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.local_inbox import Inbox, InboxServer
from adapters.policies.policy_store import PolicyStore
from adapters.process.instance_lock import ComponentFailedError, InstanceLock
from adapters.process.log_setup import set_up_logging
from adapters.process.web_server import AsgiApp, WebServer
from adapters.sample.simulation import SampleCustomers, WorkflowCommandSender, choose_sample, is_sample_chosen, load_sample
from adapters.temporal.client import connect_client, set_history_retention, signal_clock_change
from adapters.temporal.embedded_server import TemporalServer
from adapters.temporal.schedules import delete_old_runs, upsert_schedules
from domain.clock import Clock
from domain.roles import Role

HISTORY_DAYS = 3_650
"""Commercial and tax law ask for six to ten years (Germany: section 257 HGB, section 147 AO)."""
SAMPLE_LEAD = timedelta(days=45)
SAMPLE_DAY_SECONDS = 10.0
CLEANUP_SECONDS = 3_600.0

log = structlog.get_logger()

RunWorker = Callable[[Client, Services, asyncio.Event], Awaitable[None]]
MakeApp = Callable[[Client, Services], AsgiApp]


@dataclass(frozen=True)
class StartOptions:
    """How a data folder begins. None: not said. Said again later, it must not contradict what was begun."""

    as_of: date | None = None
    day_seconds: float | None = None
    sample: bool | None = None


@dataclass(frozen=True)
class RunningStack:
    """What is up, for the screen."""

    services: Services
    url: str
    sign_in_url: str
    temporal: str
    inbox: InboxServer | None
    sample: bool


def is_new_data_folder(settings: Settings) -> bool:
    """No business has been done in this data folder yet. Raises NewerDatabaseError."""
    database = open_database(settings)
    try:
        return load_clock(database) is None
    finally:
        database.close()


async def run_local_stack(
    settings: Settings,
    options: StartOptions,
    run_worker: RunWorker,
    make_app: MakeApp,
    show: Callable[[RunningStack], None],
    print_line: Callable[[str], None],
) -> None:
    """Start everything, `show` it once it is ready, and stop it at the first SIGINT or SIGTERM; the second one forces.

    A played clock is set going last, so that no business time passes while the parts start.

    Raises AlreadyRunningError, PortInUseError, NewerDatabaseError, SettingsError, PolicyError, ClockConflictError and the Temporal
    server's errors before anything is left running; PartFailedError when a part ends by itself.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as house:
        tenancy = InstanceLock.acquire(settings.data_dir)
        house.callback(tenancy.release)
        set_up_logging(settings.data_dir / "logs" / "duecourse.log")
        web = WebServer(settings.api_host, settings.api_port)
        house.push_async_callback(web.stop)
        load_company(settings)
        database = open_database(settings)
        house.callback(database.close)
        PolicyStore(database, LetterTemplates(settings.letters_dir)).load_folder(settings.policies_dir)
        first_start, clock, sample = _initialise_data(database, options)
        _stop_on_signals(stop, print_line)

        print_line("starting Temporal …")
        client, address = await _connect_temporal(settings, house)
        inbox = await _start_local_inbox(settings, house)
        parts = compose_services(settings, database, clock, inbox.port if inbox else None)
        if sample and await asyncio.to_thread(load_sample, parts):
            print_line("the sample portfolio is in")
        clock = start_clock(database, datetime.now(UTC))
        parts = replace(parts, clock=clock)
        if not first_start and is_accelerated(clock):
            await signal_clock_change(client, clock)
        await upsert_schedules(client, clock)

        duties = [_run_until_stopped(house, record_clock_progress(database, clock, stopped := asyncio.Event()), stopped)]
        duties.append(_run_until_stopped(house, _await_task(run_worker(client, parts, stopped := asyncio.Event())), stopped))
        if sample:
            duties.append(
                _run_until_stopped(house, SampleCustomers(parts, WorkflowCommandSender(client)).run(stopped := asyncio.Event()), stopped)
            )
        duties.append(_run_until_stopped(house, _delete_old_runs_regularly(client, stopped := asyncio.Event()), stopped))
        duties.append(await web.serve(make_app(client, parts)))
        house.push_async_callback(web.stop)
        tenancy.publish_addresses(address, inbox.port if inbox else None, web.url)

        code = IdentityStore(database).issue_sign_in_code("admin", Role.ADMIN)
        show(RunningStack(parts, web.url, f"{web.url}/sign-in?code={code}", address, inbox, sample))
        await _wait_for_end(stop, duties)
        print_line("stopping …")


def _initialise_data(database: Database, options: StartOptions) -> tuple[bool, Clock, bool]:
    """Whether this is the first start, the clock, and whether the sample's customers live here."""
    now = datetime.now(UTC)
    if load_clock(database) is not None:
        return False, start_clock(database, now, options.as_of, options.day_seconds), is_sample_chosen(database)
    sample = options.sample if options.sample is not None else options.as_of is None
    as_of, speed = options.as_of, options.day_seconds
    if sample and as_of is None:
        as_of, speed = now.date() - SAMPLE_LEAD, speed or SAMPLE_DAY_SECONDS
    if sample:
        choose_sample(database, as_of or now.date())
    return True, start_clock(database, now, as_of, speed), sample


async def _connect_temporal(settings: Settings, stack: AsyncExitStack) -> tuple[Client, str]:
    """A client of the server that is set, or of the embedded one; the embedded one keeps histories as long as the law asks."""
    if settings.temporal_address is not None:
        return await connect_client(settings.temporal_address, settings.temporal_namespace), settings.temporal_address
    server = await TemporalServer.find_or_start(
        settings.data_dir, settings.temporal_namespace, settings.temporal_port, settings.temporal_ui_port
    )
    stack.push_async_callback(server.stop)
    client = await connect_client(server.address, settings.temporal_namespace)
    await set_history_retention(client, HISTORY_DAYS)
    return client, server.address


async def _start_local_inbox(settings: Settings, stack: AsyncExitStack) -> InboxServer | None:
    if settings.smtp_host is not None:
        return None
    inbox = InboxServer(Inbox(get_inbox_folder(settings)), 0)
    await asyncio.to_thread(inbox.start)
    stack.push_async_callback(asyncio.to_thread, inbox.stop)
    return inbox


def _stop_on_signals(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    def asked() -> None:
        if stop.is_set():
            say("stopped at once")
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def _await_task(work: Awaitable[None]) -> None:
    await work


def _run_until_stopped(stack: AsyncExitStack, work: Awaitable[None], stopped: asyncio.Event) -> "asyncio.Task[None]":
    """Run a duty; when its turn to stop has come, tell it and wait until it is done."""
    task: asyncio.Task[None] = asyncio.ensure_future(work)

    async def finish() -> None:
        stopped.set()
        await asyncio.wait([task])

    stack.push_async_callback(finish)
    return task


async def _wait_for_end(stop: asyncio.Event, tasks: "list[asyncio.Task[None]]") -> None:
    """Until someone asks to stop. Raises PartFailedError when a duty fails."""
    asked = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[object]] = {asked, *tasks}
    while not asked.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {asked}:
            if error := task.exception():
                log.error("part_failed", exc_info=error)
                raise ComponentFailedError(f"a part of Duecourse failed: {error}; the log in the data folder says more") from error


async def _delete_old_runs_regularly(client: Client, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await delete_old_runs(client)
        except RPCError as error:
            log.warning("old_runs_not_forgotten", reason=str(error))
        try:
            await asyncio.wait_for(stop.wait(), CLEANUP_SECONDS)
        except TimeoutError:
            continue
