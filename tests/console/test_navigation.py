"""The header leads everybody to everything that they may open, on one line."""

import re

import pytest

from adapters.database.row_states import IdentityChannel, StartPage
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.users_and_tokens import IdentityStore, Preferences
from api.console.navigation import build_navigation, find_start_path, list_start_pages
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import PortfolioWorld

IN_ONE_LINE = 5
"""What fits beside the date and the reader on a screen of 1280 pixels, in the language of the longest words."""

EVERYBODYS = {
    "/",
    "/today",
    "/overview",
    "/approvals",
    "/team",
    "/accounts",
    "/invoices",
    "/cases",
    "/letters",
    "/correspondence",
    "/policies",
}


@pytest.mark.parametrize("role", Role)
def test_every_role_finds_every_page_once(role: Role) -> None:
    shown = build_navigation(role, load_phrases("en"), "/nowhere", has_inbox=False)
    paths = [entry.path for entry in (*shown.in_sight, *shown.more)]
    assert len(shown.in_sight) <= IN_ONE_LINE
    assert len(paths) == len(set(paths))
    assert set(paths) >= EVERYBODYS
    assert ("/users" in paths) is (role in {Role.ADMIN, Role.AUDITOR})


def test_the_page_that_is_open_is_marked_also_from_below_it() -> None:
    words = load_phrases("en")
    marked = {
        path: {
            entry.path: entry.current
            for group in build_navigation(Role.COLLECTOR, words, path, has_inbox=True)
            for entry in group
            if entry.current
        }
        for path in ("/accounts", "/accounts/A-1", "/preview", "/inbox", "/")
    }
    assert marked == {
        "/accounts": {"/accounts": "page"},
        "/accounts/A-1": {"/accounts": "true"},
        "/preview": {"/letters": "page"},
        "/inbox": {"/inbox": "page"},
        "/": {"/": "page"},
    }


async def test_what_an_administrator_is_led_to_opens(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as administrator:
        html = (await administrator.get("/")).text
        led_to = re.findall(r'href="(/[a-z-]*)"', html[html.index("<nav") : html.index("</header>")])
        assert {"/users", "/audit", "/import", "/set-aside", "/settings", "/shortcuts"} <= set(led_to)
        for path in led_to:
            assert (await administrator.get(path)).status_code == 200, path


def test_every_page_is_gone_to_by_a_letter_of_its_own() -> None:
    shown = build_navigation(Role.ADMIN, load_phrases("en"), "/", has_inbox=True)
    letters = [entry.key for entry in (*shown.in_sight, *shown.more)]
    assert len(letters) == len(set(letters)) == len(list(filter(str.islower, letters)))


async def test_the_page_of_keys_says_where_each_letter_goes(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        html = (await collector.get("/shortcuts")).text
    for key, name in (("t", "Today"), ("o", "Overview"), ("m", "Team"), ("v", "Invoices"), ("s", "Cases"), ("c", "Accounts")):
        assert f"<kbd>g {key}</kbd></dt><dd>{name}</dd>" in html
        assert f'data-key="{key}"' in html
    assert "<kbd>g u</kbd>" not in html, "the audit is not a collector's"


@pytest.mark.parametrize(
    ("role", "path"),
    [(Role.COLLECTOR, "/today"), (Role.COLLECTIONS_MANAGER, "/today"), (Role.AUDITOR, "/audit"), (Role.ADMIN, "/today")],
)
def test_the_day_begins_where_that_of_the_role_does(role: Role, path: str) -> None:
    assert find_start_path(role, None) == path


def test_a_chosen_page_counts_while_the_role_may_see_it() -> None:
    assert find_start_path(Role.ADMIN, StartPage.USERS) == "/users"
    assert find_start_path(Role.COLLECTOR, StartPage.USERS) == "/today"
    words = load_phrases("de")
    offered = {role: list_start_pages(role, words) for role in (Role.COLLECTOR, Role.ADMIN)}
    assert offered[Role.COLLECTOR][""] == "Womit der Tag Ihrer Rolle beginnt: Heute"
    assert {"overview", "letters", "portfolio", "today"} <= offered[Role.COLLECTOR].keys()
    assert offered[Role.ADMIN].keys() - offered[Role.COLLECTOR].keys() == {"audit", "users", "import"}


async def test_whoever_signs_in_gets_to_the_page_that_they_chose(as_role: As, world: PortfolioWorld) -> None:
    identity = IdentityStore(world.database)
    identity.add_user("ida", Role.AUDITOR)
    for chosen, path in ((None, "/audit"), (StartPage.OVERVIEW, "/overview")):
        identity.change_preferences("ida", Preferences(start_page=chosen), ChangeAuthor("ida", IdentityChannel.CONSOLE))
        async with as_role(None, Accept="text/html") as browser:
            answer = await browser.get(f"/sign-in?code={identity.issue_sign_in_code('ida', Role.AUDITOR)}")
            assert answer.headers["location"] == path
