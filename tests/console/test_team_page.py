"""The team's page: who has which accounts, cover, and rules that are looked at before they move anything."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.users_and_tokens import IdentityStore
from adapters.portfolio.rule_store import PortfolioRuleStore
from adapters.read_model.accounts import find_account
from api.console.team.rule_rows import RuleRow, UnreadableRule, add_spare_rows, read_rows, write_rows
from domain.portfolio.assignment_rules import PortfolioRule
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld
from tests.console.test_languages import find_english, visible_words
from tests.console.test_pages import NASTY, page, words

PEOPLE = ("anna", "louis")


@pytest.fixture
def team(world: PortfolioWorld) -> PortfolioWorld:
    identity = IdentityStore(world.database)
    for person in PEOPLE:
        identity.add_user(person, Role.COLLECTOR)
    world.account("A-1", "Brauerei Nord", collector="anna")
    world.account("A-2", "Hafenwerk", collector=None)
    world.invoice("I-1", account="A-1", started=False)
    return world


def find_hidden(html: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to `action`."""
    form = html.partition(f'action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def fill_rules(*rows: RuleRow) -> dict[str, list[str]]:
    """What a browser sends of the rules' rows."""
    return {name: [getattr(row, name) for row in rows] for name in RuleRow._fields}


async def send_rules(client: Client, *rows: RuleRow) -> int:
    hidden = find_hidden(await page(client, "/team"), "/team/rules")
    return (await client.post("/team/rules", data={**hidden, **fill_rules(*rows)})).status_code


async def do_act(client: Client, html: str, name: str, **filled: str) -> str:
    """Open the form to which the page leads, fill it in and send it; return where it leads."""
    url = re.findall(rf'href="(/act/{name}\?[^"]*)"', html)[0].replace("&amp;", "&")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', await page(client, url)))
    answer = await client.post(f"/act/{name}", data=hidden | filled)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def collector_of(world: PortfolioWorld, account_id: str) -> str | None:
    account = find_account(world.database, account_id, TODAY, invoices=0)
    assert account is not None
    return account.collector


async def test_accounts_are_handed_over_and_covered_from_the_page(as_role: As, team: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        shown = await page(client, "/team")
        assert "anna 1 €250.00 0 –" in words(shown)
        assert 'href="/today?collector=anna"' in shown, "anyone's list is one step away"
        await do_act(client, shown, "set_cover", covered_by="louis", first_day=TODAY.isoformat(), last_day=TODAY.isoformat())
        covered = await page(client, "/team")
        assert "louis covers for anna" in covered
        await do_act(client, covered, "end_cover")
        assert "Nobody covers for anybody." in await page(client, "/team")
        await do_act(client, covered, "reassign_accounts", to="louis", why="Anna ist in Elternzeit")
        assert collector_of(team, "A-1") == "louis"
        assert "anna → louis" in words(await page(client, "/team"))


async def test_rules_are_kept_looked_at_and_then_applied(as_role: As, team: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        before = find_hidden(await page(client, "/team"), "/team/rules")
        assert await send_rules(client, RuleRow("1", "anna", "FR"), RuleRow("2", "louis", "DE", letters="a-m"), RuleRow("3")) == 303
        shown = await page(client, "/team")
        assert "Hafenwerk: – → louis" in words(shown)
        assert collector_of(team, "A-2") is None, "a preview moves nothing"
        stale = await client.post("/team/rules", data={**before, **fill_rules(RuleRow("1", "anna"))})
        assert stale.status_code == 409, "somebody has changed them since"
        form = find_hidden(shown, "/team/rules/apply")
        assert (await client.post("/team/rules/apply", data=form | {"version": "7", "form_key": "other-key"})).status_code == 409
        for _ in range(2):
            assert (await client.post("/team/rules/apply", data=form)).status_code == 303
        assert collector_of(team, "A-2") == "louis"
        assert "Nothing would move" in await page(client, "/team")


@pytest.mark.parametrize(
    "row",
    [
        RuleRow("2", "nobody"),
        RuleRow("2", "anna", "Germany"),
        RuleRow("2", "anna", letters="M-A"),
        RuleRow("first", "anna"),
        RuleRow("2", "", "DE"),
        RuleRow("2", "anna", ", ".join(["DE"] * 251)),
        RuleRow("2", "anna", NASTY),
    ],
)
async def test_a_row_that_is_no_rule_is_named_and_nothing_is_kept(as_role: As, team: PortfolioWorld, row: RuleRow) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as client:
        form = find_hidden(await page(client, "/team"), "/team/rules")
        filled = {**form, **fill_rules(RuleRow("1", "louis", "DE"), row)}
        answer = await client.post("/team/rules", data=filled)
        assert answer.status_code == 422
        assert "Row 2 is no rule" in answer.text
        assert 'value="louis"' in answer.text, "what was written stays"
        assert "<script>" not in answer.text
        IdentityStore(team.database).add_user("admin-1", Role.ADMIN, language="de")
        in_german = (await client.post("/team/rules", data=filled)).text
        assert "Zeile 2" in in_german
        assert 'lang="en"' not in in_german
        assert (await client.post("/team/rules", data=fill_rules(RuleRow("1", "anna")))).status_code == 422, (
            "a form of ours carries its token"
        )
        assert (await client.post("/team/rules/apply", data={"version": "0"})).status_code == 303
    assert PortfolioRuleStore(team.database).get_current().version == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_others_look_at_it_and_change_nothing(as_role: As, team: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = await page(client, "/team")
        assert "/act/reassign_accounts" not in shown
        assert 'action="/team/rules"' not in shown
        assert (await client.post("/team/rules", data=fill_rules(RuleRow("1", "anna")))).status_code == 403
        assert (await client.post("/team/rules/apply", data={})).status_code == 403
    for language in ("de", "fr", "es"):
        IdentityStore(team.database).add_user("admin-1", Role.ADMIN, language=language)
        PortfolioRuleStore(team.database).add_version([PortfolioRule(collector="louis", segments=[language])], "admin-1", REAL_NOW)
        async with as_role(Role.ADMIN, Accept="text/html") as client:
            assert find_english(" ".join(visible_words(await page(client, "/team"))), language) == []


_words = st.text("abcdefg-_1", min_size=1, max_size=6)


@given(
    st.lists(
        st.builds(
            PortfolioRule,
            collector=_words,
            countries=st.lists(st.sampled_from(["DE", "FR"]), max_size=2),
            segments=st.lists(_words, max_size=2),
            letters=st.sampled_from([None, "A", "A-F", "#"]),
        ),
        max_size=3,
    )
)
def test_rules_are_read_as_they_are_written(rules: list[PortfolioRule]) -> None:
    assert [each.rule for each in read_rows(add_spare_rows(write_rows(rules)))] == rules


def test_a_row_is_named_by_its_number() -> None:
    with pytest.raises(UnreadableRule) as error:
        read_rows([RuleRow("1", "anna"), RuleRow("2"), RuleRow("3", "louis", "?")])
    assert error.value.row == 3


def test_a_rules_value_may_have_the_separators_of_its_row() -> None:
    rules = [
        PortfolioRule(collector="kim; the elder", countries=["DE"], segments=['small, "old"', "large"]),
        PortfolioRule(collector="louis, jr", letters="A-F"),
    ]
    assert [each.rule for each in read_rows(write_rows(rules))] == rules
    assert write_rows(rules)[0] == RuleRow("1", "kim; the elder", "DE", '"small, ""old""", large')
    assert write_rows(rules)[1] == RuleRow("2", "louis, jr", letters="A-F")


@pytest.mark.parametrize(
    ("places", "order"),
    [
        (("1", "2", "3"), "abc"),
        (("3", "2", "3"), "bca"),
        (("1", "2", "1"), "cab"),
        (("1", "1", "3"), "bac"),
        (("", "", "2"), "acb"),
        (("9", "2", "3"), "bca"),
    ],
)
def test_a_rule_that_is_given_another_place_goes_there(places: tuple[str, ...], order: str) -> None:
    rows = [RuleRow(place, name) for place, name in zip(places, "abc", strict=True)]
    assert "".join(each.rule.collector for each in read_rows(rows)) == order


def test_letters_and_countries_are_taken_as_people_type_them() -> None:
    (placed,) = read_rows([RuleRow("1", " anna ", "de, at", "", "a – f")])
    assert placed.rule == PortfolioRule(collector="anna", countries=["DE", "AT"], letters="A-F")
