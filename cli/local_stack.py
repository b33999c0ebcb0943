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

from adapters.composition import Parts, compose, inbox_folder, open_database
from adapters.config.company import load_company
from adapters.config.settings import Settings
from adapters.database.clock_store import keep_noting, load_clock, played, settle_clock
from adapters.database.engine import Database
from adapters.identity.users_and_tokens import Identity
from adapters.letters.letter_templates import LetterBook
from adapters.mail.local_inbox import Inbox, InboxServer
from adapters.policies.policy_store import PolicyBook
from adapters.process.instance_lock import PartFailedError, Tenancy
from adapters.process.log_setup import log_to
from adapters.process.web_server import WebApp, WebServer
from adapters.sample.simulation import RunningCases, SampleCustomers, choose_sample, load_sample, sample_chosen
from adapters.temporal.client import connect, keep_histories, tell_of_clock
from adapters.temporal.embedded_server import TemporalServer
from adapters.temporal.schedules import forget_old_runs, put_schedules
from domain.clock import Clock
from domain.roles import Role

HISTORY_DAYS = 3_650
"""Commercial and tax law ask for six to ten years (Germany: section 257 HGB, section 147 AO)."""
SAMPLE_LEAD = timedelta(days=45)
SAMPLE_DAY_SECONDS = 10.0
TIDY_SECONDS = 3_600.0

log = structlog.get_logger()

RunWorker = Callable[[Client, Parts, asyncio.Event], Awaitable[None]]
MakeApp = Callable[[Client, Parts], WebApp]


@dataclass(frozen=True)
class Opening:
    """How a data folder begins. None: not said. Said again later, it must not contradict what was begun."""

    as_of: date | None = None
    day_seconds: float | None = None
    sample: bool | None = None


@dataclass(frozen=True)
class Running:
    """What is up, for the screen."""

    parts: Parts
    url: str
    sign_in_url: str
    temporal: str
    inbox: InboxServer | None
    first_start: bool
    sample: bool


def begins_here(settings: Settings) -> bool:
    """No business has been done in this data folder yet. Raises NewerDatabaseError."""
    database = open_database(settings)
    try:
        return load_clock(database) is None
    finally:
        database.close()


async def keep_house(
    settings: Settings,
    opening: Opening,
    run_worker: RunWorker,
    make_app: MakeApp,
    show: Callable[[Running], None],
    say: Callable[[str], None],
) -> None:
    """Start everything, `show` it once it is ready, and stop it at the first SIGINT or SIGTERM; the second one forces.

    A played clock is set going last, so that no business time passes while the parts start.

    Raises AlreadyRunningError, PortInUseError, NewerDatabaseError, SettingsError, PolicyError, ClockConflictError and the Temporal
    server's errors before anything is left running; PartFailedError when a part ends by itself.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as house:
        tenancy = Tenancy.take(settings.data_dir)
        house.callback(tenancy.end)
        log_to(settings.data_dir / "logs" / "duecourse.log")
        web = WebServer(settings.api_host, settings.api_port)
        house.push_async_callback(web.stop)
        load_company(settings)
        database = open_database(settings)
        house.callback(database.close)
        PolicyBook(database, LetterBook(settings.letters_dir)).load(settings.policies_dir)
        first_start, clock, sample = _begin(database, opening)
        _stop_on_signals(stop, say)

        say("starting Temporal …")
        client, address = await _temporal(settings, house)
        inbox = await _local_inbox(settings, house)
        parts = compose(settings, database, clock, inbox.port if inbox else None)
        if sample and await asyncio.to_thread(load_sample, parts):
            say("the sample portfolio is in")
        clock = settle_clock(database, datetime.now(UTC))
        parts = replace(parts, clock=clock)
        if not first_start and played(clock):
            await tell_of_clock(client, clock)
        await put_schedules(client, clock)

        duties = [_until(house, keep_noting(database, clock, stopped := asyncio.Event()), stopped)]
        duties.append(_until(house, _as_duty(run_worker(client, parts, stopped := asyncio.Event())), stopped))
        if sample:
            duties.append(_until(house, SampleCustomers(parts, RunningCases(client)).live(stopped := asyncio.Event()), stopped))
        duties.append(_until(house, _tidy(client, stopped := asyncio.Event()), stopped))
        duties.append(await web.serve(make_app(client, parts)))
        house.push_async_callback(web.stop)
        tenancy.announce(address, inbox.port if inbox else None, web.url)

        code = Identity(database).sign_in_code("admin", Role.ADMIN)
        show(Running(parts, web.url, f"{web.url}/sign-in?code={code}", address, inbox, first_start, sample))
        await _first_end(stop, duties)
        say("stopping …")


def _begin(database: Database, opening: Opening) -> tuple[bool, Clock, bool]:
    """Whether this is the first start, the clock, and whether the sample's customers live here."""
    now = datetime.now(UTC)
    if load_clock(database) is not None:
        return False, settle_clock(database, now, opening.as_of, opening.day_seconds), sample_chosen(database)
    sample = opening.sample if opening.sample is not None else opening.as_of is None
    as_of, speed = opening.as_of, opening.day_seconds
    if sample and as_of is None:
        as_of, speed = now.date() - SAMPLE_LEAD, speed or SAMPLE_DAY_SECONDS
    if sample:
        choose_sample(database, as_of or now.date())
    return True, settle_clock(database, now, as_of, speed), sample


async def _temporal(settings: Settings, house: AsyncExitStack) -> tuple[Client, str]:
    """A client of the server that is set, or of the embedded one; the embedded one keeps histories as long as the law asks."""
    if settings.temporal_address is not None:
        return await connect(settings.temporal_address, settings.temporal_namespace), settings.temporal_address
    server = await TemporalServer.find_or_start(
        settings.data_dir, settings.temporal_namespace, settings.temporal_port, settings.temporal_ui_port
    )
    house.push_async_callback(server.stop)
    client = await connect(server.address, settings.temporal_namespace)
    await keep_histories(client, HISTORY_DAYS)
    return client, server.address


async def _local_inbox(settings: Settings, house: AsyncExitStack) -> InboxServer | None:
    if settings.smtp_host is not None:
        return None
    inbox = InboxServer(Inbox(inbox_folder(settings)), 0)
    await asyncio.to_thread(inbox.start)
    house.push_async_callback(asyncio.to_thread, inbox.stop)
    return inbox


def _stop_on_signals(stop: asyncio.Event, say: Callable[[str], None]) -> None:
    def asked() -> None:
        if stop.is_set():
            say("stopped at once")
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def _as_duty(duty: Awaitable[None]) -> None:
    await duty


def _until(house: AsyncExitStack, duty: Awaitable[None], stopped: asyncio.Event) -> "asyncio.Task[None]":
    """Run a duty; when its turn to stop has come, tell it and wait until it is done."""
    task: asyncio.Task[None] = asyncio.ensure_future(duty)

    async def finish() -> None:
        stopped.set()
        await asyncio.wait([task])

    house.push_async_callback(finish)
    return task


async def _first_end(stop: asyncio.Event, duties: "list[asyncio.Task[None]]") -> None:
    """Until someone asks to stop. Raises PartFailedError when a duty fails."""
    asked = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[object]] = {asked, *duties}
    while not asked.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {asked}:
            if error := task.exception():
                log.error("part_failed", exc_info=error)
                raise PartFailedError(f"a part of Duecourse failed: {error}; the log in the data folder says more") from error


async def _tidy(client: Client, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await forget_old_runs(client)
        except RPCError as error:
            log.warning("old_runs_not_forgotten", reason=str(error))
        try:
            await asyncio.wait_for(stop.wait(), TIDY_SECONDS)
        except TimeoutError:
            continue
