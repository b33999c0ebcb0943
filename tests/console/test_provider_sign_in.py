"""Signing in through an OpenID provider, which runs as a process of its own."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI
from httpx import Response
from sqlmodel import select

from adapters.config.openid import build_openid_config, parse_role_mapping
from adapters.config.settings import Settings, SettingsError
from adapters.database.row_states import IdentityChannel, IdentityEventKind
from adapters.database.tables import IdentityEventRow
from adapters.identity import openid_provider
from adapters.identity.openid_provider import OpenIdConfig, OpenIdProvider, ProviderAwayError
from api.web.authentication import SESSION_COOKIE
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import PortfolioWorld
from tests.console.openid_provider import CLIENT_ID, ROLES, Provider, provider
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token
from tests.patience import PATIENCE

__all__ = ["provider"]

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def browser(app: FastAPI, as_role: As, provider: Provider, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> Client:
    """In front of a console whose company has this provider."""
    monkeypatch.setattr(openid_provider, "TIMEOUT_SECONDS", PATIENCE)
    openid = OpenIdProvider(OpenIdConfig(provider.issuer, CLIENT_ID, "secret", ROLES))
    app.state.parts = replace(app.state.parts, openid=openid)
    return as_role(None, Accept="text/html")


async def come_back(browser: Client, provider: Provider, subject: str, **claims: Any) -> Response:
    """Sign in there as somebody of whom it says this; return the answer to what the browser brings back."""
    provider.know(subject, **{"preferred_username": subject, "groups": ["collections"], **claims})
    there = await browser.get("/oidc/sign-in")
    assert there.status_code == 303
    return await browser.get(provider.let_in(there.headers["location"], subject))


@on_sqlite
async def test_somebody_of_a_known_group_is_let_in_with_its_role(browser: Client, provider: Provider, app: FastAPI) -> None:
    assert "company" in words(await page(browser, "/sign-in"))
    answer = await come_back(browser, provider, "anna", name="Anna Brandt", email="anna@lindenhof.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "/today")
    assert "anna, collector" in words(await page(browser, "/"))
    [known] = app.state.parts.identity.list_users()
    assert (known.name, known.full_name, known.email, known.roles) == ("anna", "Anna Brandt", "anna@lindenhof.example", (Role.COLLECTOR,))
    [session] = app.state.parts.identity.sessions.list_sessions("anna")
    assert session.method == "provider"
    assert "duecourse_oidc" not in browser.cookies, "what was brought there is good once"


@on_sqlite
async def test_the_way_there_has_a_challenge_a_state_and_a_nonce(browser: Client, provider: Provider) -> None:
    there = await browser.get("/oidc/sign-in")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    cookie = there.headers["set-cookie"]
    state, nonce, verifier = browser.cookies["duecourse_oidc"].split(".")
    assert (asked["state"], asked["nonce"], asked["code_challenge_method"]) == (state, nonce, "S256")
    assert asked["code_challenge"] == create_s256_code_challenge(verifier)
    assert verifier not in there.headers["location"]
    assert (asked["response_type"], asked["redirect_uri"]) == ("code", "http://duecourse.test/oidc/callback")
    assert "HttpOnly" in cookie
    assert "Path=/oidc" in cookie


@on_sqlite
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "another-application"}, "aud"),
        ({"aud": [CLIENT_ID, "another-application"]}, "azp"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"iss": "http://127.0.0.1:1"}, "iss"),
        ({"nonce": "of-another-sign-in"}, "nonce"),
        ({"preferred_username": "an na"}, "names no user"),
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    browser: Client, provider: Provider, world: PortfolioWorld, claims: dict[str, Any], why: str
) -> None:
    answer = await come_back(browser, provider, "mallory", **claims)
    assert answer.status_code == 403
    assert SESSION_COOKIE not in browser.cookies
    assert "did not let you in" in words(answer.text)
    with world.database.reading() as session:
        [event] = session.exec(select(IdentityEventRow)).all()
    assert (event.kind, event.user) == (IdentityEventKind.SIGN_IN_FAILED, "")
    assert why in event.detail


@on_sqlite
async def test_who_is_in_no_known_group_is_told_so(browser: Client, provider: Provider, app: FastAPI) -> None:
    answer = await come_back(browser, provider, "otto", groups=["canteen", "COLLECTIONS"])
    assert answer.status_code == 403
    assert "none of your groups" in words(answer.text)
    assert app.state.parts.identity.list_users() == []


@on_sqlite
async def test_groups_decide_over_mapped_roles_each_time_and_over_no_others(
    browser: Client, provider: Provider, app: FastAPI, world: PortfolioWorld
) -> None:
    identity = app.state.parts.identity
    identity.add_user("berta", Role.COLLECTIONS_MANAGER)
    identity.add_user("berta", Role.AUDITOR)
    token = identity.issue_token("berta", Role.COLLECTIONS_MANAGER)
    await come_back(browser, provider, "berta")
    assert identity.get_roles("berta") == {Role.COLLECTOR, Role.AUDITOR}
    assert identity.authenticate(token) is None
    await come_back(browser, provider, "berta", groups=[])
    assert identity.get_roles("berta") == {Role.AUDITOR}
    identity.remove_role("berta", Role.AUDITOR)
    assert (await come_back(browser, provider, "berta", groups=[])).status_code == 403
    with world.database.reading() as session:
        events = session.exec(select(IdentityEventRow.kind).where(IdentityEventRow.channel == IdentityChannel.PROVIDER)).all()
    assert events.count(IdentityEventKind.ROLE_TAKEN) == 2


@on_sqlite
async def test_a_name_stays_with_whom_it_first_named_and_who_is_deactivated_stays_out(
    browser: Client, provider: Provider, app: FastAPI
) -> None:
    identity = app.state.parts.identity
    assert (await come_back(browser, provider, "carla")).status_code == 303
    assert (await come_back(browser, provider, "carla-2", preferred_username="CARLA")).status_code == 403
    assert (await come_back(browser, provider, "carla", preferred_username="carla-married")).status_code == 303
    assert [user.name for user in identity.list_users()] == ["carla"]
    identity.deactivate_user("carla")
    assert (await come_back(browser, provider, "carla")).status_code == 403


@on_sqlite
async def test_only_the_browser_that_went_there_comes_back(browser: Client, as_role: As, provider: Provider) -> None:
    provider.know("dora", preferred_username="dora", groups=["collections"])
    there = await browser.get("/oidc/sign-in")
    back = provider.let_in(there.headers["location"], "dora")
    async with as_role(None, Accept="text/html") as other:
        answer = await other.get(back)
        assert (answer.status_code, SESSION_COOKIE in other.cookies) == (401, False)
    assert (await browser.get(re.sub(r"state=[^&]+", "state=x", back))).status_code == 401
    assert (await browser.get(back)).status_code == 401, "a way back is tried once"
    for wrong in ("error=access_denied", "code=invented", "code=x&iss=http://127.0.0.1:1"):
        there = await browser.get("/oidc/sign-in")
        state = browser.cookies["duecourse_oidc"].partition(".")[0]
        assert (await browser.get(f"/oidc/callback?state={state}&{wrong}")).status_code == 403, wrong


@on_sqlite
async def test_signing_out_goes_on_to_the_provider(browser: Client, provider: Provider, app: FastAPI) -> None:
    await come_back(browser, provider, "emil")
    assert (await browser.post("/sign-out")).status_code == 403
    token = find_form_token((await browser.get("/settings")).text)
    answer = await browser.post("/sign-out", data={"form_token": token})
    assert answer.status_code == 200
    url = answer.headers["refresh"].removeprefix("0; url=")
    assert url.startswith(f"{provider.issuer}/oauth2/end_session?id_token_hint=ey")
    assert parse_qs(urlsplit(url).query)["post_logout_redirect_uri"] == ["http://duecourse.test/sign-in"]
    assert provider.http.get(url).status_code == 200
    assert (await browser.get("/")).headers["location"] == "/sign-in"
    assert app.state.parts.identity.sessions.list_sessions("emil") == []
    assert (await browser.post("/sign-out")).headers["location"] == "/sign-in", "a second time there is nothing to end"


@on_sqlite
async def test_a_provider_that_is_away_is_said_and_other_ways_stay(app: FastAPI, as_role: As, world: PortfolioWorld) -> None:
    browser = as_role(None, Accept="text/html")
    assert (await browser.get("/oidc/sign-in")).status_code == 404, "none is set up"
    app.state.parts = replace(app.state.parts, openid=OpenIdProvider(OpenIdConfig("http://127.0.0.1:1", CLIENT_ID, None, ROLES)))
    answer = await browser.get("/oidc/sign-in")
    assert answer.status_code == 503
    assert "does not answer" in words(answer.text)
    assert 'name="password"' in answer.text


def test_a_provider_is_asked_over_tls_and_calls_itself_as_it_was_set(provider: Provider) -> None:
    for issuer in ("http://provider.example", f"{provider.issuer}/", f"{provider.issuer}x"):
        with pytest.raises(ProviderAwayError):
            OpenIdProvider(OpenIdConfig(issuer, CLIENT_ID, None, ROLES)).begin("http://duecourse.test/oidc/callback")


def test_groups_are_mapped_as_they_are_called() -> None:
    mapping = parse_role_mapping("CN=Leads,OU=Finance=collections_manager; collections = collector;")
    assert mapping == {"CN=Leads,OU=Finance": Role.COLLECTIONS_MANAGER, "collections": Role.COLLECTOR}
    for wrong in (None, "", "collections", "=collector", "collections=owner", "a=collector;a=auditor"):
        with pytest.raises(SettingsError, match="DUECOURSE_OIDC_ROLES"):
            parse_role_mapping(wrong)


def test_the_settings_of_a_provider_are_whole_or_refused() -> None:
    assert build_openid_config(Settings.load()) is None
    with pytest.raises(SettingsError, match="DUECOURSE_OIDC_CLIENT_ID"):
        build_openid_config(Settings.load(oidc_issuer="https://login.example", oidc_roles="a=collector"))
    given = {"oidc_issuer": "https://login.example", "oidc_client_id": "x", "oidc_client_secret": "s", "oidc_roles": "a=collector"}
    config = build_openid_config(Settings.load(**given))
    assert config == OpenIdConfig("https://login.example", "x", "s", {"a": Role.COLLECTOR})
    with pytest.raises(SettingsError, match="openid among them"):
        Settings.load(oidc_scopes="profile")
