"""The part about unapplied credit on an account's page: what is proposed can be confirmed in whole or in part, and taken back."""

import re
from datetime import timedelta
from html import unescape

import pytest

from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from adapters.ledger.ledger import Ledger
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_pages import page, words

PAGE, APPLICATIONS = "/accounts/A-1", "/accounts/A-1/credit/applications"


@pytest.fixture
def ledger(world: PortfolioWorld) -> Ledger:
    """A-1 has 150.00 EUR of credit, and owes 100.00 EUR on I-2 and, later, 100.00 EUR on I-3."""
    world.account(collector="collector-1")
    for number, total in ((1, 25_000), (2, 10_000), (3, 10_000)):
        world.invoice(f"I-{number}", total=total, due=TODAY - timedelta(days=20 - number))
    ledger = Ledger(world.database)
    ledger.record_payment("P-1", "A-1", "EUR", 40_000, TODAY, "bank <4711>", "I-1", at=moment_on(TODAY).business)
    return ledger


def read_fields(html: str, name: str) -> list[str]:
    return [unescape(value) for value in re.findall(rf'name="{name}" value="([^"]*)"', html)]


async def apply(client: Client, **fields: str | list[str]) -> int:
    return (await client.post(APPLICATIONS, data={"currency": "EUR", "act": "a1", **fields})).status_code


async def test_a_part_of_what_is_proposed_is_applied_once_and_taken_back(as_role: As, ledger: Ledger, world: PortfolioWorld) -> None:
    async with as_role(Role.BILLING_OPS, Accept="text/html") as booker:
        html = await page(booker, PAGE)
        assert "bank &lt;4711&gt;" in html
        proposed = read_fields(html, "share")
        assert proposed == ['["P-1", "I-2", 10000]', '["P-1", "I-3", 5000]']
        act = read_fields(html, "act")[0]
        assert [await apply(booker, share=proposed[1:], act=act) for _ in range(2)] == [303, 303]
        assert ledger.get_unapplied_credit("A-1") == {"EUR": 10_000}
        (application,) = ledger.list_credit_applications("A-1")
        assert ([(share.invoice_id, share.amount) for share in application.shares], application.recorded_by) == (
            [("I-3", 5_000)],
            "billing_ops-1",
        )
        reversal = re.findall(r'action="([^"]*/reversal)"', await page(booker, PAGE))[0]
        assert (await booker.post(reversal, data={"act": "b", "reason": " "})).status_code == 422
        assert (await booker.post(reversal, data={"act": "b", "reason": "for I-2"})).headers["location"] == PAGE
        assert ledger.get_unapplied_credit("A-1") == {"EUR": 15_000}
        assert "taken back" in words(await page(booker, PAGE))
    assert world.cases.deliveries == 3


async def test_an_amount_that_is_typed_in_is_applied_and_a_wrong_one_refused(as_role: As, ledger: Ledger) -> None:
    async with as_role(Role.BILLING_OPS, Accept="text/html") as booker:
        typed = {"credit_id": "P-1", "invoice_id": "I-3", "amount": "12.34"}
        wrong: list[tuple[dict[str, str | list[str]], int]] = [
            ({"amount": "a lot"}, 422),
            ({"amount": "-1.00"}, 422),
            ({"amount": "150.01"}, 409),
            ({"invoice_id": "I-9"}, 404),
            ({"currency": "XX"}, 422),
            ({"share": ["[1"]}, 422),
            ({"share": ['["P-1", "I-2", "x"]']}, 422),
            ({"share": ['["P-1"]']}, 422),
        ]
        for fields, status in wrong:
            assert await apply(booker, **{**typed, **fields}) == status, fields
        assert await apply(booker, **typed) == 303
    assert ledger.get_unapplied_credit("A-1") == {"EUR": 15_000 - 1_234}


async def test_who_may_not_apply_it_is_offered_no_form_and_refused(as_role: As, ledger: Ledger) -> None:
    for role in (Role.COLLECTOR, Role.AUDITOR):
        async with as_role(role, Accept="text/html") as client:
            html = await page(client, PAGE)
            assert "€100.00 · N-I-2" in words(html)
            assert APPLICATIONS not in html
            assert ("You collect this account" in words(html)) is (role is Role.COLLECTOR)
            assert await apply(client, credit_id="P-1", invoice_id="I-3", amount="1.00") == 403
            assert (await client.post(f"{APPLICATIONS}/x/reversal", data={"act": "b", "reason": "x"})).status_code == 403
    async with as_role(Role.BILLING_OPS, Accept="text/html", Origin="https://evil.example") as foreign:
        assert await apply(foreign, credit_id="P-1", invoice_id="I-3", amount="1.00") == 403
    assert ledger.get_unapplied_credit("A-1") == {"EUR": 15_000}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_shown_in_the_reader_s_language(as_role: As, ledger: Ledger, world: PortfolioWorld, language: str) -> None:
    IdentityStore(world.database).add_user("billing_ops-1", Role.BILLING_OPS, email="bea@ours.test", language=language)
    async with as_role(Role.BILLING_OPS, Accept="text/html") as booker:
        shown = words(await page(booker, PAGE))
    own = load_phrases(language).credit
    assert all(own[label] in shown for label in ("title", "proposed", "apply", "by_hand", "apply_one", "left"))


async def test_an_account_without_credit_has_no_such_part(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    async with as_role(Role.BILLING_OPS, Accept="text/html") as booker:
        assert 'id="credit"' not in await page(booker, PAGE)
