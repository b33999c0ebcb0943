"""Signing in with a password: its session, its limits, its link, and what each person sets for themselves."""

import re

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from adapters.database.row_states import IdentityChannel
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.passwords import PasswordStore
from api.web.authentication import SESSION_COOKIE
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import PortfolioWorld
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token, sign_out

ADMIN = ChangeAuthor("admin", IdentityChannel.CONSOLE)
GOOD, BETTER = "correct horse battery", "a better one than before"
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def passwords(app: FastAPI, world: PortfolioWorld) -> PasswordStore:
    """Cheap ones: what they cost is Argon's own affair."""
    store = PasswordStore(world.database, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    app.state.parts.__dict__["passwords"] = store
    app.state.parts.identity.add_user("maria", Role.COLLECTOR)
    store.set_password("maria", GOOD, ADMIN)
    return store


@pytest.fixture
def browser(as_role: As) -> Client:
    return as_role(None, Accept="text/html")


async def sign_in(browser: Client, password: str = GOOD, user: str = "maria") -> int:
    return (await browser.post("/sign-in", data={"user": user, "password": password})).status_code


async def form_token(browser: Client, path: str) -> str:
    return find_form_token((await browser.get(path)).text)


async def test_a_password_signs_in_and_takes_the_place_of_the_session_before(browser: Client, passwords: PasswordStore) -> None:
    assert await sign_in(browser) == 303
    first = browser.cookies[SESSION_COOKIE]
    assert "maria, collector" in words(await page(browser, "/"))
    assert await sign_in(browser) == 303
    assert browser.cookies[SESSION_COOKIE] != first
    browser.cookies.clear()
    assert (await browser.get("/", headers={"Cookie": f"{SESSION_COOKIE}={first}"})).headers["location"] == "/sign-in"


async def test_an_unknown_user_gets_the_same_answer_as_a_wrong_password(browser: Client, passwords: PasswordStore) -> None:
    wrong = await browser.post("/sign-in", data={"user": "maria", "password": "wrong"})
    unknown = await browser.post("/sign-in", data={"user": "maria-x", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text == unknown.text.replace("maria-x", "maria")


async def test_after_some_failures_the_wait_is_said_even_to_the_right_password(browser: Client, passwords: PasswordStore) -> None:
    assert [await sign_in(browser, "wrong") for _ in range(5)] == [401] * 5
    answer = await browser.post("/sign-in", data={"user": "maria", "password": GOOD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 30
    assert "1 minute" in words(answer.text)


async def test_a_link_lets_a_user_choose_a_password_and_opening_it_uses_nothing_up(browser: Client, passwords: PasswordStore) -> None:
    await sign_in(browser)
    old = browser.cookies[SESSION_COOKIE]
    browser.cookies.clear()
    code = passwords.make_link_code("maria", ADMIN)
    for _ in range(2):
        assert "maria" in words(await page(browser, f"/password?code={code}"))
    for password, again, status in (("short", "short", 422), (BETTER, GOOD, 422), (BETTER, BETTER, 303), (BETTER, BETTER, 401)):
        answer = await browser.post("/password", data={"code": code, "password": password, "again": again})
        assert answer.status_code == status
    assert "maria, collector" in words(await page(browser, "/"))
    browser.cookies.clear()
    assert (await browser.get("/", headers={"Cookie": f"{SESSION_COOKIE}={old}"})).status_code == 303, "other sessions have ended"
    assert (await sign_in(browser), await sign_in(browser, BETTER)) == (401, 303)
    foreign = await browser.post("/password", data={"code": code}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403


async def test_a_password_is_changed_by_who_knows_it_and_all_other_sessions_end(
    as_role: As, browser: Client, passwords: PasswordStore
) -> None:
    other = as_role(None, Accept="text/html")
    await sign_in(other)
    await sign_in(browser)
    sent = {"form_token": await form_token(browser, "/settings"), "current": GOOD, "password": BETTER, "again": BETTER}
    for wrong in ({"form_token": "x"}, {"current": "wrong"}, {"again": "x"}, {"password": "short", "again": "short"}):
        answer = await browser.post("/settings/password", data=sent | wrong)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    before = browser.cookies[SESSION_COOKIE]
    answer = await browser.post("/settings/password", data=sent)
    assert answer.status_code == 303
    assert "Your password is set" in words(await page(browser, answer.headers["location"]))
    assert browser.cookies[SESSION_COOKIE] != before
    assert (await other.get("/")).headers["location"] == "/sign-in"
    assert await sign_in(other, BETTER) == 303


async def test_sessions_are_listed_and_ended_from_the_list(as_role: As, browser: Client, passwords: PasswordStore) -> None:
    other = as_role(None, Accept="text/html", **{"User-Agent": "Lynx of Maria"})
    await sign_in(other)
    await sign_in(browser)
    shown = (await browser.get("/settings")).text
    assert "Lynx of Maria" in shown
    assert "This browser" in shown
    [entry] = [row for row in shown.split("<tr>") if "Lynx of Maria" in row]
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', entry))
    [address] = re.findall(r'action="([^"]+)"', entry)
    assert (await browser.post(address)).status_code == 403
    answer = await browser.post(address, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings?said=session_ended")
    assert "signed out" in words(await page(browser, answer.headers["location"]))
    assert (await other.get("/")).headers["location"] == "/sign-in"
    assert "maria, collector" in words(await page(browser, "/"))


async def test_who_has_two_roles_chooses_and_sees_in_which_they_act(app: FastAPI, browser: Client, passwords: PasswordStore) -> None:
    await sign_in(browser)
    app.state.parts.identity.add_user("maria", Role.AUDITOR)
    answer = await browser.post("/sign-in", data={"user": "maria", "password": GOOD})
    assert answer.headers["location"] == "/role"
    token = await form_token(browser, "/role")
    assert (await browser.post("/role", data={"role": "auditor"})).status_code == 403
    assert (await browser.post("/role", data={"role": "admin", "form_token": token})).status_code == 404
    first = browser.cookies[SESSION_COOKIE]
    assert (await browser.post("/role", data={"role": "auditor", "form_token": token})).headers["location"] == "/audit"
    assert browser.cookies[SESSION_COOKIE] != first
    assert "maria, auditor" in words(await page(browser, "/"))
    await sign_out(browser)
    await sign_in(browser)
    assert "maria, auditor" in words(await page(browser, "/")), "the role of the last time"


async def test_an_admin_ends_anybodys_session_and_others_only_their_own(as_role: As, browser: Client, passwords: PasswordStore) -> None:
    await sign_in(browser)
    async with as_role(Role.AUDITOR) as auditor, as_role(Role.ADMIN) as admin, as_role(Role.COLLECTOR) as other:
        assert (await auditor.post("/settings/sessions/x/end")).status_code == 403
        [known] = (await auditor.get("/v1/sessions")).json()
        assert (known["user"], known["method"]) == ("maria", "password")
        assert (await other.get("/v1/sessions")).json() == []
        ending = f"/v1/sessions/{known['id']}/revocation"
        assert [(await each.post(ending)).status_code for each in (auditor, other, admin, admin)] == [403, 403, 200, 200]
    assert (await browser.get("/")).headers["location"] == "/sign-in"
