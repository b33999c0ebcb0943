"""Calls of Stripe's API, by its library: which version is spoken, what is refused, what is to be tried again.

The library's own repetitions are switched off: they would sleep here, and whoever calls waits better. Every change carries an idempotency
key. Stripe keeps the answer to a key for a day, also that it failed or refused, so that a change that has ended so is given a new key: the
first has done nothing, and what it asked for was looked for.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import httpx
import stripe

from adapters.billing.away_statuses import is_away_status, is_untouched_status
from adapters.billing.errors import (
    BillingAwayError,
    ConflictingBookingError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    describe_answer,
    describe_ban,
    describe_haste,
    describe_refusal,
    describe_silence,
    describe_unknown_key,
)
from adapters.billing.http_times import read_retry_after, read_server_time
from adapters.billing.unanswered_orders import build_unanswered_error, is_unsent
from adapters.stripe.stripe_records import MARK, AutomaticInvoices, Record

API_VERSION: Final = "2026-10-28.endive"
"""Which the library's release speaks, and this adapter was written for. An account's own default may be another, whose fields say other
things."""
ADDRESS = "https://api.stripe.com"
TIMEOUT = httpx.Timeout(60, connect=10)
LARGEST_PAGE = 100
_MOST_KEYS = 5
"""How often a change is given a new key, because Stripe failed with the ones before."""


class NoSuchStripeObjectError(Exception):
    """Stripe has nothing of this id: it never was, is deleted, or is another account's."""


class StripeSettings(NamedTuple):
    """`account`: of a platform, the connected account that is meant; None: the key's own. `time_zone`: the company's, in which days are
    counted. `webhook_secrets`: several while they are changed. `pauses_service`: suspension pauses subscriptions, so that they are not
    served; else their collection alone. `chases_uncollectible`: what somebody else has marked uncollectible is still to be collected.
    `automatic`: when somebody is asked for what Stripe collects by itself."""

    api_key: str
    time_zone: ZoneInfo
    account: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    pauses_service: bool = True
    chases_uncollectible: bool = False
    address: str = ADDRESS
    automatic: AutomaticInvoices = AutomaticInvoices.AFTER_RETRIES

    def __repr__(self) -> str:
        return f"StripeSettings(address={self.address!r}, account={self.account!r})"


class StripePage(NamedTuple):
    """`has_more` alone says whether there is another: a page may have less than was asked for."""

    records: list[Record]
    has_more: bool
    server_time: datetime


class _Transport(stripe.HTTPClient):
    """Sends what the library asks for by httpx."""

    name = "httpx"

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._http = client

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *_: Any, **__: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        try:
            answer = self._http.request(method, url, headers=headers, content=post_data)
        except httpx.HTTPError as error:
            raise stripe.APIConnectionError(type(error).__name__) from error  # type: ignore[no-untyped-call]
        return answer.text, answer.status_code, answer.headers

    def close(self) -> None:
        self._http.close()


class StripeApi:
    """Every method raises BillingAwayError, ConnectionRefusedByBillingError, and RefusedByBillingError with Stripe's own words."""

    def __init__(self, settings: StripeSettings, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(timeout=TIMEOUT, transport=transport, follow_redirects=True)
        self._client = stripe.StripeClient(
            settings.api_key,
            stripe_account=settings.account,
            stripe_version=API_VERSION,
            base_addresses={"api": settings.address},
            max_network_retries=0,
            http_client=_Transport(self._http),
        )

    def close(self) -> None:
        self._http.close()

    def read(self, path: str, **parameters: Any) -> Record:
        """Raises NoSuchStripeObjectError."""
        return self._send("get", path, parameters)[0]

    def list_page(self, path: str, limit: int, after: str | None = None, **parameters: Any) -> StripePage:
        """Newest first, from behind the object `after`. Raises NoSuchStripeObjectError, where that is no longer there."""
        if after is not None:
            parameters["starting_after"] = after
        record, headers = self._send("get", path, {**parameters, "limit": min(limit, LARGEST_PAGE)})
        return StripePage(record["data"], bool(record["has_more"]), read_server_time(headers))

    def list_all(self, path: str, **parameters: Any) -> Iterator[Record]:
        """All pages, newest first."""
        after, has_more = None, True
        while has_more:
            page = self.list_page(path, LARGEST_PAGE, after, **parameters)
            yield from page.records
            has_more = page.has_more and bool(page.records)
            after = page.records[-1]["id"] if page.records else None

    def change(self, path: str, key: str, **parameters: Any) -> Record:
        """Once for each key. Raises NoSuchStripeObjectError, and ConflictingBookingError where the key was used for something else."""
        for attempt in range(_MOST_KEYS):
            used = key if attempt == 0 else f"{key}-{attempt}"
            try:
                return self._send("post", path, {**parameters, "idempotency_key": used})[0]
            except _RepeatedFailureError:
                continue
        raise BillingAwayError(f"Stripe has failed with this {_MOST_KEYS} times; look whether it works there")

    def set_values(self, path: str, **parameters: Any) -> Record:
        """A change that is the same however often it is made: it has a key of its own each time, for an answer that is kept would not make
        it again. Raises NoSuchStripeObjectError, and UnansweredOrderError, for the same may be made once more by then."""
        try:
            return self.change(path, f"{MARK}-{token_hex(8)}", **parameters)
        except BillingAwayError as error:
            raise build_unanswered_error(error) from error

    def fetch(self, address: str) -> tuple[str, bytes]:
        """The media type and content of a file that Stripe gave the address of: whoever knows it may read it, so the key is not sent."""
        try:
            answer = self._http.get(address)
        except httpx.HTTPError as error:
            raise BillingAwayError(describe_silence("Stripe", type(error).__name__)) from error
        if answer.is_client_error:
            raise RefusedByBillingError(f"Stripe answers {answer.status_code} for the file of this invoice; look at it there")
        if not answer.is_success:
            raise BillingAwayError(describe_answer("Stripe", answer.status_code))
        return answer.headers.get("content-type", "application/octet-stream").partition(";")[0], answer.content

    def _send(self, method: str, path: str, parameters: Mapping[str, Any]) -> tuple[Record, Mapping[str, str]]:
        try:
            answer = self._client.raw_request(method, f"/v1/{path}", **parameters)
        except stripe.StripeError as error:
            _raise_refusal(error)
        return answer.data, answer.headers


class _RepeatedFailureError(Exception):
    """Stripe answers a key again with the failure or refusal that it answered before, and will for a day."""


def _raise_refusal(error: stripe.StripeError) -> NoReturn:
    said = error.user_message or ""
    headers: Mapping[str, str] = error.headers or {}
    status = error.http_status or 0
    if headers.get("idempotent-replayed") == "true":
        raise _RepeatedFailureError from error
    match error:
        case stripe.APIConnectionError():
            cause = error.__cause__
            is_untouched = isinstance(cause, httpx.HTTPError) and is_unsent(cause)
            raise BillingAwayError(describe_silence("Stripe", said), is_untouched=is_untouched) from error
        case stripe.RateLimitError():
            raise BillingAwayError(describe_haste("Stripe"), read_retry_after(headers), is_untouched=True) from error
        case stripe.AuthenticationError():
            raise ConnectionRefusedByBillingError(describe_unknown_key("Stripe", "Developers, API keys")) from error
        case stripe.PermissionError():
            raise ConnectionRefusedByBillingError(describe_ban("Stripe", said)) from error
        case stripe.IdempotencyError():
            raise ConflictingBookingError("the key was used before, for something else; give this its own") from error
        case stripe.InvalidRequestError(code="resource_missing") if status == HTTPStatus.NOT_FOUND or error.param == "starting_after":
            raise NoSuchStripeObjectError(said) from error
    if is_away_status(status) or status in (0, HTTPStatus.CONFLICT):
        words, is_untouched = describe_answer("Stripe", status), is_untouched_status(status)
        raise BillingAwayError(words, read_retry_after(headers), is_untouched=is_untouched) from error
    if type(error) is stripe.APIError:
        raise ConnectionRefusedByBillingError(
            f"this address answers {status} with something that is not of Stripe's API; see whether something stands between"
        ) from error
    raise RefusedByBillingError(describe_refusal("Stripe", said)) from error
