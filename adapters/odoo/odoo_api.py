"""Odoo's JSON-2 interface: a method of a model is called, each call a transaction of its own on the server.

Odoo 18 and earlier have no such interface, and are not spoken to. What is not there is answered as what is forbidden may be elsewhere: a
model or method by 404, a field by 500 with a Python error, a database that was not named by sending the caller elsewhere.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NamedTuple, NoReturn

import httpx

from adapters.billing.away_statuses import is_away_status, is_untouched_status
from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    describe_answer,
    describe_ban,
    describe_refusal,
    describe_silence,
    describe_unknown_key,
    describe_wrong_page,
)
from adapters.billing.http_times import read_retry_after, read_server_time
from adapters.billing.unanswered_orders import build_unanswered_error, is_unsent
from adapters.odoo.odoo_records import Record

TIMEOUT = httpx.Timeout(60, connect=10)
_MISSING_FIELD = re.compile(r"Invalid field ['\"]?([\w.]+)")
_READING = frozenset({"search_read", "has_access"})
"""The methods that change nothing."""
_GONE = "odoo.exceptions.MissingError"


class NoSuchOdooRecordError(Exception):
    """Nothing is found by this id: it never was, or is deleted."""


class MissingInOdooError(ConnectionRefusedByBillingError):
    """A model, a method or a field is not there: its app is not installed, or it is another version."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"Odoo has no {missing}; install its app Invoicing or Accounting, or ask for Odoo 19")
        self.missing = missing


class OdooSettings(NamedTuple):
    """`address`: the server's. `database`: needed where the server has several. `company`: the number of the company in Odoo.
    `write_off_journal` and `write_off_account`: codes of the journal and the expense account by which write-offs are posted; without them
    none are."""

    address: str
    api_key: str
    database: str | None = None
    company: int = 1
    write_off_journal: str | None = None
    write_off_account: str | None = None

    def __repr__(self) -> str:
        return f"OdooSettings(address={self.address!r}, database={self.database!r}, company={self.company})"


class OdooApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, and RefusedByBillingError with Odoo's own words."""

    def __init__(self, settings: OdooSettings, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"bearer {settings.api_key}", "User-Agent": "Duecourse"}
        if settings.database is not None:
            headers["X-Odoo-Database"] = settings.database
        self._context = {"lang": "en_US", "allowed_company_ids": [settings.company]}
        base = f"{settings.address.rstrip('/')}/json/2/"
        self._client = httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT, transport=transport)

    def close(self) -> None:
        self._client.close()

    def find(
        self,
        model: str,
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        order: str = "id",
        limit: int | None = None,
        with_inactive: bool = False,
    ) -> list[Record]:
        found, _ = self.find_at(model, domain, fields, order=order, limit=limit, with_inactive=with_inactive)
        return found

    def find_at(
        self,
        model: str,
        domain: Sequence[object],
        fields: Sequence[str],
        *,
        order: str = "id",
        limit: int | None = None,
        with_inactive: bool = False,
    ) -> tuple[list[Record], datetime]:
        """Also return the server's own time."""
        context = {**self._context, "active_test": False} if with_inactive else self._context
        parameters: Record = {"domain": domain, "fields": list(fields), "order": order}
        if limit is not None:
            parameters["limit"] = limit
        found, now = self._send(model, "search_read", {"context": context, **parameters})
        return found, now

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """The id of what was made."""
        made = self.call(model, "create", vals_list=[values])
        return int(made[0] if isinstance(made, list) else made)

    def change(self, model: str, record_id: int, values: Mapping[str, object]) -> None:
        self.call(model, "write", [record_id], vals=values)

    def delete(self, model: str, record_id: int) -> None:
        self.call(model, "unlink", [record_id])

    def call(self, model: str, method: str, ids: Sequence[int] | None = None, **parameters: object) -> Any:
        """`ids` is left out for a method of the model: it is refused with them. Raises NoSuchOdooRecordError."""
        body: Record = {"context": self._context, **({} if ids is None else {"ids": list(ids)}), **parameters}
        return self._send(model, method, body)[0]

    def _send(self, model: str, method: str, body: Record) -> tuple[Any, datetime]:
        try:
            return self._ask(model, method, body)
        except BillingAwayError as error:
            if method in _READING:
                raise
            raise build_unanswered_error(error) from error

    def _ask(self, model: str, method: str, body: Record) -> tuple[Any, datetime]:
        content = json.dumps(body, default=_encode)
        try:
            answer = self._client.post(f"{model}/{method}", content=content, headers={"Content-Type": "application/json; charset=utf-8"})
        except httpx.TransportError as error:
            raise BillingAwayError(describe_silence("Odoo", type(error).__name__), is_untouched=is_unsent(error)) from error
        if not answer.is_success:
            _raise_refusal(answer, model, method)
        try:
            return json.loads(answer.content, parse_float=Decimal), read_server_time(answer.headers)
        except ValueError as error:
            raise ConnectionRefusedByBillingError(describe_wrong_page("Odoo")) from error


def _encode(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to Odoo")


def _raise_refusal(answer: httpx.Response, model: str, method: str) -> NoReturn:
    name, said = _read_refusal(answer)
    match answer.status_code:
        case HTTPStatus.UNAUTHORIZED:
            raise ConnectionRefusedByBillingError(describe_unknown_key("Odoo", "Preferences, Account Security"))
        case HTTPStatus.FORBIDDEN:
            raise ConnectionRefusedByBillingError(describe_ban("Odoo", said or model))
        case HTTPStatus.NOT_FOUND if name == _GONE:
            raise NoSuchOdooRecordError(said)
        case HTTPStatus.NOT_FOUND if name is None:
            raise ConnectionRefusedByBillingError(
                "there is no JSON-2 interface at this address; ask for Odoo 19 or later, on a plan that has it"
            )
        case HTTPStatus.NOT_FOUND:
            raise MissingInOdooError(f"{model}.{method}")
        case HTTPStatus.INTERNAL_SERVER_ERROR if (missing := _MISSING_FIELD.search(said)) is not None:
            raise MissingInOdooError(f"field {missing[1]} of {model}")
        case status if is_away_status(status):
            is_untouched = is_untouched_status(status)
            raise BillingAwayError(describe_answer("Odoo", status), read_retry_after(answer.headers), is_untouched=is_untouched)
        case status if answer.is_redirect:
            raise ConnectionRefusedByBillingError("Odoo sends elsewhere; name the database, and the address as the browser shows it")
        case status if answer.is_client_error:
            raise RefusedByBillingError(describe_refusal("Odoo", said or status))
    raise BillingAwayError(describe_answer("Odoo", answer.status_code), read_retry_after(answer.headers))


def _read_refusal(answer: httpx.Response) -> tuple[str | None, str]:
    """The name of Odoo's error and what it says to its user; no name for a page that Odoo's interface has not written."""
    try:
        said = json.loads(answer.content)
        return str(said["name"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        return None, ""
