"""Files of others as answers: for a browser to show or to keep, never to run."""

from urllib.parse import quote

from fastapi import Response

from adapters.media_types import find_shown_type

PLAIN_TYPE = "application/octet-stream"


def answer_with_document(filename: str, content: bytes) -> Response:
    """A file may be anything, whatever its name or its sender says: by its own bytes it is a picture or a PDF, or it is only downloaded.
    Opened by itself it can load nothing, and has no origin of which it could read anything."""
    shown = find_shown_type(content)
    place = "inline" if shown else "attachment"
    headers = {
        "Content-Disposition": f"{place}; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=shown or PLAIN_TYPE, headers=headers)
