"""Whether the mail server answers, as the worker last found it; that a far server puts off one letter says nothing of it.

The worker asks every minute, whether a letter is due or not, and keeps the answer in the database, where pages read it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError

from adapters.database.engine import Database
from adapters.database.tables import Setting

LOOK_EVERY_SECONDS = 60.0
BELIEVED_FOR = timedelta(minutes=5)
"""After that nobody knows: the worker that asked does so no more."""

_SETTING = "mail_server"
log = structlog.get_logger(__name__)

Probe = Callable[[], Awaitable[str | None]]
"""Why the mail server does not answer, in its or the network's words; None when it does."""


class MailServerState(BaseModel):
    """`problem`: why it does not answer; empty where it does. `looked_at` is real time."""

    model_config = ConfigDict(frozen=True)

    problem: str
    looked_at: AwareDatetime


def keep_mail_server_state(database: Database, state: MailServerState) -> None:
    values = {"name": _SETTING, "value": state.model_dump(mode="json")}
    with database.writing() as session:
        put = database.build_insert(Setting).values(**values)
        session.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": values["value"]}))


def is_mail_server_away(database: Database, now: datetime) -> bool:
    """`now` is real time."""
    with database.reading() as session:
        row = session.get(Setting, _SETTING)
        state = MailServerState.model_validate(row.value) if row else None
    return state is not None and bool(state.problem) and now - state.looked_at <= BELIEVED_FOR


class MailServerWatch:
    def __init__(self, database: Database, probe: Probe, pause: float = LOOK_EVERY_SECONDS) -> None:
        """`pause` is in seconds."""
        self._database, self._probe, self._pause = database, probe, pause

    async def watch(self) -> None:
        """Ask and keep the answer, again and again; where the database is away, the next answer is kept."""
        while True:
            await self.look()
            await asyncio.sleep(self._pause)

    async def look(self) -> None:
        problem = await self._probe()
        if problem:
            log.warning("mail_server_away", problem=problem)
        try:
            await asyncio.to_thread(
                keep_mail_server_state, self._database, MailServerState(problem=problem or "", looked_at=datetime.now(UTC))
            )
        except SQLAlchemyError as error:
            log.warning("mail_server_state_unwritten", error=str(error))
