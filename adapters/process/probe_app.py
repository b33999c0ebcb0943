"""What a process without a web application of its own answers to those who watch over it: /healthz, /readyz and /metrics."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
JSON_TYPE, PROBLEM_TYPE = "application/json", "application/problem+json"


class ProbeApp:
    """An ASGI application of three pages. It asks nobody who they are: they name no customer."""

    def __init__(self, find_obstacles: Callable[[], list[str]], render_metrics: Callable[[], str], metrics_type: str) -> None:
        """`find_obstacles` returns why the process cannot work now, each as the beginning of a sentence, from memory; `render_metrics` may
        block."""
        self._find_obstacles, self._render_metrics, self._metrics_type = find_obstacles, render_metrics, metrics_type

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _take_part_in_lifespan(receive, send)
            return
        if scope["type"] == "http":
            status, kind, body = await self._answer(scope["method"], scope["path"])
            length = str(len(body)).encode()
            headers = [(b"content-type", kind.encode()), (b"content-length", length), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in ("GET", "HEAD"):
            return _refuse(405, "method-not-allowed", "This route has no such method", "use GET", path)
        match path:
            case "/healthz":
                return 200, JSON_TYPE, b'{"status":"ok"}'
            case "/readyz":
                return self._answer_readiness(path)
            case "/metrics":
                return 200, self._metrics_type, (await asyncio.to_thread(self._render_metrics)).encode()
        return _refuse(404, "no-such-route", "There is nothing here", "ask for /healthz, /readyz or /metrics", path)

    def _answer_readiness(self, path: str) -> tuple[int, str, bytes]:
        if obstacles := self._find_obstacles():
            return _refuse(503, "not-ready", "A part does not answer", "; ".join(obstacles), path)
        return 200, JSON_TYPE, b'{"status":"ok","warnings":[]}'


async def _take_part_in_lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _refuse(status: int, kind: str, title: str, detail: str, path: str) -> tuple[int, str, bytes]:
    problem = {"type": f"urn:duecourse:problem:{kind}", "title": title, "status": status, "detail": detail, "instance": path}
    return status, PROBLEM_TYPE, json.dumps(problem).encode()
