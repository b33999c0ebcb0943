"""What pages load: our style and script, and the browser libraries that set-up installs. Each has a name that its content gives it.

On a machine that could not fetch the libraries the console is the same pages without what needs them.
"""

import gzip
from functools import cache
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response

from adapters.shipped_files import PROJECT
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, route_class=EncodedPathRoute)

ASSETS_PATH = "/assets"
FOREVER = "public, max-age=31536000, immutable"
STYLESHEET = "api/console/console.css"
LIBRARIES = (
    "node_modules/htmx.org/dist/htmx.min.js",
    "node_modules/htmx.org/dist/ext/hx-sse.min.js",
    "node_modules/tinykeys/dist/tinykeys.umd.js",
)
"""What package.json names, in the order in which pages load it: an extension after what it extends."""

OWN_SCRIPTS = (
    "api/console/console.js",
    "api/console/going.js",
    "api/console/shortcuts.js",
    "api/console/mentions.js",
    "api/console/live.js",
)
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Asset(NamedTuple):
    """A file as it is served: `packed` is the same, for browsers that unpack it."""

    content: bytes
    packed: bytes
    media_type: str


@cache
def load_assets() -> dict[str, Asset]:
    """Return those that are there by their names, `console.1f0c….css`. They are read once: a change shows at the next start."""
    found: dict[str, Asset] = {}
    for path in (STYLESHEET, *LIBRARIES, *OWN_SCRIPTS):
        file = PROJECT / path
        if file.is_file():
            content = file.read_bytes()
            name = PurePosixPath(path)
            digest = blake2b(content, digest_size=8).hexdigest()
            found[f"{name.stem}.{digest}{name.suffix}"] = Asset(content, gzip.compress(content, 9, mtime=0), MEDIA_TYPES[name.suffix])
    return found


@cache
def find_stylesheet() -> str:
    """Return the style's address."""
    return next(f"{ASSETS_PATH}/{name}" for name in load_assets() if name.endswith(".css"))


@cache
def list_scripts() -> list[str]:
    """The addresses of the scripts that are there, in the order in which they are loaded."""
    return [f"{ASSETS_PATH}/{name}" for name in load_assets() if name.endswith(".js")]


@router.get(ASSETS_PATH + "/{name}")
async def serve_asset(request: Request, name: str) -> Response:
    """Raises Problem 404."""
    asset = load_assets().get(name)
    if asset is None:
        raise not_found_problem("file", name, "read the page again: it names those that there are")
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)
