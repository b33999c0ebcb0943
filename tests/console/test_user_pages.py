"""Administrators keep users, roles and tokens at the console, through the API; nobody helps themselves, and secrets are shown once."""

import re
from html import unescape

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlmodel import select

from adapters.database.row_states import StartPage
from adapters.database.tables import IdempotencyKey
from adapters.identity.users_and_tokens import IdentityStore, Preferences
from domain.roles import Actor, Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import PortfolioWorld
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def admin(as_role: As, world: PortfolioWorld) -> Client:
    return as_role(Role.ADMIN, Accept="text/html")


async def act(client: Client, url: str, **filled: str) -> Response:
    """Open a form and send it, filled in further."""
    shown = (await client.get(url)).text
    given = {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown)}
    return await client.post(url.partition("?")[0], data=given | filled)


async def test_a_user_is_added_changed_and_deactivated_and_is_told_what_stays_theirs(
    admin: Client, as_role: As, world: PortfolioWorld
) -> None:
    answer = await act(
        admin, "/act/add_user?back=/users", name="Anna", role="collector", full_name="Anna Brandt", time_zone="Europe/Berlin"
    )
    assert answer.headers["location"] == "/users?acted=add_user"
    assert "Anna Brandt" in words(await page(admin, "/users"))
    taken = await act(admin, "/act/add_user", name="anna", role="auditor")
    assert (taken.status_code, "is a user" in taken.text) == (409, True)
    for wrong in ({"name": "an na"}, {"time_zone": "Europe/Nowhere"}, {"email": "nobody"}, {"role": "owner"}):
        assert (await act(admin, "/act/add_user", **({"name": "louis", "role": "collector"} | wrong))).status_code == 422
    shown = (await admin.get("/act/change_user?user_name=Anna")).text
    assert 'value="Anna Brandt"' in shown, "what is so now is filled in"
    await act(admin, "/act/change_user?user_name=Anna", full_name="Anna Berg", email="anna@lindenhof.example")
    assert as_role.identity.list_users()[0].full_name == "Anna Berg"
    world.account("A-9", collector="Anna")
    assert "Theirs: 1 account" in words(await page(admin, "/users/Anna"))
    token = as_role.identity.issue_token("Anna", Role.COLLECTOR)
    await act(admin, "/act/deactivate_user?user_name=Anna")
    assert IdentityStore(world.database).authenticate(token) is None
    assert "may sign in no more" in words(await page(admin, "/users/Anna"))
    assert (await admin.get("/users/nobody")).status_code == 404


async def test_roles_are_given_and_taken_but_never_to_oneself_and_the_last_administrator_stays(
    admin: Client, as_role: As, world: PortfolioWorld
) -> None:
    identity = as_role.identity
    identity.add_user("anna", Role.COLLECTOR)
    await act(admin, "/act/give_role?user_name=anna", role="auditor")
    assert identity.get_roles("anna") == {Role.COLLECTOR, Role.AUDITOR}
    await act(admin, "/act/take_role?user_name=anna", role="collector")
    assert identity.get_roles("anna") == {Role.AUDITOR}
    own = await act(admin, "/act/give_role?user_name=ADMIN-1", role="finance_director")
    assert (own.status_code, "nobody gives themselves a role" in own.text) == (409, True)
    for name, role in (("take_role", "admin"), ("deactivate_user", "")):
        assert (await act(admin, f"/act/{name}?user_name=admin-1", role=role)).status_code == 409
    identity.add_user("anna", Role.ADMIN)
    await act(admin, "/act/take_role?user_name=admin-1", role="admin")
    assert Role.ADMIN not in identity.get_roles("admin-1")
    assert (await admin.get("/users")).headers["location"] == "/sign-in", "the token went with the role"


async def test_a_token_is_shown_once_and_kept_nowhere(admin: Client, as_role: As, world: PortfolioWorld) -> None:
    as_role.identity.add_user("bank-feed", Role.BILLING_OPS)
    url = "/act/issue_token?user=bank-feed&form_key=the-same"
    answer = await act(admin, url, user="bank-feed", role="billing_ops", days="30")
    token = re.search(r"dc_[\w-]{40,}", answer.text)
    assert token
    assert as_role.identity.authenticate(token[0]) == Actor(user="bank-feed", role=Role.BILLING_OPS)
    with world.database.reading() as session:
        assert session.exec(select(IdempotencyKey.body)).all() == [{"token": None}]
    again = await act(admin, url, user="bank-feed", role="billing_ops", days="30")
    assert "dc_" not in again.text
    assert "made and shown before" in words(again.text)
    other = await act(admin, "/act/issue_token", user="bank-feed", role="admin")
    assert other.status_code == 404, "a token gives no role"
    [link] = re.findall(r"/act/revoke_token\?token_id=\w+", await page(admin, "/users/bank-feed"))
    await act(admin, link)
    assert IdentityStore(world.database).authenticate(token[0]) is None


async def test_a_password_link_is_shown_once_and_works(admin: Client, as_role: As, world: PortfolioWorld) -> None:
    as_role.identity.add_user("anna", Role.COLLECTOR)
    answer = await act(admin, "/act/make_password_link?user_name=anna")
    link = re.search(r"http://duecourse.test(/password\?code=[\w-]+)", answer.text)
    assert link
    async with as_role(None, Accept="text/html") as stranger:
        assert "anna" in words(await page(stranger, link[1]))
    assert (await act(admin, "/act/make_password_link?user_name=nobody")).status_code == 404


async def test_an_auditor_reads_users_and_what_happened_and_changes_nothing(admin: Client, as_role: As, world: PortfolioWorld) -> None:
    await act(admin, "/act/add_user", name="anna", role="collector")
    async with as_role(Role.AUDITOR) as auditor, as_role(Role.COLLECTOR, Accept="text/html") as collector:
        events = (await auditor.get("/v1/audit/sign-ins?user=anna")).json()["items"]
        assert [(event["kind"], event["made_by"], event["channel"]) for event in events] == [
            ("user_changed", "admin-1", "api"),
            ("role_given", "admin-1", "api"),
        ]
        assert [user["name"] for user in (await auditor.get("/v1/users")).json()] == ["admin-1", "anna", "auditor-1", "collector-1"]
        shown = (await auditor.get("/users/anna")).text
        assert "/act/" not in shown
        assert (await collector.get("/users")).status_code == 403
        assert (await collector.get("/act/add_user")).status_code == 403
        assert "/users" not in (await collector.get("/")).text


async def test_people_choose_language_time_zone_start_page_and_keys(app: FastAPI, as_role: As, world: PortfolioWorld) -> None:
    identity: IdentityStore = app.state.parts.identity
    person = as_role(Role.COLLECTOR, Accept="text/html")
    token = find_form_token(shown := (await person.get("/settings")).text)
    assert 'name="single_keys" value="yes" checked' in shown
    chosen = {"form_token": token, "language": "de", "time_zone": "Asia/Tokyo", "start_page": "today"}
    for wrong in ({"form_token": "x"}, {"time_zone": "Mars/Olympus"}):
        assert (await person.post("/settings/preferences", data=chosen | wrong)).status_code == 422
    answer = await person.post("/settings/preferences", data=chosen)
    assert answer.headers["location"] == "/settings?said=preferences_saved"
    assert identity.find_preferences("collector-1") == Preferences("de", "Asia/Tokyo", StartPage.TODAY, False)
    shown = await page(person, "/settings")
    assert "Ihre Einstellungen" in shown
    browser = as_role(None, Accept="text/html")
    signed_in = await browser.get(f"/sign-in?code={identity.issue_sign_in_code('collector-1', Role.COLLECTOR)}")
    assert signed_in.headers["location"] == "/today"
    assert "JST" in await page(browser, "/settings"), "times are those of the zone"
