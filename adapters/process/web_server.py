"""The web server, inside a process that handles its own signals."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from adapters.process.gc_tuning import freeze_loaded_objects
from adapters.temporal.embedded_server import PortInUseError

AsgiMessage = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]], Awaitable[None]
]


class WebServer:
    """A server that listens once it is built, so that a port in use is found before anything is started. It serves while `serve` runs."""

    def __init__(self, host: str, port: int, trusted_proxies: str | None = None, port_option: str = "--port") -> None:
        """Listen on the port. `trusted_proxies`: whose X-Forwarded-Proto is believed, by address or network; `port_option` is what chooses
        another port. Raises PortInUseError."""
        self._trusted_proxies = trusted_proxies
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise PortInUseError(
                f"{host}:{port} cannot be listened on ({error.strerror}): another program may use this port; "
                f"stop it, or choose another with {port_option}"
            ) from error
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self._server: _SignalFreeServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self, app: AsgiApp) -> "asyncio.Task[None]":
        """Wait until requests are answered. Each can ask `is_stopping` of its scope: an answer that has no end by itself ends when the
        server stops."""

        async def telling(
            scope: AsgiMessage, receive: Callable[[], Awaitable[AsgiMessage]], send: Callable[[AsgiMessage], Awaitable[None]]
        ) -> None:
            scope["is_stopping"] = lambda: self._server is not None and self._server.should_exit
            await app(scope, receive, send)

        config = uvicorn.Config(
            telling,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            proxy_headers=self._trusted_proxies is not None,
            forwarded_allow_ips=self._trusted_proxies or "",
        )
        self._server = _SignalFreeServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 uvicorn sets no event
            await asyncio.sleep(0.01)
        freeze_loaded_objects()
        return self._task

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task])
        self._socket.close()


class _SignalFreeServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
