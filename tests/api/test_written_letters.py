"""A person writes to a customer now, over the API."""

from datetime import time
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.database.tables import PolicyVersion, Setting
from adapters.policies.in_force import IN_FORCE_SETTING
from api.commands.letter_writing import OFFICE_HOURS, build_letter_to_write
from api.schemas.letters.written_letters import LetterToWriteIn
from domain.policy.collection_policy import ContactHours, PolicySnapshot
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import POLICY, REAL_NOW, PortfolioWorld

ADDRESS = "/v1/accounts/A-1/letters"
BODY = {"contacts": [1], "sentence": "Wie besprochen."}


@pytest.fixture
def written_to(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    world.letter("I-1")
    return world


async def test_a_statement_is_previewed_and_written_once_however_often_it_is_sent(written_to: PortfolioWorld, collector: Client) -> None:
    shown = (await collector.post(f"{ADDRESS}/preview", json=BODY)).json()
    assert [(each["recipient"], each["language"]) for each in shown] == [("ap@a-1.example", "de")]
    assert "Wie besprochen." in shown[0]["text"]
    made, again = [await collector.post(ADDRESS, json=BODY, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert (made.status_code, made.json()) == (201, again.json())
    (letter,) = made.json()["letters"]
    assert (letter["letter"], letter["state"], letter["asked_for"]) == ("statement", "intended", None)
    (note,) = (await collector.get("/v1/accounts/A-1/notes")).json()["items"]
    assert note["text"] == "Statement of account written to: ap@a-1.example\nWie besprochen."


@pytest.mark.parametrize(
    ("change", "status"),
    [({"contacts": []}, 422), ({"contacts": [99]}, 422), ({"copy_of": 99}, 409), ({"sentence": "x" * 1001}, 422), ({"kind": "bill"}, 422)],
)
async def test_what_cannot_be_written_is_refused(
    written_to: PortfolioWorld, collector: Client, problem: Problem, change: dict[str, Any], status: int
) -> None:
    for address in (ADDRESS, f"{ADDRESS}/preview"):
        problem(await collector.post(address, json=BODY | change), status)


async def test_to_an_unknown_customer_nothing_is_written(written_to: PortfolioWorld, collector: Client, problem: Problem) -> None:
    problem(await collector.post("/v1/accounts/none/letters", json=BODY), 404)


def test_a_customer_who_owes_nothing_is_written_to_in_the_hours_of_its_own_policy(app: FastAPI, world: PortfolioWorld) -> None:
    def read_hours() -> ContactHours:
        return build_letter_to_write(app.state.parts, "A-1", LetterToWriteIn.model_validate(BODY)).hours

    world.account()
    assert read_hours() == OFFICE_HOURS
    own, hours = POLICY.load_policy(), ContactHours(opens=time(10), closes=time(12))
    contact = own.contact.model_copy(update={"hours": hours})
    kept = PolicySnapshot.from_policy(own.model_copy(update={"policy": "another", "segments": ["another"], "contact": contact}))
    world.add(PolicyVersion(name=kept.name, version=kept.version, snapshot=kept.text, sha256=kept.sha256, created_at=REAL_NOW))
    world.add(Setting(name=IN_FORCE_SETTING, value={"names": [kept.name, own.policy]}))
    assert read_hours() == own.contact.hours != hours
