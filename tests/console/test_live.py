"""What open pages hear: that something changed, and in words what does not work just now."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from adapters.database.change_marks import read_change_mark
from adapters.database.row_states import MessageState
from adapters.database.tables import Message
from adapters.mail.mail_server_watch import MailServerState, keep_mail_server_state
from api.console.live import PulseReader, tell_changes
from api.presenters.phrases import load_phrases
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on
from tests.patience import Looks

WORDS = load_phrases("de")


async def hear(app: FastAPI, count: int = 2) -> list[str]:
    """The first events of a new listener."""
    heard: list[str] = []
    async for told in tell_changes(PulseReader(app.state.parts), WORDS, lambda: False):
        heard.append(told.decode())
        if len(heard) == count:
            break
    return heard


async def test_a_listener_hears_at_once_how_things_stand(app: FastAPI, world: PortfolioWorld) -> None:
    state, changed = await hear(app)
    assert state == "event: state\ndata: []\n\n"
    assert changed.startswith(f"event: changed\ndata: {TODAY.isoformat()}.")


async def test_what_does_not_work_is_said_in_the_readers_language(app: FastAPI, world: PortfolioWorld) -> None:
    world.cases.answers = False
    assert WORDS.live["no_worker"] in (await hear(app))[0]
    world.cases.is_reachable = False
    assert WORDS.live["no_temporal"] in (await hear(app))[0]
    keep_mail_server_state(world.database, MailServerState(problem="Connection refused", looked_at=REAL_NOW))
    assert WORDS.live["mail_away"] in (await hear(app))[0]
    keep_mail_server_state(world.database, MailServerState(problem="", looked_at=REAL_NOW))
    assert WORDS.live["mail_away"] not in (await hear(app))[0]


async def test_a_letter_that_a_far_server_puts_off_is_no_outage(app: FastAPI, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.letter("I-1", "sent")
    with world.database.writing() as session:
        letter = session.scalars(select(Message)).one()
        letter.state, letter.next_attempt_at = MessageState.INTENDED, REAL_NOW + timedelta(minutes=5)
    assert (await hear(app))[0] == "event: state\ndata: []\n\n"


async def test_every_page_of_somebody_signed_in_says_what_does_not_work_without_a_script(
    app: FastAPI, as_role: As, world: PortfolioWorld
) -> None:
    world.account()
    world.invoice("I-1")
    world.cases.answers = False
    await app.state.pulse.read()
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as person:
        for path in ("/today", "/act/make_promise?invoice_id=I-1", "/import", "/settings", "/shortcuts", "/letters", "/nowhere"):
            shown = (await person.get(path)).text
            assert load_phrases("en").live["no_worker"] in shown.partition('id="absent"')[2].partition("<main")[0], path
            assert 'hx-sse:connect="/live"' in shown, "where there is a script, it is told while the page is open"
    async with as_role(None, Accept="text/html") as stranger:
        assert load_phrases("en").live["no_worker"] not in (await stranger.get("/sign-in")).text


async def test_the_pulse_is_read_while_nobody_listens(app: FastAPI, world: PortfolioWorld) -> None:
    world.cases.answers = False
    async with app.router.lifespan_context(app):
        async for _ in Looks():
            if app.state.pulse.absent == ("no_worker",):
                return
    raise AssertionError("it is not read")


async def test_whatever_goes_wrong_in_one_reading_ends_none_of_the_others(
    app: FastAPI, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [RuntimeError("the connection is closed"), ValueError("the setting is of another shape")]

    async def has_workers() -> bool:
        if wrong:
            raise wrong.pop()
        return False

    monkeypatch.setattr("api.console.live.LOOK_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(world.cases, "has_workers", has_workers)
    async with app.router.lifespan_context(app):
        async for _ in Looks():
            if app.state.pulse.absent == ("no_worker",):
                return
    raise AssertionError("it is read no more")


async def test_the_mark_is_another_one_once_a_case_wrote(world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    before = read_change_mark(world.database)
    assert before
    apply_command(case, PauseCollection(act_id="a", actor="maria", reason="Lager"), moment_on(TODAY))
    world.write(case)
    if world.database.is_sqlite:  # PostgreSQL counts at leisure
        assert read_change_mark(world.database) != before


async def test_a_stranger_hears_nothing_and_is_told_so_as_a_machine(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(None, Accept="text/event-stream") as stranger:
        assert (await stranger.get("/live")).status_code == 401


async def test_the_page_of_the_keys_lists_them(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as person:
        page = (await person.get("/shortcuts")).text
    for key in "jkocpden":
        assert f"<kbd>{key}</kbd>" in page
