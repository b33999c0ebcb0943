"""The invented staff of the sample: works its customers while it is played.

They act through the API, each signed in as themselves, so that everything is checked as for anybody else. An act happens once, whatever
interrupts it; one that is refused, because somebody else did something there, is logged and stops nothing.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import httpx
import structlog
from pydantic import BaseModel, Field

from adapters.composition import Services
from adapters.database.engine import Database
from adapters.database.tables import Setting
from adapters.outages import outlast
from adapters.process.web_server import AsgiApp
from adapters.sample.accounts import SAMPLE_USERS
from adapters.sample.simulation import compute_pause_seconds, load_sample_start
from adapters.sample.staff_desk import API_ADDRESS, ActRefused, StaffDesk
from adapters.sample.staff_script import STAFF_SCRIPT, StaffAct

STAFF_SETTING = "sample_staff"
BEGINS_WORK = time(9, tzinfo=UTC)

log = structlog.get_logger()


class _StaffState(BaseModel):
    """The progress of the script: the acts that were done, with the ids under which they were taken, and those that were given up, with the
    last reason."""

    done: dict[str, str] = Field(default_factory=dict)
    given_up: dict[str, str] = Field(default_factory=dict)


class SampleStaff:
    """Does what the script says on the business days that it says. `app` is the API."""

    def __init__(self, services: Services, app: AsgiApp) -> None:
        self._services = services
        self._api = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=API_ADDRESS)
        self._tokens: dict[str, str] = {}
        self._refusals: dict[str, str] = {}
        self._first_tried: dict[str, date] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, or until nothing is left to be done."""
        try:
            while not stop.is_set() and await outlast(self.work, "the sample's staff"):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), compute_pause_seconds(self._services.clock))
        finally:
            await self.close()

    async def close(self) -> None:
        """Sign everybody out, unless the database is away: then their tokens end with their time."""

        async def sign_out() -> bool:
            for token in self._tokens.values():
                await asyncio.to_thread(self._services.identity.revoke_token, token)
            return False

        await outlast(sign_out, "the sample's staff, to sign out")
        self._tokens.clear()
        await self._api.aclose()

    async def work(self, real_now: datetime | None = None) -> bool:
        """Do what is due by now (real time, UTC); return whether something is left. Only the sample is worked, and only on weekdays."""
        begun_on = await asyncio.to_thread(load_sample_start, self._services.database)
        if begun_on is None:
            return False
        now = self._services.clock.to_business(real_now or datetime.now(UTC))
        state = await asyncio.to_thread(_load_state, self._services.database)
        left = [act for act in STAFF_SCRIPT if act.name not in state.done and act.name not in state.given_up]
        if now.weekday() < 5 and now.timetz() >= BEGINS_WORK:
            for act in left:
                if begun_on + timedelta(days=act.day) <= now.date():
                    await self._try(act, now, state)
        return any(act.name not in state.done and act.name not in state.given_up for act in left)

    async def _try(self, act: StaffAct, now: datetime, state: _StaffState) -> None:
        """Do an act, and record that; give it up when it was refused for as long as its patience lasts.

        That begins with the first try: on a busy machine days pass while others act."""
        first_tried = self._first_tried.setdefault(act.name, now.date())
        try:
            if first_tried + timedelta(days=act.patience) < now.date():
                state.given_up[act.name] = self._refusals.pop(act.name)
                log.warning("sample_act_given_up", act=act.name, user=act.user, reason=state.given_up[act.name])
            else:
                token = await asyncio.to_thread(self._sign_in, act.user)
                desk = StaffDesk(self._api, self._services.billing, token, act.name, now, state.done)
                state.done[act.name] = await act.deed(desk)
        except ActRefused as refused:
            self._note_refusal(act, str(refused))
            return
        except Exception as error:
            log.exception("sample_act_failed", act=act.name, user=act.user)
            self._note_refusal(act, repr(error))
            return
        await asyncio.to_thread(_save_state, self._services.database, state)

    def _note_refusal(self, act: StaffAct, reason: str) -> None:
        if self._refusals.get(act.name) != reason:
            log.info("sample_act_refused", act=act.name, user=act.user, reason=reason)
        self._refusals[act.name] = reason

    def _sign_in(self, name: str) -> str:
        """Return the token of a member of the staff; of the customer's acts, none is needed but to read. Raises ActRefused."""
        user = next((user for user in SAMPLE_USERS if user.name == name), SAMPLE_USERS[0])
        if user.name not in self._tokens:
            if user.role not in self._services.identity.get_roles(user.name):
                raise ActRefused(f"{user.name} is no {user.role} any more")
            self._tokens[user.name] = self._services.identity.issue_token(user.name, user.role)
        return self._tokens[user.name]


def _load_state(database: Database) -> _StaffState:
    with database.reading() as session:
        row = session.get(Setting, STAFF_SETTING)
        return _StaffState.model_validate(row.value) if row else _StaffState()


def _save_state(database: Database, state: _StaffState) -> None:
    with database.writing() as session:
        session.merge(Setting(name=STAFF_SETTING, value=state.model_dump(mode="json")))
