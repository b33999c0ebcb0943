"""People who act over HTTP on the environment's real workflows."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from adapters.identity.users_and_tokens import IdentityStore
from adapters.temporal.case_commands import TemporalCaseCommands
from api.app import create_app
from api.context import ApiContext
from tests.workflows.collection_environment import CollectionEnvironment
from tests.workflows.people import People


@asynccontextmanager
async def open_people(environment: CollectionEnvironment) -> AsyncIterator[People]:
    play = environment.play
    async with AsyncExitStack() as stack:
        people = People(FastAPI(), IdentityStore(environment.database), stack, await play.environment.get_current_time())
        parts = ApiContext(
            environment.database,
            play.parts.clock,
            TemporalCaseCommands(play.client),
            play.parts.billing,
            play.parts.importer,
            people.identity,
            now=lambda: people.now,
            company=play.parts.company,
        )
        people.app = create_app(parts)
        yield people
