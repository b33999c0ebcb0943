"""GET /v1/invoices/{id}/why: a sentence in the reader's language, and the entries that prove it."""

import re
from datetime import timedelta

import pytest

from adapters.i18n.languages import LANGUAGES
from adapters.shipped_files import PROJECT
from api.presenters.next_step_reason import AWAITS_RELEASE, BILLING_UNREAD, LETTERS_STOPPED
from api.presenters.phrases import load_phrases
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import PauseCollection
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on

DOMAIN = PROJECT / "domain"


async def test_a_letter_is_explained_by_the_policy_with_its_entries(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("1")
    assert case is not None
    world.steps(case, 1)
    day = case.facts.due_date + timedelta(days=1)
    answer = (await auditor.get(f"/v1/invoices/1/why?on={day}&language=en")).json()
    assert (answer["about"], answer["reason"], answer["policy_version"]) == ("sent", "sent_due_day", 3)
    assert answer["sentence"] == (
        "“First reminder” was sent because the policy “standard”, version 3, asks for it on day 1, counted from the due date of 10 Feb 2013"
    )
    assert [entry["kind"] for entry in answer["entries"]] == ["case.opened", "step.taken", "letter.requested", "letter.sent"]
    assert all(entry["sentence"] and entry["hash"] for entry in answer["entries"])


async def test_today_is_explained_when_no_day_is_named(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("1")
    assert case is not None
    apply_command(case, PauseCollection(act_id="p", actor="maria", reason="stock"), moment_on(TODAY))
    world.write(case)
    answer = (await auditor.get("/v1/invoices/1/why", headers={"Accept-Language": "de"})).json()
    assert (answer["about"], answer["on"]) == ("waiting", TODAY.isoformat())
    assert answer["sentence"] == "Nichts ging hinaus. Das Mahnen ruhte seit dem 01.03.2013: angehalten (stock)"


async def test_an_invoice_that_is_not_collected_yet_says_so(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("1", started=False)
    answer = (await auditor.get("/v1/invoices/1/why?language=en")).json()
    assert (answer["sentence"], answer["entries"]) == ("Its collection had not begun yet", [])


async def test_a_day_that_has_not_come_is_refused(auditor: Client, world: PortfolioWorld, problem: Problem) -> None:
    world.account()
    world.invoice("1")
    rejected = problem(await auditor.get(f"/v1/invoices/1/why?on={TODAY + timedelta(days=1)}"), 422)
    assert TODAY.isoformat() in rejected["detail"]


async def test_an_unknown_invoice_is_not_found(auditor: Client, problem: Problem) -> None:
    problem(await auditor.get("/v1/invoices/nope/why"), 404)


async def test_nobody_reads_it_without_signing_in(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("1")
    async with as_role(None) as anyone:
        assert (await anyone.get("/v1/invoices/1/why")).status_code == 401


def sentences() -> set[str]:
    """Every sentence that the domain can answer with, and those that take its place where a letter was held back."""
    source = (DOMAIN / "projection" / "explanation.py").read_text(encoding="utf-8")
    words = re.findall(r'StepReason\("(\w+)"', (DOMAIN / "projection" / "step_explanation.py").read_text(encoding="utf-8"))
    named = set(re.findall(r'(?:_build_explanation|Explanation)\(\s*"(?:sent|not_sent|waiting|over)", "(\w+)"', source))
    fates = {"dropped", "withdrawn", "refused", "unknown"}
    waits = {f"next_{word}" for word in ("before_due", "due_day", "catch_up", "held_before")}
    return (
        named
        | fates
        | waits
        | {f"sent_{word}" for word in words}
        | {"call", "asks_account", LETTERS_STOPPED, AWAITS_RELEASE, BILLING_UNREAD}
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_has_a_sentence_in_every_language_about_the_same_facts(language: str) -> None:
    words, english = load_phrases(language).why_on, load_phrases("en").why_on
    assert words.keys() == sentences()
    for name, sentence in words.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(re.findall(r"\{(\w+)\}", english[name])), name
