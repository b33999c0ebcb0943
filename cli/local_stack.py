"""Runs everything on one machine for `duecourse up`: starts the parts in order and stops them in the opposite one.

The worker and the web application come as an argument, because they import all other parts and this module may not import them. They are
loaded when nothing stands in the way of a start any more: that takes longer than all else, and a refusal need not wait for it.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.composition import Services, compose_services, get_inbox_folder, open_database
from adapters.config.settings import Settings
from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import NothingHeldError, ReleaseStore
from adapters.database.clock_store import is_accelerated, load_clock, start_clock
from adapters.database.engine import Database
from adapters.database.live_clock import LiveClock
from adapters.identity.users_and_tokens import IdentityStore
from adapters.letters.letter_templates import LetterTemplates
from adapters.mail.local_inbox import Inbox, InboxServer
from adapters.policies.policy_store import PolicyStore
from adapters.policies.refusal import describe_refusal
from adapters.process.instance_lock import ComponentFailedError, InstanceLock
from adapters.process.log_setup import set_up_logging
from adapters.process.server_watch import ServerWatch, list_watched_servers
from adapters.process.web_server import AsgiApp, WebServer
from adapters.sample.simulation import SampleCustomers, WorkflowCommandSender, choose_sample, is_sample_chosen, load_sample
from adapters.sample.staff import SampleStaff
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.start_check import load_letters_for_start
from adapters.temporal.client import connect_client, set_history_retention, signal_clock_change
from adapters.temporal.clock_keeper import ClockKeeper
from adapters.temporal.embedded_server import TemporalServer
from adapters.temporal.namespace_check import prepare_namespace
from adapters.temporal.schedules import delete_old_runs, keep_schedules
from adapters.temporal.sdk_telemetry import measure_sdk
from adapters.temporal.task_time import choose_task_timeout
from cli.start_wait import Say, connect_to_set_server, wait_for_database
from domain.clock import Clock
from domain.correspondence.release import ReleaseSelection
from domain.journal.journal import SYSTEM
from domain.roles import Role

HISTORY_DAYS = 3_650
"""Commercial and tax law ask for six to ten years (Germany: section 257 HGB, section 147 AO)."""
SAMPLE_LEAD = timedelta(days=45)
SAMPLE_DAY_SECONDS = 10.0
CLEANUP_SECONDS = 3_600.0
OLD_RUNS = "old runs"
"""The item under which it is set aside that some could not be deleted."""

log = structlog.get_logger()

RunWorker = Callable[[Client, Services, asyncio.Event, Callable[[], None]], Awaitable[None]]
"""Works until the event is set, and calls the function once it has begun."""
MakeApp = Callable[[Client, Services], AsgiApp]
Duty = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until its event is set."""


@dataclass(frozen=True)
class StartOptions:
    """The options with which a data folder begins; None: not given. Given again at a later start, they must not contradict the first."""

    as_of: date | None = None
    day_seconds: float | None = None
    sample: bool | None = None


@dataclass(frozen=True)
class RunningStack:
    """What runs, for the screen."""

    services: Services
    url: str
    sign_in_url: str
    temporal: str
    inbox: InboxServer | None
    sample: bool


async def is_new_data_folder(settings: Settings, say: Say) -> bool:
    """Return whether the data folder has no business clock yet. Raises NewerDatabaseError, DatabaseUnreachableError."""
    await wait_for_database(settings, say)
    database = open_database(settings)
    try:
        return load_clock(database) is None
    finally:
        database.close()


async def run_local_stack(
    settings: Settings,
    options: StartOptions,
    load_parts: Callable[[], tuple[RunWorker, MakeApp]],
    show: Callable[[RunningStack], None],
    print_line: Callable[[str], None],
) -> None:
    """Start everything, `show` it once it is ready, and stop it at the first SIGINT or SIGTERM; the second one forces.

    A played clock is set going last, so that no business time passes while the parts start.

    Raises AlreadyRunningError, PortInUseError, NewerDatabaseError, SettingsError, PolicyError, ClockConflictError and the Temporal
    server's errors before anything is left running; ComponentFailedError when a part ends by itself.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        lock, web, letters = _take_data_folder(settings, stack)
        database = await _open_database_for_start(settings, letters, stack, print_line)
        first_start, clock, sample = _initialise_data(database, options)
        _stop_on_signals(stop, print_line)
        run_worker, make_app = load_parts()

        client, address = await _connect_temporal(settings, stack, print_line)
        inbox = await _start_local_inbox(settings, stack)
        services = compose_services(settings, database, clock, inbox.port if inbox else None)
        if sample and await asyncio.to_thread(load_sample, services):
            print_line("the sample portfolio is in")
        clock = start_clock(database, datetime.now(UTC))
        services = replace(services, clock=LiveClock.from_clock(clock) if is_accelerated(clock) else clock)
        if not first_start and is_accelerated(clock):
            set_aside = SetAsideStore(database)
            set_aside.set_all_aside(SetAsideStage.CLOCK, await signal_clock_change(client, clock))
        await keep_schedules(client, clock, SetAsideStore(database))

        tasks = [_run_until_stopped(stack, duty) for duty in _list_duties(client, services, run_worker, sample)]
        app = make_app(client, services)
        tasks.append(await web.serve(app))
        stack.push_async_callback(web.stop)
        if sample:
            tasks.append(_run_until_stopped(stack, SampleStaff(services, app).run))
        lock.publish_addresses(address, inbox.port if inbox else None, web.url)
        await stack.enter_async_context(ServerWatch(list_watched_servers(database, client), print_line).watching())

        code = IdentityStore(database).issue_sign_in_code("admin", Role.ADMIN)
        show(RunningStack(services, web.url, f"{web.url}/sign-in?code={code}", address, inbox, sample))
        await _wait_for_end(stop, tasks)
        print_line("stopping …")


def _take_data_folder(settings: Settings, stack: AsyncExitStack) -> tuple[InstanceLock, WebServer, LetterTemplates]:
    """Take the folder for this process, and load the company and the letters. The port is taken, and not yet served."""
    lock = InstanceLock.acquire(settings.data_dir)
    stack.callback(lock.release)
    set_up_logging(settings.data_dir / "logs" / "duecourse.log")
    measure_sdk()
    web = WebServer(settings.api_host, settings.api_port, settings.trusted_proxies)
    stack.push_async_callback(web.stop)
    return lock, web, load_letters_for_start(settings)


async def _open_database_for_start(settings: Settings, letters: LetterTemplates, stack: AsyncExitStack, say: Say) -> Database:
    """Open the database once it answers, and load the policies: the last good ones, where those in their folder are refused."""
    await wait_for_database(settings, say)
    database = open_database(settings)
    stack.callback(database.close)
    refusal = PolicyStore(database, letters).load_folder_or_keep(settings.policies_dir)
    for line in describe_refusal(refusal) if refusal else []:
        say(line)
    return database


def _list_duties(client: Client, services: Services, run_worker: RunWorker, sample: bool) -> list[Duty]:
    """Return what runs in the background, in the order in which it is started."""
    duties: list[Duty] = [
        lambda stopped: run_worker(client, services, stopped, lambda: None),
    ]
    if isinstance(services.clock, LiveClock):
        duties.insert(0, ClockKeeper(services.database, client, services.clock).run)
    if sample:
        duties.append(SampleCustomers(services, WorkflowCommandSender(client)).run)
    return [*duties, lambda stopped: _keep_house_regularly(client, services, stopped)]


def _initialise_data(database: Database, options: StartOptions) -> tuple[bool, Clock, bool]:
    """Return whether this is the first start, the clock, and whether the sample's customers live here."""
    now = datetime.now(UTC)
    if load_clock(database) is not None:
        return False, start_clock(database, now, options.as_of, options.day_seconds), is_sample_chosen(database)
    sample = options.sample if options.sample is not None else options.as_of is None
    as_of, speed = options.as_of, options.day_seconds
    if sample and as_of is None:
        as_of, speed = now.date() - SAMPLE_LEAD, speed or SAMPLE_DAY_SECONDS
    if sample:
        choose_sample(database, as_of or now.date())
    clock = start_clock(database, now, as_of, speed)
    if is_accelerated(clock):
        _release_for_play(database, clock.to_business(now), now)
    return True, clock, sample


def _release_for_play(database: Database, at: datetime, now: datetime) -> None:
    """Release what was imported before the first start: on a played clock nothing is held. `at` is business time, `now` real time."""
    with suppress(NothingHeldError):
        ReleaseStore(database).release(ReleaseSelection(everything=True), "a played clock", BrakeContext("first_start", SYSTEM, at, now))


async def _connect_temporal(settings: Settings, stack: AsyncExitStack, say: Say) -> tuple[Client, str]:
    """Return a client, and the server's address: of the server that is set, or of the embedded one, which keeps histories as long as the
    law asks."""
    if settings.temporal_address is not None:
        return await connect_to_set_server(settings, settings.temporal_address, say), settings.temporal_address
    say("starting Temporal …")
    server = await TemporalServer.find_or_start(
        settings.data_dir, settings.temporal_namespace, settings.temporal_port, settings.temporal_ui_port
    )
    stack.push_async_callback(server.stop)
    task_timeout = choose_task_timeout(settings.worker_takeover_seconds)
    client = await connect_client(server.address, settings.temporal_namespace, task_timeout=task_timeout)
    await set_history_retention(client, HISTORY_DAYS)
    await prepare_namespace(client)
    return client, server.address


async def _start_local_inbox(settings: Settings, stack: AsyncExitStack) -> InboxServer | None:
    if settings.smtp_host is not None:
        return None
    inbox = InboxServer(Inbox(get_inbox_folder(settings)), 0)
    await asyncio.to_thread(inbox.start)
    stack.push_async_callback(asyncio.to_thread, inbox.stop)
    return inbox


def _stop_on_signals(stop: asyncio.Event, print_line: Callable[[str], None]) -> None:
    def stop_or_exit() -> None:
        if stop.is_set():
            print_line("stopped at once")
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop_or_exit)


def _run_until_stopped(stack: AsyncExitStack, duty: Duty) -> "asyncio.Task[None]":
    """Run a duty; when its turn to stop has come, set its event and wait until it is done."""
    stopped = asyncio.Event()
    task: asyncio.Task[None] = asyncio.ensure_future(duty(stopped))

    async def finish() -> None:
        stopped.set()
        await asyncio.wait([task])

    stack.push_async_callback(finish)
    return task


async def _wait_for_end(stop: asyncio.Event, tasks: "list[asyncio.Task[None]]") -> None:
    """Wait until someone asks to stop. Raises ComponentFailedError when a duty fails."""
    stop_task = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[object]] = {stop_task, *tasks}
    while not stop_task.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stop_task}:
            if error := task.exception():
                log.error("part_failed", exc_info=error)
                raise ComponentFailedError(f"a part of Duecourse failed: {error}; the log in the data folder says more") from error


async def _keep_house_regularly(client: Client, services: Services, stop: asyncio.Event) -> None:
    """Once an hour: delete old runs, and create what schedules could not be created. What fails is set aside."""
    while not stop.is_set():
        try:
            await _keep_house(client, services)
        except (RPCError, SQLAlchemyError) as error:
            log.warning("house_not_kept", reason=str(error))
        try:
            await asyncio.wait_for(stop.wait(), CLEANUP_SECONDS)
        except TimeoutError:
            continue


async def _keep_house(client: Client, services: Services) -> None:
    set_aside = SetAsideStore(services.database)
    if any(name.endswith(":schedule") for name in await asyncio.to_thread(set_aside.list_waiting, SetAsideStage.SCHEDULE)):
        await keep_schedules(client, services.clock, set_aside)
    try:
        await delete_old_runs(client)
    except ExceptionGroup as error:
        await asyncio.to_thread(set_aside.set_aside, SetAsideStage.SCHEDULE, OLD_RUNS, error)
    else:
        await asyncio.to_thread(set_aside.settle, SetAsideStage.SCHEDULE, {OLD_RUNS})
