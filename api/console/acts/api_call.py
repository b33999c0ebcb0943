"""Sends a person's request through the API's own route, in this process: what a form may do, checks and leaves behind is the API's."""

import json
from collections.abc import Sequence
from string import punctuation
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from fastapi import Request
from starlette.datastructures import UploadFile

from api.console.acts.forms import ActForm
from api.web.idempotency import IDEMPOTENCY_HEADER

FORWARDED_HEADERS = ("authorization", "cookie", "host", "origin")


class ApiAnswer(NamedTuple):
    """`document` is the answer's body; of a refusal, its problem document."""

    status: int
    document: dict[str, Any]

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400

    @property
    def is_queued(self) -> bool:
        """It is certain to be done, and is not yet."""
        return self.status == 202


async def send_to_api(
    request: Request, form: ActForm, ids: dict[str, str], body: dict[str, Any], key: str, files: Sequence[tuple[str, UploadFile]] = ()
) -> ApiAnswer:
    """`ids` are those that the form's path names; `files` go in the body's place, each with its field, where the form takes files. Sent
    twice under the same key it is done once."""
    path = form.path.format(**{name: quote(value, safe="") for name, value in ids.items()})
    headers = {name: value for name in FORWARDED_HEADERS if (value := request.headers.get(name)) is not None}
    transport = httpx.ASGITransport(app=request.app, raise_app_exceptions=False, client=request.client or ("", 0))
    content: dict[str, Any] = {}
    if form.takes_files:
        content["files"] = [(name, (file.filename, await file.read(), file.content_type)) for name, file in files]
    elif form.method != "DELETE":
        content["json"] = body
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url)) as client:
        answer = await client.request(form.method, path, headers={**headers, IDEMPOTENCY_HEADER: quote(key, safe=punctuation)}, **content)
    try:
        document = answer.json()
    except json.JSONDecodeError:
        document = {}
    return ApiAnswer(answer.status_code, document if isinstance(document, dict) else {})
