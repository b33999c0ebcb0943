"""What failed and was set aside: a task of administrators with its reason and a button, a warning, a figure; and nobody else's to retry."""

from datetime import UTC, datetime, timedelta

import pytest
from httpx import AsyncClient
from sqlalchemy import update

from adapters.database.tables import SetAsideRow
from adapters.identity.users_and_tokens import IdentityStore
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from api.presenters.phrases import load_phrases
from domain import identifiers as ids
from domain.roles import Role
from tests.api.conftest import As, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.api.test_worklist import listed


@pytest.fixture
def poisoned(world: PortfolioWorld) -> PortfolioWorld:
    """An invoice whose events the server does not take, and a schedule that fails."""
    world.account("A-1", name="Brauerei Nord GmbH")
    world.invoice("I-1", started=False)
    store = SetAsideStore(world.database)
    store.set_aside(SetAsideStage.BILLING_EVENT, "I-1", Failure(ValueError("too <long>"), "A-1"), at_least=timedelta(hours=1))
    store.set_aside(SetAsideStage.SCHEDULE, "DailySeal:make_seal", ValueError("the leaves cannot be read"))
    return world


async def test_each_is_one_task_of_administrators_with_its_reason(as_role: As, poisoned: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN) as admin:
        items = await listed(admin, "?kind=set_aside")
    assert [(item["account_id"], item["link"], item["can_do"]) for item in items] == [
        ("A-1", "/set-aside", ["retry_set_aside"]),
        ("", "/set-aside", ["retry_set_aside"]),
    ]
    assert items[0]["why"] == [
        "What billing reports of an invoice is set aside (I-1): it fails for a reason that was not foreseen. It is tried again by itself, "
        "or at once if you ask for it"
    ]
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        assert await listed(manager, "?kind=set_aside") == []


async def test_the_list_says_what_why_since_when_and_pages(as_role: As, auditor: AsyncClient, poisoned: PortfolioWorld) -> None:
    first = (await auditor.get("/v1/set-aside?limit=1")).json()
    (item,) = first["items"]
    assert (item["stage"], item["item_id"], item["attempts"], item["detail"]) == ("billing_event", "I-1", 1, "ValueError: too <long>")
    assert item["first_failed_at"] < item["next_try_at"]
    rest = (await auditor.get(f"/v1/set-aside?cursor={first['next']}")).json()
    assert ([each["item_id"] for each in rest["items"]], rest["next"]) == (["DailySeal:make_seal"], None)
    german = (await auditor.get("/v1/set-aside?stage=schedule", headers={"Accept-Language": "de"})).json()
    assert german["items"][0]["says"].startswith("Zurückgestellt: Eine geplante Arbeit (DailySeal:make_seal)")


async def test_a_retry_starts_what_tries_it_and_keeps_who_asked(as_role: As, poisoned: PortfolioWorld, problem: Problem) -> None:
    async with as_role(Role.ADMIN) as admin:
        event, schedule = (await admin.get("/v1/set-aside")).json()["items"]
        answer = await admin.post(f"/v1/set-aside/{event['id']}/retry", headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.json()["retried_by"]) == (202, "admin-1")
        assert answer.json()["next_try_at"] < event["next_try_at"]
        again = await admin.post(f"/v1/set-aside/{event['id']}/retry", headers={"Idempotency-Key": "k1"})
        assert again.json() == answer.json()
        assert poisoned.cases.triggered == [ids.BILLING_SYNC_ID], "the same request again starts nothing"
        await admin.post(f"/v1/set-aside/{schedule['id']}/retry")
        assert poisoned.cases.triggered == [ids.BILLING_SYNC_ID, ids.DAILY_SEAL_ID]
        problem(await admin.post("/v1/set-aside/4711/retry"), 404)
        SetAsideStore(poisoned.database).settle(SetAsideStage.BILLING_EVENT, {"I-1"})
        problem(await admin.post(f"/v1/set-aside/{event['id']}/retry"), 404)
        problem(await admin.post("/v1/set-aside/99999999999999999999/retry"), 422)


async def test_readiness_is_degraded_with_the_reason_and_the_figures_count_by_stage(
    as_role: As, auditor: AsyncClient, poisoned: PortfolioWorld
) -> None:
    async with as_role(None) as stranger:
        answer = await stranger.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["warnings"] == [
            "2 failed and set aside, so that the rest goes on: billing_event 1, schedule 1; GET /v1/set-aside says why"
        ]
        figures = (await auditor.get("/metrics")).text.splitlines()
        assert {'duecourse_set_aside{stage="billing_event"} 1', 'duecourse_set_aside{stage="schedule"} 1'} <= set(figures)
        store = SetAsideStore(poisoned.database)
        store.settle(SetAsideStage.BILLING_EVENT, {"I-1"})
        store.settle(SetAsideStage.SCHEDULE, {"DailySeal:make_seal"})
        assert (await stranger.get("/readyz")).json() == {"status": "ok", "warnings": []}


@pytest.mark.parametrize(("language", "title"), [("en", "Set aside"), ("de", "Zurückgestellt"), ("fr", "Mis de côté"), ("es", "Apartado")])
async def test_the_page_is_in_the_readers_language_with_a_button(language: str, title: str, as_role: As, poisoned: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        IdentityStore(poisoned.database).add_user("admin-1", Role.ADMIN, language=language)
        page = (await admin.get("/set-aside")).text
        assert f"<h1>{title}</h1>" in page
        assert "ValueError: too &lt;long&gt;" in page
        assert 'action="/set-aside/1/retry"' in page
        answer = await admin.post("/set-aside/1/retry")
        assert (answer.status_code, answer.headers["location"]) == (303, "/set-aside")
        assert poisoned.cases.triggered == [ids.BILLING_SYNC_ID]
        assert "admin-1" in (await admin.get("/set-aside")).text


async def test_whoever_is_no_administrator_reads_the_page_and_has_no_button(as_role: As, poisoned: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        page = (await collector.get("/set-aside")).text
        assert "I-1" in page
        assert "/retry" not in page
        assert (await collector.post("/set-aside/1/retry")).status_code == 403
        assert 'href="/set-aside">What billing reports of an invoice</a>: 1 failed' in (await collector.get("/")).text


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_every_stage_and_reason_has_words(language: str) -> None:
    words = load_phrases(language)
    assert set(words.set_aside_stages) == {stage.value for stage in SetAsideStage}
    assert set(words.set_aside_reasons) == {reason.value for reason in SetAsideReason}


@pytest.mark.parametrize(("hours", "left"), [(0, 1), (2, 0)])
async def test_a_cases_own_work_that_nobody_tries_any_more_leaves_the_list_once_it_was_seen(
    as_role: As, world: PortfolioWorld, hours: int, left: int
) -> None:
    SetAsideStore(world.database).set_aside(SetAsideStage.CASE_WORK, "plan:A-1:1:make_dossier", ValueError("x"))
    with world.database.writing() as session:
        session.execute(update(SetAsideRow).values(last_tried_at=datetime.now(UTC) - timedelta(hours=hours)))
    async with as_role(Role.ADMIN) as admin:
        (item,) = (await admin.get("/v1/set-aside")).json()["items"]
        assert (await admin.post(f"/v1/set-aside/{item['id']}/retry")).status_code == 202
        assert len((await admin.get("/v1/set-aside")).json()["items"]) == left
