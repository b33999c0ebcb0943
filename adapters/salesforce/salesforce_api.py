"""Calls of Salesforce's REST API, by simple-salesforce: who signs in and how, what is refused, what is to be tried again.

An app signs in, never a person with a password: by client credentials, or by a token that it signs itself (JWT). Both are asked of the
org's own address (My Domain), for the general ones answer `app_not_found`. The library waits for ever, and does not hand on when to come
again: both are set right where requests leave.
"""

import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError
from urllib3.exceptions import NewConnectionError

from adapters.billing.away_statuses import is_away_status, is_untouched_status
from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    describe_answer,
    describe_ban,
    describe_coded_refusal,
    describe_silence,
)
from adapters.billing.http_times import read_retry_after
from adapters.billing.unanswered_orders import build_unanswered_error
from adapters.salesforce.salesforce_records import Record
from domain.refusal import Refusal

API_VERSION: Final = "66.0"
FixedValue = str | bool | int | None
_TIMEOUT = (10, 60)
"""Seconds until it is connected, and between two signs of it."""
_SUFFIX = ".salesforce.com"
_MISSING = frozenset({"INVALID_FIELD", "INVALID_TYPE"})
_BUSY_CODES = frozenset(
    {"REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "TXN_SECURITY_METERING_ERROR", "QUERY_TIMEOUT"}
)
_UNTOUCHED_CODES = frozenset({"REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW"})
"""By which it says that nothing came of what it was asked."""


class MissingInSalesforceError(ConnectionRefusedByBillingError):
    """An object or a field of the map is not there, or not for the app's user."""


class SalesforceSettings(NamedTuple):
    """`address`: the org's own, https://NAME.my.salesforce.com. `username`: with it, `secret` is the private key (PEM) by which the app
    signs for this user; without it, the app's consumer secret. `currency`: of an org that has one alone. `trusts_balance`: whether the
    invoice's balance takes payments and credit notes into account; else it is computed. `hold_field`: a checkbox of Account by which people
    and processes there see that somebody is suspended; without it nobody is. `task_fields` and `case_fields`: what every task and case is
    given beside its words, in place of `TASK_FIELDS` and `CASE_FIELDS` where it names the same; null leaves one out."""

    address: str
    consumer_key: str
    secret: str
    username: str | None = None
    org: str = "1"
    version: str = API_VERSION
    currency: str | None = None
    trusts_balance: bool = True
    hold_field: str | None = None
    task_fields: Mapping[str, FixedValue] = {}
    case_fields: Mapping[str, FixedValue] = {}

    def __repr__(self) -> str:
        return f"SalesforceSettings(address={self.address!r}, username={self.username!r}, org={self.org!r})"

    @property
    def domain(self) -> str:
        """As the library wants it: the host without the end that all have. Raises ConnectionRefusedByBillingError."""
        host = urlsplit(self.address).hostname or ""
        name = host.removesuffix(_SUFFIX)
        if name in ("login", "test", "") or not host.endswith(_SUFFIX):
            raise ConnectionRefusedByBillingError(
                f"{self.address} is not the org's own address; ask for its My Domain, such as https://name.my.salesforce.com"
            )
        return name


class _PatientSession(requests.Session):
    """Every request has an end, also the library's own for signing in; and what is busy says when to come again. What fails inside
    Salesforce has a code of its own, which the library hands on."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or _TIMEOUT
        answer = super().send(request, **kwargs)
        status = answer.status_code
        if is_away_status(status) and status != HTTPStatus.INTERNAL_SERVER_ERROR:
            words, is_untouched = describe_answer("Salesforce", status), is_untouched_status(status)
            raise BillingAwayError(words, read_retry_after(answer.headers), is_untouched=is_untouched)
        return answer


class SalesforceApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, and RefusedByBillingError with Salesforce's own words."""

    def __init__(self, settings: SalesforceSettings, transport: BaseAdapter | None = None) -> None:
        self._settings, self._signing_in = settings, threading.Lock()
        self._client: Salesforce | None = None
        self._session = _PatientSession()
        self._session.mount("https://", transport or HTTPAdapter())

    def close(self) -> None:
        self._session.close()

    def query(self, text: str, *, with_deleted: bool = False) -> list[Record]:
        """All records, in as many calls as it takes; with those in the recycle bin, where that is asked for."""
        found: list[Record] = []
        path = "queryAll/" if with_deleted else "query/"
        page = self._call("GET", path, params={"q": text})
        while True:
            found += page["records"]
            if page["done"]:
                return found
            path = str(page["nextRecordsUrl"]).partition(f"/v{self._settings.version}/")[2]
            page = self._call("GET", path)

    def create(self, kind: str, values: Mapping[str, object]) -> str:
        """Its id."""
        return str(self._write("POST", f"sobjects/{kind}/", values)["id"])

    def change(self, kind: str, record_id: str, values: Mapping[str, object]) -> None:
        self._write("PATCH", f"sobjects/{kind}/{record_id}", values)

    def _write(self, method: str, path: str, values: Mapping[str, object]) -> Any:
        try:
            return self._call(method, path, json=values)
        except BillingAwayError as error:
            raise build_unanswered_error(error) from error

    def describe(self, kind: str) -> Record:
        """Its `createable` and `updateable`, and its `fields` each with `name` and `updateable`, as the app's user may."""
        found: Record = self._call("GET", f"sobjects/{kind}/describe")
        return found

    def _open(self) -> Salesforce:
        with self._signing_in:
            if self._client is None:
                settings = self._settings
                self._client = Salesforce(
                    domain=settings.domain,
                    consumer_key=settings.consumer_key,
                    username=settings.username,
                    privatekey=settings.secret if settings.username else None,
                    consumer_secret=None if settings.username else settings.secret,
                    version=settings.version,
                    session=self._session,
                    parse_float=Decimal,
                    object_pairs_hook=dict,
                )
            return self._client

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            return self._open().restful(path, method=method, **options)
        except SalesforceAuthenticationFailed as error:
            _raise_sign_in_refusal(error)
        except SalesforceError as error:
            _raise_refusal(error)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise ConnectionRefusedByBillingError(f"this address answers otherwise than Salesforce does: {type(error).__name__}") from error
        except requests.RequestException as error:
            is_untouched = _is_unsent(error)
            raise BillingAwayError(describe_silence("Salesforce", type(error).__name__), is_untouched=is_untouched) from error


def _is_unsent(error: requests.RequestException) -> bool:
    """Whether a call never reached the system; signing in again, which may come before it, counts as the call."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _raise_sign_in_refusal(error: SalesforceAuthenticationFailed) -> NoReturn:
    said = f"{error.code}: {error.auth_message}"
    if isinstance(error.code, int) and error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise BillingAwayError(describe_answer("Salesforce", error.code)) from error
    raise ConnectionRefusedByBillingError(
        Refusal(
            "system.app_kept_out", "Salesforce does not let the app in ({said}); ask for the External Client App of the guide", said=said
        )
    ) from error


def _raise_refusal(error: SalesforceError) -> NoReturn:
    code, said = _read_refusal(error.content)
    if code in _BUSY_CODES or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        words = describe_answer("Salesforce", f"{error.status} {code}".rstrip())
        raise BillingAwayError(words, is_untouched=code in _UNTOUCHED_CODES) from error
    if code in _MISSING:
        raise MissingInSalesforceError(f"Salesforce says: {said}") from error
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ConnectionRefusedByBillingError(describe_ban("Salesforce", f"{said} ({code})")) from error
    if error.status == HTTPStatus.NOT_FOUND:
        raise MissingInSalesforceError(f"Salesforce has nothing of this: {said or error.url}") from error
    raise RefusedByBillingError(describe_coded_refusal("Salesforce", code, said)) from error


def _read_refusal(content: object) -> tuple[str, str]:
    """The code of the first error, and what is said of all."""
    if isinstance(content, Sequence) and not isinstance(content, str | bytes) and content and isinstance(content[0], Mapping):
        return str(content[0].get("errorCode", "")), "; ".join(" ".join(str(each.get("message", "")).split()) for each in content)
    return "", ""
