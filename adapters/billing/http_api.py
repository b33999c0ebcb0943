"""Calls to a system that speaks JSON over HTTP: what may be tried again is told from what is refused, and no answer can be too large."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from adapters.billing.away_statuses import is_away_status, is_untouched_status
from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    describe_answer,
    describe_coded_refusal,
    describe_silence,
)
from adapters.billing.http_times import read_retry_after, read_server_time
from adapters.billing.json_values import JsonFaultError, dig, read_json
from adapters.billing.unanswered_orders import is_unsent
from domain.refusal import Refusal

TIMEOUT = httpx.Timeout(30, connect=10)
LARGEST_ANSWER = 16 * 2**20
"""Bytes of one answer, unpacked."""
LONGEST_ANSWER = 120.0
"""Seconds: an answer that drips for longer is given up."""
LONGEST_REASON = 300
"""Characters of what a system says to a refusal."""
_FORBIDDEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})


class NotFoundThereError(Exception):
    """There is nothing at the address: it never was, is gone, or is hidden from this user."""


class HttpAnswer(NamedTuple):
    """`url`: what was asked for. `at`: the server's own time; this machine's, where it does not say."""

    url: str
    status: int
    content: bytes
    headers: httpx.Headers
    at: datetime

    def read(self) -> Any:
        """The answer as JSON; None for an empty one. Raises ConnectionRefusedByBillingError."""
        if not self.content.strip():
            return None
        try:
            return read_json(self.content)
        except JsonFaultError as error:
            kind = self.headers.get("content-type", "no type").partition(";")[0]
            raise ConnectionRefusedByBillingError(
                f"the billing system answers with something that cannot be read ({kind}): {error}; see whether the address is that of its "
                "API, and whether something stands between"
            ) from error


class HttpApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError with the system's own words, and
    NotFoundThereError."""

    def __init__(
        self,
        name: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        reason_path: str = "message",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`name`: the system's, for people. `reason_path`: where in a refusal its words stand. Redirects are not followed: they would take
        the key to wherever they lead."""
        self._name, self._reason_path = name, reason_path
        self._address = f"{address.rstrip('/')}/"
        self._client = httpx.Client(headers=dict(headers or {}), auth=auth, timeout=TIMEOUT, transport=transport, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def fetch(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json") -> HttpAnswer:
        return self._send("GET", path, query, {"Accept": accept})

    def send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """`body`: JSON as text."""
        kind = {} if body is None else {"Content-Type": "application/json"}
        given = {"Accept": "application/json", **kind, **(headers or {})}
        return self._send(method, path, query, given, body)

    def join(self, path: str) -> str:
        """The whole address of a path below the system's own, or of a link that it gave. Raises ConnectionRefusedByBillingError for a link
        to another place."""
        wanted = path if "://" in path else urljoin(self._address, path.lstrip("/"))
        if _origin(wanted) != _origin(self._address):
            raise ConnectionRefusedByBillingError(
                f"{self._name} leads to {_origin(wanted)!r}, another place than {_origin(self._address)!r}; the key is not shown there"
            )
        return wanted

    def follow_link(self, link: str) -> HttpAnswer:
        """A link that the system gave: a whole address, or a path of its server."""
        return self.fetch(urljoin(self._address, link))

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str], body: str | None = None
    ) -> HttpAnswer:
        url = httpx.URL(self.join(path))
        if query:
            url = url.copy_merge_params(dict(query))
        try:
            with self._client.stream(method, url, headers=dict(headers), content=body.encode() if body is not None else None) as answer:
                content = self._read_content(answer)
        except httpx.HTTPError as error:
            raise BillingAwayError(describe_silence(self._name, type(error).__name__), is_untouched=is_unsent(error)) from error
        found = HttpAnswer(str(url), answer.status_code, content, answer.headers, read_server_time(answer.headers))
        if not answer.is_success:
            self._raise_refusal(found, url.path)
        return found

    def _read_content(self, answer: httpx.Response) -> bytes:
        parts, size, until = [], 0, time.monotonic() + LONGEST_ANSWER
        for part in answer.iter_bytes():
            parts.append(part)
            if time.monotonic() > until:
                raise BillingAwayError(f"{self._name} is slow: an answer did not end in {LONGEST_ANSWER:.0f} s")
            if (size := size + len(part)) > LARGEST_ANSWER:
                raise ConnectionRefusedByBillingError(
                    f"{self._name} answers with more than {LARGEST_ANSWER // 2**20} MB at once; let it give smaller pages"
                )
        return b"".join(parts)

    def _raise_refusal(self, answer: HttpAnswer, path: str) -> None:
        status = answer.status
        if is_away_status(status):
            is_untouched = is_untouched_status(status)
            raise BillingAwayError(describe_answer(self._name, status), read_retry_after(answer.headers), is_untouched=is_untouched)
        if status == HTTPStatus.NOT_FOUND or status == HTTPStatus.GONE:
            raise NotFoundThereError(path)
        if status in _FORBIDDEN:
            raise ConnectionRefusedByBillingError(
                Refusal(
                    "system.keeps_out",
                    "{system} answers {http_status} to {path}: it does not let Duecourse in, or not to this; ask for a key that may",
                    system=self._name,
                    http_status=str(int(status)),
                    path=path,
                )
            )
        if status < HTTPStatus.BAD_REQUEST:
            raise ConnectionRefusedByBillingError(f"{self._name} answers {status} to {path} and leads elsewhere; write where it leads")
        raise RefusedByBillingError(describe_coded_refusal(self._name, int(status), self._read_reason(answer)))

    def _read_reason(self, answer: HttpAnswer) -> str:
        try:
            said = dig(json.loads(answer.content), self._reason_path)
        except (ValueError, RecursionError):
            return ""
        text = " ".join(said.split()) if isinstance(said, str) else ""
        return text[:LONGEST_REASON]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()
