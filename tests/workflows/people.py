"""The people who act over HTTP, on the real workflows of an environment."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
import pytest
from fastapi import FastAPI

from adapters.identity.users_and_tokens import IdentityStore
from adapters.temporal import case_commands
from adapters.temporal.case_commands import TemporalCaseCommands
from api.app import create_app
from api.context import ApiContext
from domain.roles import Role
from tests.workflows.collection_environment import CollectionEnvironment

WORKER_SECONDS = 60
"""How long people wait for a worker: on a busy machine one who runs may need longer than a person would wait before the act is queued."""


@dataclass
class People:
    """Clients by user and role. `now` is the real time of their requests."""

    app: FastAPI
    identity: IdentityStore
    stack: AsyncExitStack
    now: datetime

    async def __call__(self, user: str, role: Role) -> httpx.AsyncClient:
        token = self.identity.issue_token(user, role)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url="http://duecourse.test", headers={"Authorization": f"Bearer {token}"}
        )
        return await self.stack.enter_async_context(client)


@asynccontextmanager
async def gather_people(environment: CollectionEnvironment) -> AsyncIterator[People]:
    """People who are signed in to the API of an environment."""
    play = environment.play
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(case_commands, "QUERY_TIMEOUT_SECONDS", WORKER_SECONDS)
        people = People(FastAPI(), IdentityStore(environment.database), stack, await play.environment.get_current_time())
        parts = ApiContext(
            environment.database,
            play.parts.clock,
            TemporalCaseCommands(play.client, WORKER_SECONDS),
            play.parts.billing,
            play.parts.importer,
            people.identity,
            now=lambda: people.now,
            company=play.parts.company,
        )
        people.app = create_app(parts)
        yield people
