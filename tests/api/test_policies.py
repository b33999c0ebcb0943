"""The policies in force, and what the last start refused."""

from pathlib import Path

import pytest

from adapters.config.settings import PROJECT
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from domain.roles import Role
from tests.adapters.policies.test_policy_store import folder
from tests.api.conftest import As, Client
from tests.api.portfolio_world import POLICY, PortfolioWorld

STANDARD = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")


@pytest.fixture
def store(world: PortfolioWorld) -> PolicyStore:
    """The project's own policies are in force."""
    store = PolicyStore(world.database, LetterTemplates())
    store.load_folder_or_keep(PROJECT / "policies")
    return store


def refuse(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=STANDARD.replace("catch_up_days: 3", "catch_up_days: 1")))


async def test_the_policies_in_force_are_listed(store: PolicyStore, auditor: Client) -> None:
    answer = (await auditor.get("/v1/policies")).json()

    assert [(row["policy"], row["version"], row["segments"]) for row in answer["items"]] == [("standard", POLICY.version, [])]
    assert answer["matrix_version"] == 1
    assert answer["refused"] is None


async def test_what_the_last_start_refused_is_said_wherever_somebody_may_look(
    store: PolicyStore, auditor: Client, as_role: As, tmp_path: Path
) -> None:
    refuse(store, tmp_path)

    answer = (await auditor.get("/v1/policies")).json()
    metrics = (await auditor.get("/metrics")).text
    async with as_role(None) as probe:
        ready = await probe.get("/readyz")
    async with as_role(Role.ADMIN) as admin:
        page = (await admin.get("/")).text

    assert f"raise the version to {POLICY.version + 1}" in answer["refused"]["faults"][0]
    assert [row["version"] for row in answer["items"]] == [POLICY.version]
    assert "\nduecourse_policies_refused 1\n" in metrics
    assert ready.status_code == 200
    assert "GET /v1/policies" in ready.json()["warnings"][0]
    assert 'role="alert"' in page
    assert f"raise the version to {POLICY.version + 1}" in page


async def test_nothing_is_said_while_all_is_well(store: PolicyStore, as_role: As) -> None:
    async with as_role(None) as probe:
        assert (await probe.get("/readyz")).json() == {"status": "ok", "warnings": []}
    async with as_role(Role.ADMIN) as admin:
        assert 'class="banner"' not in (await admin.get("/")).text
