"""Acts on several of an account's invoices at once: each by a command of its own, and one that is refused stops no other."""

import pytest
from sqlmodel import select

from adapters.database.tables import Note
from api.commands.account_acts import COMMANDS_AT_ONCE
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import EscalateInvoice, PauseCollection, ResumeCollection
from domain.invoice.invoice_case import PAUSE_HOLD
from domain.roles import Role
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on

PAUSE, RESUME, ESCALATE, CALLS = (f"/v1/accounts/A-1/{act}" for act in ("pause", "resume", "escalations", "calls"))
REASON = {"invoices": "open", "reason": "goods are being checked"}


@pytest.fixture
def owing(world: PortfolioWorld) -> PortfolioWorld:
    """An account with three open invoices, a paid one, and one of which collection has not begun; and another account."""
    world.account()
    world.account("A-2")
    for number in ("I-1", "I-2", "I-3"):
        world.invoice(number)
    world.invoice("P-1", status=InvoiceStatus.PAID)
    world.invoice("N-1", started=False)
    world.invoice("B-1", account="A-2")
    return world


def pause(world: PortfolioWorld, *invoice_ids: str) -> None:
    for invoice_id in invoice_ids:
        case = world.cases.cases[invoice_id]
        apply_command(case, PauseCollection(act_id=f"p:{invoice_id}", actor="maria", reason="holidays"), moment_on(TODAY))
        world.write(case)


async def test_all_open_invoices_are_paused_each_by_a_command_of_its_own(collector: Client, owing: PortfolioWorld) -> None:
    answer = (await collector.post(PAUSE, json={**REASON, "until": "2013-03-20"})).json()
    assert [(part["invoice_number"], part["recorded"]) for part in answer["parts"]] == [(f"N-I-{n}", "now") for n in (1, 2, 3)]
    acts = [command for command in owing.cases.acts if isinstance(command, PauseCollection)]
    assert [act.act_id for act in acts] == [f"{answer['act_id']}:I-{n}" for n in (1, 2, 3)]
    assert {(act.reason, str(act.until), act.actor) for act in acts} == {("goods are being checked", "2013-03-20", "collector-1")}


async def test_a_pause_of_the_account_leaves_the_pauses_that_stand_and_one_that_is_named_is_replaced(
    collector: Client, owing: PortfolioWorld, problem: Problem
) -> None:
    pause(owing, "I-1", "I-3")
    body = {**REASON, "until": "2013-03-20"}
    answer = (await collector.post(PAUSE, json=body)).json()
    assert [part["invoice_id"] for part in answer["parts"]] == ["I-2"]
    standing = owing.cases.cases["I-1"].holds.standing[PAUSE_HOLD]
    assert (standing.until, standing.reason) == (None, "holidays")
    pause(owing, "I-2")
    assert "paused already" in problem(await collector.post(PAUSE, json=body), 409)["detail"]
    assert (await collector.post(PAUSE, json={**body, "invoices": ["I-1"]})).status_code == 200
    replaced = owing.cases.cases["I-1"].holds.standing[PAUSE_HOLD]
    assert replaced.until is not None
    assert replaced.until.date().isoformat() == "2013-03-20"


async def test_where_nothing_is_open_a_pause_says_that(collector: Client, world: PortfolioWorld, problem: Problem) -> None:
    world.account()
    assert "is open and under collection" in problem(await collector.post(PAUSE, json=REASON), 409)["detail"]


async def test_one_that_is_refused_stops_no_other_and_says_why(collector: Client, owing: PortfolioWorld) -> None:
    body = {**REASON, "invoices": ["P-1", "I-2", "N-1"]}
    answer = await collector.post(PAUSE, json=body)
    assert answer.status_code == 200
    told = {part["invoice_id"]: (part["recorded"], part["reason"]) for part in answer.json()["parts"]}
    assert told["I-2"] == ("now", "")
    assert told["P-1"] == ("refused", "the invoice is closed; nothing can be done to it any more")
    assert told["N-1"] == ("refused", "collection of this invoice has not begun yet; try again in a moment")


async def test_where_none_takes_it_nothing_is_done_and_each_says_why(collector: Client, owing: PortfolioWorld, problem: Problem) -> None:
    document = problem(await collector.post(RESUME, json={"invoices": ["I-1", "I-2"]}), 409)
    assert [error["detail"] for error in document["errors"]] == [f"invoice N-I-{n}: the invoice is not paused" for n in (1, 2)]
    assert "none of this account's invoices is paused" in problem(await collector.post(RESUME, json={"invoices": "open"}), 409)["detail"]


async def test_all_that_is_paused_goes_on(collector: Client, owing: PortfolioWorld) -> None:
    pause(owing, "I-1", "I-3")
    answer = (await collector.post(RESUME, json={"invoices": "open"})).json()
    assert [part["invoice_id"] for part in answer["parts"]] == ["I-1", "I-3"]
    assert [type(command) for command in owing.cases.acts] == [ResumeCollection, ResumeCollection]


async def test_invoices_are_escalated_together_with_one_comment(collector: Client, owing: PortfolioWorld) -> None:
    body = {"invoices": ["I-1", "I-2"], "role": "sales", "comment": "Who promised the discount?"}
    answer = (await collector.post(ESCALATE, json=body)).json()
    acts = [command for command in owing.cases.acts if isinstance(command, EscalateInvoice)]
    assert {(act.role, act.note_id) for act in acts} == {(Role.SALES, f"note:{answer['act_id']}")}
    with owing.database.reading() as session:
        assert [note.text for note in session.exec(select(Note))] == ["Who promised the discount?"]


@pytest.mark.parametrize(("invoices", "status"), [(["P-1", "N-1"], 409), (["I-1", "B-1"], 422)])
async def test_an_escalation_that_is_refused_leaves_no_note(
    collector: Client, owing: PortfolioWorld, problem: Problem, invoices: list[str], status: int
) -> None:
    body = {"invoices": invoices, "role": "sales", "comment": "Who promised the discount?"}
    document = problem(await collector.post(ESCALATE, json=body), status)
    if status == 409:
        assert [error["pointer"] for error in document["errors"]] == ["/invoices/0", "/invoices/1"]
        assert "invoice N-P-1: the invoice is closed; nothing can be done to it any more" in document["errors"][0]["detail"]
    with owing.database.reading() as session:
        assert session.exec(select(Note)).all() == []


async def test_what_is_no_invoice_of_the_account_is_named_and_nothing_is_done(
    collector: Client, owing: PortfolioWorld, problem: Problem
) -> None:
    document = problem(await collector.post(PAUSE, json={**REASON, "invoices": ["I-1", "B-1", "nowhere"]}), 422)
    assert [error["pointer"] for error in document["errors"]] == ["/invoices/1", "/invoices/2"]
    assert owing.cases.acts == []


@pytest.mark.parametrize("invoices", [[], "all", None])
async def test_an_act_says_on_which_invoices_it_is(collector: Client, owing: PortfolioWorld, problem: Problem, invoices: object) -> None:
    problem(await collector.post(RESUME, json={"invoices": invoices}), 422)
    problem(await collector.post(RESUME, json={}), 422)


async def test_a_pause_that_would_be_over_is_refused_once(collector: Client, owing: PortfolioWorld, problem: Problem) -> None:
    document = problem(await collector.post(PAUSE, json={**REASON, "until": TODAY.isoformat()}), 422)
    assert [error["pointer"] for error in document["errors"]] == ["/until"]


async def test_an_act_that_broke_off_is_finished_by_the_same_request(collector: Client, owing: PortfolioWorld, problem: Problem) -> None:
    key = {"Idempotency-Key": "k"}
    owing.cases.unreachable = {"I-2"}
    problem(await collector.post(PAUSE, json=REASON, headers=key), 503)
    owing.cases.unreachable = set()
    answer = await collector.post(PAUSE, json=REASON, headers=key)
    assert answer.status_code == 200
    placed = {id: [str(entry.kind) for entry in case.journal.pending].count("hold.placed") for id, case in owing.cases.cases.items()}
    assert [placed[f"I-{n}"] for n in (1, 2, 3)] == [1, 1, 1]
    assert (await collector.post(PAUSE, json=REASON, headers=key)).headers["Idempotency-Replayed"] == "true"


async def test_what_no_worker_takes_is_recorded_for_later(collector: Client, owing: PortfolioWorld) -> None:
    owing.cases.answers = False
    answer = await collector.post(PAUSE, json=REASON)
    assert (answer.status_code, answer.json()["recorded"]) == (202, "will be applied")


async def test_once_no_worker_answers_nobody_waits_for_one_again(collector: Client, world: PortfolioWorld) -> None:
    world.account()
    invoices = [f"I-{number:02}" for number in range(COMMANDS_AT_ONCE + 3)]
    for invoice_id in invoices:
        world.invoice(invoice_id)
    world.cases.answers = False
    answer = await collector.post(PAUSE, json=REASON)
    assert answer.status_code == 202
    assert [part["recorded"] for part in answer.json()["parts"]] == ["will be applied"] * len(invoices)
    assert world.cases.unawaited == invoices[COMMANDS_AT_ONCE:], "those of the first turn alone waited for one"
    assert len({command.act_id for command in world.cases.acts}) == len(invoices)
    assert (await collector.post(CALLS, json={"outcome": "no_answer"})).status_code == 202
    assert world.cases.unawaited[3:] == invoices[1:], "a call tells the others so too"


@pytest.mark.parametrize("path", [PAUSE, RESUME, ESCALATE])
async def test_who_may_not_collect_does_none_of_it(auditor: Client, owing: PortfolioWorld, problem: Problem, path: str) -> None:
    problem(await auditor.post(path, json={**REASON, "role": "sales", "comment": "x"}), 403)
