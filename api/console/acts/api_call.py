"""Sends a person's request through the API's own route, in this process: what a form may do, checks and leaves behind is the API's."""

import json
from collections.abc import Sequence
from string import punctuation
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from fastapi import Request
from starlette.datastructures import UploadFile

from adapters.identity.idempotency_keys import IdempotencyKeyStore
from api.console.acts.forms import ActForm
from api.context import ApiContext
from api.web.authentication import act_for
from api.web.idempotency import IDEMPOTENCY_HEADER
from domain.roles import Actor

IN_PROGRESS = "urn:duecourse:problem:in-progress"
HOST_HEADER = "host"
FORWARDED_HEADERS = ("authorization", "cookie", HOST_HEADER, "origin")


class ApiAnswer(NamedTuple):
    """`document` is the answer's body; of a refusal, its problem document."""

    status: int
    document: dict[str, Any]

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400

    @property
    def is_ruled_out(self) -> bool:
        """What it is about does not allow it: nothing was done, and sent again it is another request. Of one that is in progress, or that
        Temporal did not answer, nobody knows that yet."""
        return self.status == 409 and self.document.get("type") != IN_PROGRESS

    @property
    def is_queued(self) -> bool:
        """It is certain to be done, and is not yet."""
        return self.status == 202

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Of an act on several invoices, what became of each command."""
        return list(self.document.get("parts") or ())

    @property
    def refused_files(self) -> list[dict[str, str]]:
        """Of several files, those that were left out."""
        return list(self.document.get("refused") or ())

    def count_done(self) -> int:
        """Count the invoices that took it."""
        return len({part["invoice_id"] for part in self.parts if part["recorded"] != "refused"})


async def send_to_api(
    request: Request,
    form: ActForm,
    ids: dict[str, str],
    body: dict[str, Any],
    key: str,
    files: Sequence[tuple[str, UploadFile]] = (),
    actor: Actor | None = None,
) -> ApiAnswer:
    """`ids` are those that the form's path names; `files` go in the body's place, each with its field, where the form takes files. Sent
    twice under the same key it is done once. `actor`: who began it, for what goes on when they may have signed out; else whoever the
    request's own token says."""
    path = form.path.format(**{name: quote(value, safe="") for name, value in ids.items()})
    app, forwarded = (act_for(request.app, actor), (HOST_HEADER,)) if actor else (request.app, FORWARDED_HEADERS)
    headers = {name: value for name in forwarded if (value := request.headers.get(name)) is not None}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=request.client or ("", 0))
    content: dict[str, Any] = {}
    if form.takes_files:
        content["files"] = [(name, (file.filename, await file.read(), file.content_type)) for name, file in files]
    elif form.method != "DELETE":
        content["json"] = body
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
        answer = await client.request(form.method, path, headers={**headers, IDEMPOTENCY_HEADER: _write_key(key)}, **content)
    try:
        document = answer.json()
    except json.JSONDecodeError:
        document = {}
    return ApiAnswer(answer.status_code, document if isinstance(document, dict) else {})


def find_earlier_answer(context: ApiContext, user: str, key: str) -> ApiAnswer | None:
    """What the user's form of this key was answered before, if it was done."""
    known = IdempotencyKeyStore(context.database).find_answer(_write_key(key), user)
    return ApiAnswer(known.status, known.body) if known else None


def _write_key(key: str) -> str:
    """As a header takes it."""
    return quote(key, safe=punctuation)
