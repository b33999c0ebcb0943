"""What open pages hear: that something changed, and in words what does not work just now."""

from datetime import timedelta

from fastapi import FastAPI
from sqlalchemy import select

from adapters.database.change_marks import are_letters_tried_again, read_change_mark
from adapters.database.row_states import MessageState
from adapters.database.tables import Message
from api.console.live import PulseReader, tell_changes
from api.presenters.phrases import load_phrases
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on

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
    world.account()
    world.invoice("I-1")
    world.letter("I-1", "sent")
    assert not are_letters_tried_again(world.database, REAL_NOW)
    with world.database.writing() as session:
        letter = session.scalars(select(Message)).one()
        letter.state, letter.next_attempt_at = MessageState.INTENDED, REAL_NOW + timedelta(minutes=5)
    assert are_letters_tried_again(world.database, REAL_NOW)
    assert WORDS.live["letters_fail"] in (await hear(app))[0]


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
