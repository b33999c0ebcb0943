"""Signing in with a browser: by a password, for as long as one may, and by the company's own sign-in."""

import re
from dataclasses import replace

import pytest
from playwright.async_api import Page, Route, expect

from adapters.identity import openid_provider
from adapters.identity.openid_provider import OpenIdConfig, OpenIdProvider
from domain.roles import Role
from tests.console.browser import ConsoleSite, needs_browser
from tests.console.browser_stage import BrowserStage
from tests.console.in_browser.acting import SCRIPTED, open_act, send
from tests.console.openid_provider import CLIENT_ID, ROLES, Provider
from tests.patience import PATIENCE

pytestmark = needs_browser

PASSWORD = "correct horse battery"


async def sign_in_by_password(page: Page, url: str, user: str) -> None:
    await page.goto(f"{url}/sign-in")
    await page.locator('[name="user"]').fill(user)
    await page.locator('[name="password"]').fill(PASSWORD)
    await page.locator('form.act[action="/sign-in"] button').click()


async def sign_out(page: Page) -> None:
    await page.locator("header details.menu summary").last.click()
    await page.locator('form[action="/sign-out"] button').click()


@SCRIPTED
async def test_an_administrator_adds_somebody_who_signs_in_by_password_until_they_are_deactivated(
    stage: BrowserStage, site: ConsoleSite, scripted: bool
) -> None:
    name = "nina" if scripted else "nils"
    ada = await site.sign_in("ada", Role.ADMIN, java_script_enabled=scripted)
    await ada.goto(f"{site.url}/users")
    await open_act(ada, "add_user")
    await ada.locator('[name="name"]').fill(name)
    await ada.locator('[name="role"][value="collector"]').check()
    await send(ada, "add_user")
    await ada.get_by_role("link", name=name, exact=True).first.click()
    await open_act(ada, "make_password_link")
    await send(ada, "make_password_link")
    link = await ada.locator("code.secret").inner_text()
    window = await site.open_window(java_script_enabled=scripted)
    await window.goto(re.sub("^https?://[^/]+", site.url, link))
    for field in ("password", "again"):
        await window.locator(f'[name="{field}"]').fill(PASSWORD)
    await window.get_by_role("button").click()
    await expect(window).to_have_url(f"{site.url}/today")
    await sign_out(window)
    await sign_in_by_password(window, site.url, name)
    await expect(window.locator("header .person")).to_have_text(f"{name}, collector")
    await ada.goto(f"{site.url}/users/{name}")
    await open_act(ada, "deactivate_user")
    await send(ada, "deactivate_user")
    await window.goto(f"{site.url}/accounts")
    await expect(window).to_have_url(f"{site.url}/sign-in")
    await sign_in_by_password(window, site.url, name)
    await expect(window.locator('main [role="alert"]')).to_be_visible()


async def stay_here(route: Route) -> None:
    """The provider's page wants its style from elsewhere."""
    await (route.continue_() if route.request.url.startswith("http://127.0.0.1") else route.abort())


@SCRIPTED
async def test_the_companys_own_sign_in_lets_a_user_in_and_out(
    stage: BrowserStage, site: ConsoleSite, provider: Provider, monkeypatch: pytest.MonkeyPatch, scripted: bool
) -> None:
    monkeypatch.setattr(openid_provider, "TIMEOUT_SECONDS", PATIENCE)
    user = "paula" if scripted else "paul"
    openid = OpenIdProvider(OpenIdConfig(provider.issuer, CLIENT_ID, "secret", ROLES))
    monkeypatch.setitem(site.people.app.state._state, "parts", replace(site.people.app.state.parts, openid=openid))
    provider.know(user, preferred_username=user, groups=["leads"])
    page = await site.open_window(java_script_enabled=scripted)
    await page.route("**/*", stay_here)
    await page.goto(f"{site.url}/sign-in")
    await page.get_by_role("link", name="Sign in with your company").click()
    await page.locator('input[name="sub"]').fill(user)
    await page.get_by_role("button", name="Authorize").click()
    await expect(page.locator("header .person")).to_have_text(f"{user}, collections manager")
    await sign_out(page)
    await page.wait_for_url(f"{provider.issuer}/**")
    await page.goto(f"{site.url}/today")
    await expect(page).to_have_url(f"{site.url}/sign-in")
