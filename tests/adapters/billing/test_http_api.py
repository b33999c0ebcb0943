"""What may be tried again is told from what is refused, every way of signing in works, and no answer can do harm."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from adapters.billing import http_api
from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError
from adapters.plain_http.api_access import open_api
from tests.adapters.plain_http.sample_world import ADDRESS, open_connector
from tests.adapters.plain_http.small_api import SmallApi, connect_rows, describe, make_row

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def answer(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    return httpx.Response(status, content=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (answer(401), ConnectionRefusedByBillingError, "does not let Duecourse in"),
        (answer(403), ConnectionRefusedByBillingError, "ask for a key that may"),
        (answer(302, location="http://elsewhere.test"), ConnectionRefusedByBillingError, "leads elsewhere"),
        (answer(400, b'{"message": "Period is closed."}'), RefusedByBillingError, r"refuses this \(400\): Period is closed\."),
        (answer(422, b"<h1>no</h1>"), RefusedByBillingError, r"refuses this \(422\)$"),
        (answer(408), BillingAwayError, "408"),
        (answer(429), BillingAwayError, "429"),
        (answer(500), BillingAwayError, "500"),
        (answer(503), BillingAwayError, "503"),
        (answer(200, b"<html>sign in</html>", content_type="text/html"), ConnectionRefusedByBillingError, "cannot be read .text/html"),
        (answer(200, b"[" * 200_000), ConnectionRefusedByBillingError, "nested too deep"),
        (answer(200, b"\xff\xfe\x00"), ConnectionRefusedByBillingError, "cannot be read"),
    ],
)
def test_each_answer_means_what_it_means(said: httpx.Response, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        connect_rows(said).read_changes(None, 10)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        (format_datetime(NOW + timedelta(minutes=5)), 300.0),
        (format_datetime(NOW - timedelta(minutes=5)), 0.0),
        ("99999999", 86_400.0),
        ("soon", None),
    ],
)
def test_how_long_to_wait_is_what_the_system_says(said: str, seconds: float | None) -> None:
    with pytest.raises(BillingAwayError) as away:
        connect_rows(answer(429, retry_after=said, date=format_datetime(NOW))).read_changes(None, 10)
    assert away.value.retry_after == seconds


def test_an_answer_that_is_too_large_or_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps([make_row(1)]).encode()
    monkeypatch.setattr(http_api, "LARGEST_ANSWER", len(body) - 1)
    with pytest.raises(ConnectionRefusedByBillingError, match="at once; let it give smaller pages"):
        connect_rows(answer(200, body)).read_changes(None, 10)
    monkeypatch.undo()
    monkeypatch.setattr(http_api, "LONGEST_ANSWER", -1.0)
    with pytest.raises(BillingAwayError, match="is slow"):
        connect_rows(answer(200, body)).read_changes(None, 10)


@pytest.mark.parametrize("fault", [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")])
def test_a_system_that_does_not_answer_is_away(fault: httpx.TransportError) -> None:
    def fail(request: httpx.Request) -> object:
        raise fault

    with pytest.raises(BillingAwayError, match=type(fault).__name__):
        open_connector(describe(), SmallApi({"/invoices": fail})).read_changes(None, 10)


@pytest.mark.parametrize(
    ("sign_in", "headers"),
    [
        ("sign_in: {bearer: token}", {"authorization": "Bearer abc"}),
        ("sign_in: {basic: {user: me, password: token}}", {"authorization": "Basic bWU6YWJj"}),
        ("sign_in: {headers: {X-Key: token, X-Secret: other}}", {"x-key": "abc", "x-secret": "xyz"}),
        ("headers: {X-Version: '2026-11'}", {"x-version": "2026-11"}),
    ],
)
def test_each_call_is_signed_in(sign_in: str, headers: dict[str, str]) -> None:
    api = SmallApi({"/invoices": lambda request: []})
    open_connector(describe(top=sign_in), api, token="abc", other="xyz").read_changes(None, 10)
    (seen,) = api.seen
    assert {name: seen.headers[name] for name in headers} == headers


class TokenApi(SmallApi):
    """Gives a new token with each call for one, and takes the latest alone."""

    def __init__(self) -> None:
        self.given = 0
        super().__init__({"/token": self.give, "/invoices": self.list_rows})

    def give(self, request: httpx.Request) -> object:
        self.given += 1
        return {"access_token": f"t{self.given}", "token_type": "bearer", "expires_in": 3600}

    def list_rows(self, request: httpx.Request) -> object:
        return [make_row(1)] if request.headers["authorization"] == f"Bearer t{self.given}" else answer(401)


@pytest.mark.parametrize(
    ("send_as", "form", "header"),
    [
        ("header", "grant_type=client_credentials&scope=read", "Basic Y2xpZW50OmFiYw=="),
        ("body", "grant_type=client_credentials&scope=read&client_id=client&client_secret=abc", None),
    ],
)
def test_a_token_is_fetched_kept_and_fetched_anew_when_it_is_refused(send_as: str, form: str, header: str | None) -> None:
    sign_in = f"client_credentials: {{token_path: /token, client_id: client, client_secret: secret, scope: read, send_as: {send_as}}}"
    api = TokenApi()
    connector = open_connector(describe("whole_every_minutes: 0", top=f"sign_in: {{{sign_in}}}"), api, secret="abc")
    cursor = connector.read_changes(None, 10).cursor
    assert len(connector.read_changes(cursor, 10).invoices) == 1
    assert api.given == 1, "it is kept"
    first = api.seen[0]
    assert (first.content.decode(), first.headers.get("authorization")) == (form, header)
    api.given += 1
    assert len(connector.read_changes(cursor, 10).invoices) == 1, "the token was withdrawn there, and fetched anew"
    api.list_rows = lambda request: answer(401)  # type: ignore[method-assign]
    refused = SmallApi({"/token": lambda request: answer(400, b'{"message": "unknown client"}')})
    with pytest.raises(ConnectionRefusedByBillingError, match="/token gives no token"):
        open_connector(describe(top=f"sign_in: {{{sign_in}}}"), refused, secret="abc").read_changes(None, 10)


def test_no_secret_is_in_any_text_of_a_failure() -> None:
    connector = open_connector(describe(top="sign_in: {bearer: token}"), SmallApi({}), token="very-secret")
    steps = connector.try_connection()
    assert steps[0].works is False
    assert "very-secret" not in f"{steps} {connector!r}"


def test_a_link_to_another_place_is_not_followed() -> None:
    api = open_api(describe(), ADDRESS, {}, SmallApi({}))
    for link in ("http://elsewhere.test/x", "//elsewhere.test/x", "https://house.test/x", "http://house.test@elsewhere.test/x"):
        with pytest.raises(ConnectionRefusedByBillingError, match="another place"):
            api.follow_link(link)
