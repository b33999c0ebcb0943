"""A real browser on the console of a play: one server, one Chromium, people who are signed in by link."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, async_playwright, expect

from adapters.process.web_server import WebServer
from adapters.shipped_files import PROJECT
from api.console.assets import ASSETS_PATH
from domain.roles import Role
from tests.patience import PATIENCE
from tests.workflows.people import People

CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""A container's root has no sandbox; and nothing but our server is asked for anything."""

PATIENCE_MS = PATIENCE * 1_000
"""How long whatever must come may take in the browser: a machine may be busy."""

expect.set_options(timeout=PATIENCE_MS)

AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)


def find_chromium() -> str | None:
    return next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(
    find_chromium() is None or not AXE.is_file(), reason="needs Chromium and the libraries of package-lock.json: `make test` sets both up"
)

_NOTE_WHAT_IS_HEARD = """addEventListener("changed", () => { window.heard = true; }, true)"""
_WAIT_UNTIL_HEARD = """() => new Promise((done) => window.heard ? done() : addEventListener("changed", () => done(), true))"""


_ANSWERED_OR_AWAY = re.compile(r"Failed to load resource: (?:the server responded with a status of 4\d\d|net::ERR_INTERNET_DISCONNECTED)")
"""So a browser notes each answer that is a refusal, which the page itself says in words; and a line that a test has cut."""


@dataclass
class ConsoleSite:
    """The console at `url`; `complaints` are what its pages wrote to the browser's console as errors, such as what broke the content
    policy."""

    url: str
    browser: Browser
    people: People
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    async def sign_in(self, user: str, role: Role, **options: Any) -> Page:
        """A window of its own, at the console's first page."""
        self.people.identity.add_user(user, role)
        code = self.people.identity.issue_sign_in_code(user, role)
        page = await self.open_window(**options)
        await page.goto(f"{self.url}/sign-in?code={code}")
        return page

    async def open_window(self, **options: Any) -> Page:
        """Of somebody who is not signed in."""
        context = await self.browser.new_context(**{"viewport": DESK, "locale": "en-GB", "reduced_motion": "reduce", **options})
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = await context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.add_init_script(_NOTE_WHAT_IS_HEARD)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        """What other sites' pages write, such as a provider's, is no complaint about ours."""
        where = message.location["url"]
        is_foreign = where.startswith("http") and not where.startswith(self.url)
        is_expected = _ANSWERED_OR_AWAY.match(message.text) and ASSETS_PATH not in where
        if message.type == "error" and not is_foreign and not is_expected:
            self.complaints.append(f"{message.text} ({where})")

    async def wait_until_heard(self, page: Page) -> None:
        """Until the page has heard how things stand: what changes from then on it hears of."""
        await page.evaluate(_WAIT_UNTIL_HEARD)

    async def close_windows(self) -> None:
        for context in self._contexts:
            await context.close()
        self._contexts.clear()


@asynccontextmanager
async def open_console(people: People) -> AsyncIterator[ConsoleSite]:
    """Serve the console of these people, and start a browser."""
    server = WebServer("127.0.0.1", 0)
    await server.serve(people.app)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_OPTIONS), timeout=PATIENCE_MS)
            yield ConsoleSite(f"http://127.0.0.1:{server.port}", browser, people)
            await browser.close()
    finally:
        await server.stop()


_RUN_AXE = """async (options) => (await axe.run(document, {
        resultTypes: ["violations"], preload: false, iframes: false, ...options})).violations
    .map((found) => `${found.id}: ${found.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`)"""
_TOO_WIDE = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? []
    : [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth && !each.closest(".scroll"))
    .map((each) => `wider than the screen: ${each.outerHTML.slice(0, 120)}`).slice(0, 3)"""
_RUNS_OUT = PROJECT / "tests" / "console" / "runs_out.js"
"""Finds text that is cut off or runs into what stands beside it, tables that must be moved sideways and are not `wide`, and what is pressed
where it covers another."""

_CONTRAST = "color-contrast"


async def find_access_faults(page: Page) -> list[str]:
    """What axe-core finds on the page as it is shown at a desk, in dark colours, and on a phone; whether it scrolls sideways there, and
    what is cut off or covered."""
    await page.set_viewport_size(DESK)
    await page.emulate_media(color_scheme="light")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    runs_out = _RUNS_OUT.read_text(encoding="utf-8")
    found = [f"light, {fault}" for fault in [*await page.evaluate(_RUN_AXE, {}), *await page.evaluate(runs_out)]]
    await page.emulate_media(color_scheme="dark")
    found += [f"dark, {fault}" for fault in await page.evaluate(_RUN_AXE, {"runOnly": [_CONTRAST]})]
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(PHONE)
    found += [f"phone, {fault}" for fault in await page.evaluate(_RUN_AXE, {"rules": {_CONTRAST: {"enabled": False}}})]
    found += [f"phone, {fault}" for fault in [*await page.evaluate(_TOO_WIDE), *await page.evaluate(runs_out)]]
    return found
