"""The picture of an invoice's course, and its journal in three depths."""

from datetime import timedelta
from itertools import pairwise

from adapters.read_model.journal import list_case_history
from adapters.read_model.proof_lines import EntryProof, prove_entries
from api.console.invoice.depths import build_journal_view
from api.console.invoice.picture import LEFT, RIGHT, WIDTH, CourseEvent, StoppedSpan, draw_picture
from api.presenters.phrases import load_phrases
from domain.identifiers import invoice_case_id
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_pages import page, words

DAY = timedelta(days=1)


def test_time_runs_from_left_to_right_and_long_quiet_spans_are_drawn_short() -> None:
    events = [CourseEvent(TODAY + days * DAY, "taken", "Reminder", "") for days in (-100, -98, -10, 0)]
    drawn = draw_picture(events, [], TODAY)
    places = [mark.x for mark in drawn.marks]
    assert places == sorted(places)
    assert (places[0], drawn.today_x <= RIGHT) == (LEFT, True)
    short, long = places[1] - places[0], places[2] - places[1]
    assert short * 3 < long < short * 15  # 88 days after 2
    assert [gap.days for gap in drawn.gaps] == [88]


def test_no_label_covers_another_or_leaves_the_picture() -> None:
    events = [CourseEvent(TODAY + days * DAY, "person", "Called · somebody-long", "") for days in range(12)]
    drawn = draw_picture(events, [], TODAY)
    shown = [mark for mark in drawn.marks if mark.label_y is not None]
    assert len(shown) >= 3
    for mark in shown:
        width = len(mark.event.label) * 6
        assert (mark.label_x + width <= WIDTH) if mark.anchor == "start" else (mark.label_x - width >= 0)
    for height in {mark.label_y for mark in shown}:
        row = [mark for mark in shown if mark.label_y == height]
        assert all(later.x - earlier.x > 100 for earlier, later in pairwise(row) if later.anchor == "start")


def test_a_clock_that_stands_still_is_shaded_up_to_today() -> None:
    drawn = draw_picture([], [StoppedSpan(TODAY - 20 * DAY, None, "Pause")], TODAY)
    (shade,) = drawn.shades
    assert (shade.x, shade.x + shade.width, shade.label) == (LEFT, drawn.today_x, "Pause")


def fill_course(world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - 40 * DAY)
    assert case is not None
    world.steps(case, 1)
    apply_command(case, LogCall(act_id="c", actor="maria", outcome=CallOutcome.REACHED), moment_on(TODAY - 3 * DAY))
    apply_command(case, MakePromise(act_id="a", actor="maria", amount=50_00, by=TODAY + 7 * DAY), moment_on(TODAY - 3 * DAY))
    apply_command(case, PauseCollection(act_id="b", actor="nils", reason="stock"), moment_on(TODAY))
    world.write(case)


async def test_the_page_draws_steps_stopped_clocks_and_decisions_with_names(as_role: As, world: PortfolioWorld) -> None:
    fill_course(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/invoices/I-1")
        picture = html.partition('<svg class="invoice-course"')[2].partition("</svg>")[0]
        assert all(part in picture for part in ("Call · maria", "Promise · maria", 'class="shade"', 'class="mark taken'))
        assert "The customer promised to pay €50.00" in picture
        story = words(html).partition("Journal")[2]
        assert "Put on hold: paused (stock) by nils" in story
        assert "Put on hold: promise to pay" in story


def test_an_entry_that_was_changed_is_named(world: PortfolioWorld) -> None:
    fill_course(world)
    chain, phrases = list_case_history(world.database, invoice_case_id("I-1")), load_phrases("en")
    assert build_journal_view(chain, "proof", phrases, prove_entries(world.database, [chain])).broken is None
    chain[2] = chain[2].model_copy(update={"facts": {**chain[2].facts, "amount": 1}})
    told = build_journal_view(chain, "proof", phrases, prove_entries(world.database, [chain]))
    assert (told.broken, [entry.line.seq for entry in told.entries if entry.proof is EntryProof.BROKEN]) == (3, [3])


async def test_all_entries_and_the_proof_are_a_click_away(as_role: As, world: PortfolioWorld) -> None:
    fill_course(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        story, whole = [(await page(client, f"/invoices/I-1?depth={depth}")).count("<blockquote>") for depth in ("story", "all")]
        assert story == whole
        assert "each has the hash of its content" in words(await page(client, "/invoices/I-1?depth=proof"))
        assert (await client.get("/invoices/I-1?depth=deep")).status_code == 422
