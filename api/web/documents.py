"""Files of others as answers: for a browser to keep, never to run."""

from urllib.parse import quote

from fastapi import Response

from adapters.billing.external_records import InvoiceDocument

SHOWN_IN_PLACE = frozenset({"application/pdf", "image/png", "image/jpeg"})
"""What a browser shows without running anything of it."""


def answer_with_document(document: InvoiceDocument) -> Response:
    """A page of a billing system's own may be anything: what is no plain document is only ever downloaded."""
    shown = document.media_type in SHOWN_IN_PLACE
    place = "inline" if shown else "attachment"
    headers = {
        "Content-Disposition": f"{place}; filename*=UTF-8''{quote(document.filename, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(document.content, media_type=document.media_type if shown else "application/octet-stream", headers=headers)
