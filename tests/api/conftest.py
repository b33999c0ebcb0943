"""The whole application over a real database; only Temporal is a fake."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.database.engine import Database
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.importer import Importer
from adapters.ledger.ledger import Ledger
from adapters.mail.local_inbox import Inbox
from api.app import attach_context, build_app
from api.context import ApiContext
from domain.roles import Role
from tests.adapters.journal.journalled_accounts import load_example_company
from tests.api.portfolio_world import CLOCK, REAL_NOW, PortfolioWorld
from tests.patience import PATIENCE


@pytest.fixture
def world(database: Database) -> PortfolioWorld:
    return PortfolioWorld(database)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox")


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """Built once, for its routes are made ready when they are first asked for; each test brings parts of its own."""
    return build_app()


@pytest.fixture
async def app(application: FastAPI, world: PortfolioWorld, inbox: Inbox) -> AsyncIterator[FastAPI]:
    """What was viewed is written down before the database serves another test."""
    database = world.database
    parts = ApiContext(
        database,
        CLOCK,
        world.cases,
        Ledger(database),
        Importer(database),
        IdentityStore(database),
        inbox,
        now=lambda: REAL_NOW,
        company=load_example_company(),
    )
    attach_context(application, parts)
    application.state.letter_plays.waited_seconds = PATIENCE
    yield application
    await application.state.trail.flush()


Client = httpx.AsyncClient


@dataclass
class As:
    """Clients by role; `anyone` carries no token."""

    app: FastAPI
    identity: IdentityStore

    def __call__(self, role: Role | None, **headers: str) -> Client:
        given = {"Authorization": f"Bearer {self.identity.issue_token(f'{role.value}-1', role)}"} if role else {}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return Client(transport=transport, base_url="http://duecourse.test", headers={**given, **headers})


@pytest.fixture
def as_role(app: FastAPI, database: Database) -> As:
    return As(app, IdentityStore(database))


@pytest.fixture
async def collector(as_role: As) -> AsyncIterator[Client]:
    async with as_role(Role.COLLECTOR) as client:
        yield client


@pytest.fixture
async def manager(as_role: As) -> AsyncIterator[Client]:
    async with as_role(Role.COLLECTIONS_MANAGER) as client:
        yield client


@pytest.fixture
async def auditor(as_role: As) -> AsyncIterator[Client]:
    async with as_role(Role.AUDITOR) as client:
        yield client


Problem = Callable[[httpx.Response, int], dict[str, Any]]


@pytest.fixture
def problem() -> Problem:
    def read(response: httpx.Response, status: int) -> dict[str, Any]:
        """The problem document; fails when the answer is none."""
        document: dict[str, Any] = response.json()
        assert response.status_code == status, document
        assert response.headers["content-type"] == "application/problem+json"
        assert document["status"] == status
        assert document["type"].startswith("urn:duecourse:problem:")
        assert document["detail"]
        return document

    return read
