"""Forms that ask for somebody, or for a time zone, offer those that there are, take the names that people know, and name the nearest."""

import re

import pytest

from adapters.identity.users_and_tokens import IdentityStore
from api.console.acts.people import find_nearest_zone
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
COVER = "/act/set_cover?collector=anna"


@pytest.fixture
def staff(world: PortfolioWorld) -> PortfolioWorld:
    people = IdentityStore(world.database)
    people.add_user("anna", Role.COLLECTOR)
    people.add_user("louis.moreau", Role.COLLECTOR, full_name="Louis Moreau")
    people.add_user("ida", Role.AUDITOR, full_name="Ida Krämer")
    people.add_user("otto", Role.COLLECTOR)
    people.deactivate_user("otto")
    return world


def list_offered(html: str) -> dict[str, str]:
    return dict(re.findall(r'<option value="([^"]*)">([^<]*)</option>', html.partition("<datalist")[2].partition("</datalist>")[0]))


@ON_SQLITE
async def test_a_form_offers_by_name_and_role_whoever_may_do_it(as_role: As, staff: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        offered = list_offered(await page(manager, COVER))
        assert offered["louis.moreau"] == "Louis Moreau, collector"
        assert "anna" in offered
        assert not {"ida", "otto"} & offered.keys(), "an auditor covers for nobody, nor does somebody who has left"
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        assert "ida" in list_offered(await page(admin, "/act/issue_token"))
        assert "Europe/Berlin" in list_offered(await page(admin, "/act/add_user"))


@ON_SQLITE
@pytest.mark.parametrize("typed", ["louis.moreau", "Louis Moreau", "LOUIS MOREAU"])
async def test_somebody_is_named_as_they_sign_in_or_by_their_full_name(as_role: As, staff: PortfolioWorld, typed: str) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, COVER)) | {"covered_by": typed, "first_day": str(TODAY), "last_day": str(TODAY)}
        assert (await manager.post("/act/set_cover", data=form)).status_code == 303
        assert "louis.moreau" in words(await page(manager, "/team"))


@ON_SQLITE
async def test_whoever_is_not_there_is_told_with_the_nearest(as_role: As, staff: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, COVER)) | {"covered_by": "luis morau", "first_day": str(TODAY), "last_day": str(TODAY)}
        answer = await manager.post("/act/set_cover", data=form)
        assert answer.status_code == 422
        assert "Nobody here who may do this is called “luis morau”; is it louis.moreau?" in words(answer.text)
        assert 'value="luis morau"' in answer.text
        answer = await manager.post("/act/set_cover", data=form | {"covered_by": "ida"})
        assert "Nobody here who may do this is called “ida”" in words(answer.text)


@ON_SQLITE
async def test_a_time_zone_that_there_is_not_is_told_with_the_nearest(as_role: As, staff: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        form = fields_of(await page(admin, "/act/add_user")) | {"name": "eva", "role": "collector"}
        answer = await admin.post("/act/add_user", data=form | {"time_zone": "Berlin"})
        assert answer.status_code == 422
        assert "There is no time zone “Berlin”; is it Europe/Berlin?" in words(answer.text)
        assert (await admin.post("/act/add_user", data=form | {"time_zone": "europe/berlin"})).status_code == 303
        assert IdentityStore(staff.database).find_preferences("eva").time_zone == "Europe/Berlin"
        assert 'list="time-zones"' in await page(admin, "/settings")


def test_the_nearest_zone_is_found_by_its_city_and_by_its_spelling() -> None:
    assert (find_nearest_zone("new york"), find_nearest_zone("Europe/Berln"), find_nearest_zone("Mars/Olympus")) == (
        "America/New_York",
        "Europe/Berlin",
        "",
    )
