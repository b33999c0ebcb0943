"""How Duecourse signs in to an API: by name and password, by a token, by headers, or by a token that it fetches for its credentials."""

import base64
import time
from collections.abc import Callable, Generator, Mapping
from threading import Lock

import httpx

from adapters.billing.errors import ConnectionRefusedByBillingError, RefusedByBillingError
from adapters.billing.http_api import HttpAnswer, HttpApi, NotFoundThereError
from adapters.billing.json_values import dig

SPARE_SECONDS = 30.0
"""By so much a fetched token is renewed before it ends."""
SHORTEST_LIFE = 60.0
"""Seconds for which a token is kept of which the system does not say for how long it holds."""


class FixedHeaders(httpx.Auth):
    """Headers that every call has."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


def build_basic_header(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class FetchedToken(httpx.Auth):
    """A token for client credentials (RFC 6749, 4.4), kept until shortly before it ends; one that is refused is fetched anew, once."""

    def __init__(
        self, fetch: Callable[[], tuple[str, float]], headers: Mapping[str, str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`fetch` returns a token and the seconds for which it holds."""
        self._fetch, self._headers, self._monotonic = fetch, dict(headers), monotonic
        self._lock, self._token, self._until = Lock(), "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._get_token(refused="")
        request.headers.update({**self._headers, "Authorization": f"Bearer {token}"})
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self._get_token(refused=token)}"
            yield request

    def _get_token(self, refused: str) -> str:
        with self._lock:
            if not self._token or self._token == refused or self._monotonic() >= self._until:
                self._token, seconds = self._fetch()
                self._until = self._monotonic() + max(seconds - SPARE_SECONDS, 0.0)
            return self._token


def build_token_fetch(api: HttpApi, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Callable[[], tuple[str, float]]:
    """`api`: with no sign-in of its own."""

    def fetch() -> tuple[str, float]:
        body = str(httpx.QueryParams({"grant_type": "client_credentials", **form}))
        try:
            answer = api.send("POST", path, body, headers={"Content-Type": "application/x-www-form-urlencoded", **headers})
        except NotFoundThereError as error:
            raise ConnectionRefusedByBillingError(f"there is nothing at {path}; see 'token_path'") from error
        except RefusedByBillingError as error:
            raise ConnectionRefusedByBillingError(f"{path} gives no token: {error}; see the credentials") from error
        return _read_token(answer, path)

    return fetch


def _read_token(answer: HttpAnswer, path: str) -> tuple[str, float]:
    said = answer.read()
    token, seconds = dig(said, "access_token"), dig(said, "expires_in")
    if not isinstance(token, str) or not token.isprintable() or not token:
        raise ConnectionRefusedByBillingError(f"{path} gives no 'access_token'; see 'token_path' and the credentials")
    return token, float(seconds) if isinstance(seconds, int) and not isinstance(seconds, bool) else SHORTEST_LIFE
