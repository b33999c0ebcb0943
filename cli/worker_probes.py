"""What `duecourse worker` shows on its port: whether it lives, whether it works, and its figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from adapters.composition import Services
from adapters.config.settings import ENV_PREFIX, Settings
from adapters.process.probe_app import ProbeApp
from adapters.process.server_watch import ServerWatch
from adapters.process.web_server import WebServer
from adapters.temporal.sdk_telemetry import read_sdk_metrics
from api.presenters.metrics import METRICS_TYPE, render_gauge, render_metrics

WORKER_PORT = f"{ENV_PREFIX}WORKER_PORT"


class WorkerProbes:
    """Shown from the first moment on, while the worker still waits for its servers: `services`, `watch` and `stop` are None until then.
    `stop` is set once it is asked to stop."""

    def __init__(self) -> None:
        self.services: Services | None = None
        self.watch: ServerWatch | None = None
        self.stop: asyncio.Event | None = None
        self.begun = False

    def find_obstacles(self) -> list[str]:
        """Return why it cannot work now."""
        obstacles = [f"{name} does not answer" for name in (self.watch.absent if self.watch else [])]
        if not self.begun:
            obstacles.append("the worker has not begun")
        if self.stop is not None and self.stop.is_set():
            obstacles.append("the worker stops")
        return obstacles

    def render_metrics(self) -> str:
        """The SDK's figures, and the database's while that answers."""
        ready = render_gauge("duecourse_worker_ready", "1 while this worker works.", [("", int(not self.find_obstacles()))])
        stored = ""
        if self.services is not None:
            now = datetime.now(UTC)
            with suppress(SQLAlchemyError):
                stored = render_metrics(self.services.database, self.services.clock.to_business(now).date(), now)
        return ready + stored + read_sdk_metrics()


@asynccontextmanager
async def shown_probes(settings: Settings) -> AsyncIterator[WorkerProbes]:
    """Show the probes for as long as the block lasts, on the port that is set, if one is. Raises PortInUseError."""
    probes = WorkerProbes()
    if settings.worker_port is None:
        yield probes
        return
    web = WebServer(settings.worker_host, settings.worker_port, port_option=WORKER_PORT)
    await web.serve(ProbeApp(probes.find_obstacles, probes.render_metrics, METRICS_TYPE))
    try:
        yield probes
    finally:
        await web.stop()
