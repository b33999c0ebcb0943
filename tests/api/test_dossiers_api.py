"""Dossiers and the solvency score, over HTTP."""

from datetime import date

import pytest

from adapters.i18n.languages import LANGUAGES
from adapters.i18n.wording import list_placeholders
from api.presenters.solvency import SOLVENCY_SENTENCES
from domain.billing.billing_events import InvoiceStatus
from domain.credit_review.solvency_score import SolvencyFactor
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld

DOSSIERS = "/v1/accounts/A-1/dossiers"


async def test_a_dossier_is_made_listed_and_read(collector: Client, auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    made = (await collector.post(DOSSIERS, json={"purpose": "write_off"})).json()
    assert (made["purpose"], made["as_of"], made["asked_by"]) == ("write_off", TODAY.isoformat(), "collector-1")
    assert (await auditor.get(DOSSIERS)).json() == [made]
    pdf = await auditor.get(f"/v1/documents/{made['pdf_sha256']}")
    assert pdf.content.startswith(b"%PDF-")
    told = (await auditor.get(f"/v1/documents/{made['json_sha256']}")).json()
    assert [line["number"] for line in told["invoices"]] == ["N-I-1"]


async def test_a_repeated_request_makes_one_dossier(collector: Client, world: PortfolioWorld) -> None:
    world.account()
    for _ in range(2):
        answer = await collector.post(DOSSIERS, json={"purpose": "agency"}, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 201
    assert len((await collector.get(DOSSIERS)).json()) == 1


async def test_a_claim_can_be_stated_as_of_a_day_that_is_over_and_not_of_one_to_come(
    as_role: As, problem: Problem, world: PortfolioWorld
) -> None:
    world.account()
    world.invoice("I-1", due=date(2013, 2, 10))
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        made = (await analyst.post(DOSSIERS, json={"purpose": "proof_of_claim", "as_of": "2013-02-11"})).json()
        told = (await analyst.get(f"/v1/documents/{made['json_sha256']}")).json()
        assert [line["days_past_due"] for line in told["invoices"]] == [1]
        document = problem(await analyst.post(DOSSIERS, json={"purpose": "proof_of_claim", "as_of": "2013-03-02"}), 422)
    assert document["errors"][0]["pointer"] == "/as_of"


async def test_dossiers_and_scores_of_unknown_accounts_are_not_found(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.get("/v1/accounts/none/dossiers"), 404)
    problem(await collector.post("/v1/accounts/none/dossiers", json={"purpose": "legal"}), 404)
    problem(await collector.get("/v1/accounts/none/solvency"), 404)


async def test_a_score_shows_every_factor_and_says_why(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    for number in range(4):
        world.invoice(f"I-{number}", due=date(2013, 2, 1), status=InvoiceStatus.PAID)
    read = (await auditor.get("/v1/accounts/A-1/solvency?language=en")).json()
    assert (read["score"], read["paid_invoices"]) == (68, 4)
    assert round(sum(factor["points"] for factor in read["factors"])) == read["score"]
    factors = {factor["factor"]: (factor["value"], factor["weight"], factor["sentence"]) for factor in read["factors"]}
    assert factors["average_days_late"] == (0, 35, "Paid invoices were 0 days late on average: good")
    assert factors["exposure"] == (None, 20, "No credit limit stands; this counts half")
    assert factors.keys() == set(SolvencyFactor)


async def test_an_account_without_a_history_has_no_score_and_says_so(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    read = (await auditor.get("/v1/accounts/A-1/solvency", headers={"Accept-Language": "de"})).json()
    assert (read["score"], read["factors"]) == (None, [])
    assert read["sentence"] == "Wie dieses Konto zahlt, ist noch nicht bekannt"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_factor_has_its_sentences_in_every_language(language: str) -> None:
    words = SOLVENCY_SENTENCES.load(language)
    assert words.known.keys() == words.unknown.keys() == set(SolvencyFactor)
    assert words.judgements.keys() == {"good", "fair", "poor"}
    assert all(set(list_placeholders(sentence)) == {"value", "judgement"} for sentence in (*words.known.values(), words.improved))
