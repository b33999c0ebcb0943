"""Tryton's REST interface: records are found, read, created, changed and acted on, each in a transaction of its own on the server.

What it answers wrongly is known here alone: a model or a field that is not there is answered by 500 with its bare name, and a request
without a body by 400 when it says that its body is JSON.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.message import Message
from http import HTTPStatus
from typing import NamedTuple

import httpx

from adapters.billing.away_statuses import is_untouched_status
from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    describe_answer,
    describe_refusal,
    describe_silence,
    describe_unknown_key,
    describe_wrong_page,
)
from adapters.billing.http_times import read_retry_after, read_server_time
from adapters.billing.unanswered_orders import build_unanswered_error, is_unsent
from adapters.tryton.tryton_records import Record, decode, encode, encode_parameter
from domain.refusal import Refusal

TIMEOUT = httpx.Timeout(60, connect=10)
_RECORD = re.compile(r"/rest/(model|report)/[^/]+/[0-9]+(/|$)")
_MISSING_NAME = re.compile(r"<p>&#39;([\w.]+)&#39;</p>")
_ACCESS = "model/ir.model.access/get_access"


class NoSuchRecordError(Exception):
    """Nothing is found by this id: it never was, is gone, or the user may not see it."""


class MissingInTrytonError(ConnectionRefusedByBillingError):
    """A model or a field is not there: its module is not activated. `missing` is its name."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"Tryton knows no {missing!r}; activate the module that has it, or ask for Tryton 8.2")
        self.missing = missing


class TrytonSettings(NamedTuple):
    """`address` is the server's with its database, such as https://erp.example.com/production; `api_key` a user's key for the REST API."""

    address: str
    api_key: str
    company: int

    def __repr__(self) -> str:
        return f"TrytonSettings(address={self.address!r}, company={self.company})"


class FoundFile(NamedTuple):
    filename: str
    media_type: str
    content: bytes


class TrytonApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, and RefusedByBillingError with Tryton's own words."""

    def __init__(self, settings: TrytonSettings, transport: httpx.BaseTransport | None = None) -> None:
        """Warnings, which a person at Tryton's client confirms, are confirmed: of a payment date in the past, of an invoice that is like
        another."""
        context = {"company": settings.company, "_skip_warnings": True}
        self._client = httpx.Client(
            base_url=f"{settings.address.rstrip('/')}/rest/",
            headers={"Authorization": f"Bearer {settings.api_key}", "X-Tryton-Context": encode_parameter(context)},
            timeout=TIMEOUT,
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def find(
        self,
        model: str,
        domain: Sequence[object],
        fields: Iterable[str],
        *,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
        limit: int | None = None,
    ) -> list[Record]:
        found, _ = self.find_at(model, domain, fields, order=order, limit=limit)
        return found

    def find_at(
        self,
        model: str,
        domain: Sequence[object],
        fields: Iterable[str],
        *,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
        limit: int | None = None,
    ) -> tuple[list[Record], datetime]:
        """Also return the server's own time (UTC), at the latest when it looked."""
        parameters = [("d", encode_parameter(domain)), ("o", encode_parameter(order)), *(("f", field) for field in fields)]
        if limit is not None:
            parameters.append(("s", str(limit)))
        answer = self._send("GET", f"model/{model}", parameters)
        found = _read_answer(answer)
        if not isinstance(found, list):
            raise _build_unreadable_error()
        return found, read_server_time(answer.headers)

    def read(self, model: str, record_id: int, fields: Iterable[str]) -> Record:
        """Raises NoSuchRecordError."""
        return self._send_record("GET", f"model/{model}/{record_id}", fields)

    def create(self, model: str, values: Record, fields: Iterable[str] = ("id",)) -> Record:
        return self._send_record("POST", f"model/{model}", fields, values)

    def change(self, model: str, record_id: int, values: Record, fields: Iterable[str] = ("id",)) -> Record:
        """Raises NoSuchRecordError."""
        return self._send_record("PUT", f"model/{model}/{record_id}", fields, values)

    def act(self, model: str, record_id: int, button: str, fields: Iterable[str] = ("id",)) -> Record:
        """Press a button. Raises NoSuchRecordError."""
        return self._send_record("POST", f"model/{model}/{record_id}/{button}", fields, {})

    def delete(self, model: str, record_id: int) -> None:
        self._send("DELETE", f"model/{model}/{record_id}")

    def read_access(self, models: Sequence[str]) -> dict[str, dict[str, bool]]:
        """By model and then by `read`, `write`, `create` and `delete`: what the key's user may do."""
        return _read_record(self._send("POST", _ACCESS, (), {"models": models}))

    def fetch_report(self, report: str, record_id: int) -> FoundFile:
        answer = self._send("GET", f"report/{report}/{record_id}")
        said = Message()
        said["content-disposition"] = answer.headers.get("content-disposition", "")
        media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0]
        return FoundFile(said.get_filename() or f"{report}-{record_id}", media_type, answer.content)

    def _send_record(self, method: str, path: str, fields: Iterable[str], body: Record | None = None) -> Record:
        return _read_record(self._send(method, path, [("f", field) for field in fields], body))

    def _send(self, method: str, path: str, parameters: Sequence[tuple[str, str]] = (), body: Record | None = None) -> httpx.Response:
        try:
            return self._ask(method, path, parameters, body)
        except BillingAwayError as error:
            if method == "GET" or path == _ACCESS:
                raise
            raise build_unanswered_error(error) from error

    def _ask(self, method: str, path: str, parameters: Sequence[tuple[str, str]], body: Record | None) -> httpx.Response:
        content = {} if body is None else {"content": encode(body), "headers": {"Content-Type": "application/json"}}
        try:
            answer = self._client.request(method, path, params=list(parameters), **content)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            raise BillingAwayError(describe_silence("Tryton", type(error).__name__), is_untouched=is_unsent(error)) from error
        if not answer.is_success:
            _raise_refusal(answer)
        return answer


def _read_answer(answer: httpx.Response) -> object:
    """Raises ConnectionRefusedByBillingError for what Tryton does not say, such as the page of a proxy."""
    try:
        return decode(answer.content)
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise _build_unreadable_error() from error


def _read_record(answer: httpx.Response) -> Record:
    record = _read_answer(answer)
    if not isinstance(record, dict):
        raise _build_unreadable_error()
    return record


def _build_unreadable_error() -> ConnectionRefusedByBillingError:
    return ConnectionRefusedByBillingError(describe_wrong_page("Tryton"))


def _raise_refusal(answer: httpx.Response) -> None:
    match answer.status_code:
        case HTTPStatus.UNAUTHORIZED:
            raise ConnectionRefusedByBillingError(describe_unknown_key("Tryton", "User, Preferences, Applications, REST API"))
        case HTTPStatus.FORBIDDEN:
            raise ConnectionRefusedByBillingError(
                Refusal("system.forbids_groups", "Tryton forbids this to the key's user; ask for the groups of the guide")
            )
        case HTTPStatus.NOT_FOUND if _RECORD.search(answer.request.url.path):
            raise NoSuchRecordError(str(answer.request.url.path))
        case HTTPStatus.NOT_FOUND:
            raise ConnectionRefusedByBillingError(
                Refusal("system.no_database", "there is no such database at this address; see the name at the end of the address")
            )
        case HTTPStatus.BAD_REQUEST if (said := _read_refusal(answer)) is not None:
            raise RefusedByBillingError(describe_refusal("Tryton", said))
        case HTTPStatus.INTERNAL_SERVER_ERROR if (missing := _MISSING_NAME.search(answer.text)) is not None:
            raise MissingInTrytonError(missing[1])
    words, is_untouched = describe_answer("Tryton", answer.status_code), is_untouched_status(answer.status_code)
    raise BillingAwayError(words, read_retry_after(answer.headers), is_untouched=is_untouched)


def _read_refusal(answer: httpx.Response) -> str | None:
    """What Tryton says to its user; None for a request that it could not read."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        said = _read_answer(answer)
    except ConnectionRefusedByBillingError:
        return None
    return " ".join(str(said[part]) for part in ("message", "description") if said.get(part)) if isinstance(said, dict) else None
