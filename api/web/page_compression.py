"""Pages go out compressed to browsers that unpack them. Each has some bytes of noise in its head, as many as chance will have, so that its
length says nothing about a secret that stands in the page beside something that came with the request."""

import secrets
import zlib
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders

from api.web.middleware import AsgiApp, AsgiMessage, Receive, Send

SMALLEST, LEVEL, MOST_NOISE = 1_000, 5, 100
_HEAD = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"
"""Of gzip (RFC 1952): deflated, with a file's name behind it, of no time and no system."""


class PageCompressionMiddleware:
    """Compresses what is HTML and comes in one piece."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not unpacks_gzip(Headers(scope=scope).get("accept-encoding", "")):
            await self._app(scope, receive, send)
            return
        head: AsgiMessage | None = None

        async def compressing(message: AsgiMessage) -> None:
            nonlocal head
            if message["type"] == "http.response.start" and _is_page(message):
                head = message
                return
            if head is not None:
                begun, head = head, None
                body = message.get("body", b"")
                MutableHeaders(scope=begun).add_vary_header("Accept-Encoding")
                if not message.get("more_body") and len(body) >= SMALLEST:
                    message = {**message, "body": compress_page(body)}
                    headers = MutableHeaders(scope=begun)
                    headers["Content-Encoding"], headers["Content-Length"] = "gzip", str(len(message["body"]))
                await send(begun)
            await send(message)

        await self._app(scope, receive, compressing)


def unpacks_gzip(accepted: str) -> bool:
    """Whether the header Accept-Encoding takes gzip: by its name, else by the star, and with a weight that is more than nothing."""
    weights = {}
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        weights[coding.strip()] = weight.strip().removeprefix("q=").strip()
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or not weight


def compress_page(body: bytes) -> bytes:
    noise = secrets.token_hex(MOST_NOISE)[: secrets.randbelow(MOST_NOISE)].encode()
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    return _HEAD + noise + b"\0" + packed + zlib.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")


def _is_page(message: AsgiMessage) -> bool:
    headers = MutableHeaders(scope=message)
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers
