"""The forms of acts on several of an account's invoices: which are ticked, what stands already, and what of a refused one is sent again."""

import re
from datetime import date

import pytest

from adapters.database.tables import Note
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from api.console.acts.api_call import ApiAnswer
from api.console.acts.wording import ACT_WORDING
from api.presenters.phrases import load_phrases
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import EscalateInvoice, PauseCollection
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words

UNTIL = date(2013, 3, 20)
FORM = "/act/pause_account?account_id=A-1&back=/accounts/A-1"


@pytest.fixture
def owing(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    for number in ("I-1", "I-2", "I-3"):
        world.invoice(number)
    return world


def pause(world: PortfolioWorld, invoice_id: str, until: date | None = None) -> None:
    case = world.cases.cases[invoice_id]
    apply_command(case, PauseCollection(act_id=f"p:{invoice_id}", actor="maria", reason="holidays", until=until), moment_on(TODAY))
    world.write(case)


def list_ticked(html: str) -> list[str]:
    return re.findall(r'name="invoices" value="([^"]*)" checked', html)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_pause_ticks_what_is_not_paused_and_says_until_when_the_others_are(
    as_role: As, owing: PortfolioWorld, language: str
) -> None:
    pause(owing, "I-1")
    pause(owing, "I-2", UNTIL)
    IdentityStore(owing.database).add_user("collector-1", Role.COLLECTOR, language=language)
    notices, shared = ACT_WORDING.load(language).notices, load_phrases(language).shared
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, FORM)
    assert list_ticked(html) == ["I-3"]
    shown = words(html)
    assert shown.count(notices["paused_open"]) == 1
    assert shown.count(notices["paused_until"].replace("{day}", words(shared.format_day(UNTIL)))) == 1


async def test_where_all_is_paused_nothing_is_ticked(as_role: As, owing: PortfolioWorld) -> None:
    for number in ("I-1", "I-2", "I-3"):
        pause(owing, number)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, FORM)
        assert list_ticked(html) == []
        assert list_ticked(await page(client, FORM.replace("pause", "resume"))) == ["I-1", "I-2", "I-3"]
        done = await client.post("/act/pause_account", data={**fields_of(html), "reason": "Urlaub", "invoices": ["I-1"]})
    assert done.status_code == 303, "who ticks one means it"


async def test_a_refused_escalation_sends_the_comment_as_it_was_corrected(as_role: As, owing: PortfolioWorld) -> None:
    """Its form comes back as another request; where it may have been recorded, it stays the same one."""
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = {**fields_of(await page(client, FORM.replace("pause", "escalate"))), "role": "sales", "invoices": ["I-1"]}
        owing.cases.unreachable = {"I-1"}
        unknown = await client.post("/act/escalate_account", data={**form, "comment": "Wer hat das zugesagt?"})
        assert (unknown.status_code, fields_of(unknown.text)["form_key"]) == (503, form["form_key"])
        owing.cases.unreachable = set()
        kept = owing.cases.cases.pop("I-1")
        refused = await client.post("/act/escalate_account", data={**form, "comment": "Wer hat das zugesagt?"})
        assert refused.status_code == 409
        again = fields_of(refused.text)
        assert again["form_key"] not in ("", form["form_key"])
        owing.cases.cases["I-1"] = kept
        done = await client.post("/act/escalate_account", data={**form, **again, "comment": "Wer hat den Rabatt zugesagt?"})
        assert done.status_code == 303, done.text
    escalated = owing.cases.acts[-1]
    assert isinstance(escalated, EscalateInvoice)
    with owing.database.reading() as session:
        note = session.get_one(Note, escalated.note_id)
    assert note.text == "Wer hat den Rabatt zugesagt?"


def test_of_a_request_in_progress_nobody_knows_that_it_was_refused() -> None:
    answers = [ApiAnswer(409, {"type": f"urn:duecourse:problem:{kind}"}) for kind in ("in-progress", "refused")]
    assert [answer.is_ruled_out for answer in [*answers, ApiAnswer(503, {}), ApiAnswer(422, {})]] == [False, True, False, False]
