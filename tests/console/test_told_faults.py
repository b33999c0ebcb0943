"""What went wrong is told in the reader's language, on every page that tells of it: files, what is set aside, proofs, connected systems."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from api.console import set_aside_page
from api.console.auditing.proof_works import ProofWorks
from api.console.imports import import_pages
from api.console.viewed_pages import VIEWED_PAGES, name_viewed_page
from api.presenters.phrases import load_phrases
from api.web.access_logging import TARGET_KINDS
from domain.audit.replay_comparison import DatabaseEntry, compare_replay
from domain.audit.replay_report import CaseReplay, ReplayDivergence, ReplayedRun, ReplayReport, RunSource
from domain.audit.verification_report import VerificationFinding, VerificationReport
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld
from tests.console.staged_file import fill_form, stage_file
from tests.console.test_languages import find_english, open_as, read
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token
from tests.patience import PATIENCE

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BROKEN_FILE = "\n".join(
    [
        "Rechnungsnr;Kundennummer;Kunde;Rechnungsdatum;Fällig am;Währung;Betrag;Land;Offen;E-Mail",
        "R-1;K-7;Brauerei;01.02.2013;01.01.2013;EUR;1.234,56;DE;1.000,00;a@b.example",
        "R-2;K-8;Atelier;01.02.2013;morgen;EUR;99,00;XX;;niemand",
        "R-3;K-9;Kaputt;;20.02.2013;Taler;fünf;DE;7;",
        "R-1;K-7;Brauerei;01.02.2013;02.02.2013;EUR;1.234,56;DE;9.000,00;",
        f"{'R' * 120};K-9;Lang;01.02.2013;20.02.2013;EUR;5,00;DE;;",
        "R-6;K-9;Zellen;01.02.2013;20.02.2013;EUR;5,00;DE;;;zu;viel",
    ]
).encode("cp1252")


@pytest.fixture(autouse=True)
def _waits_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_pages, "WAITED_SECONDS", float(PATIENCE))


@dataclass
class Readers:
    """Somebody who reads each language, in a role."""

    app: FastAPI
    world: PortfolioWorld
    role: Role
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for language in LANGUAGES:
            self.names[language] = f"{self.role.value}-{language}"
            IdentityStore(self.world.database).add_user(self.names[language], self.role, language=language)

    async def require_own_words(self, paths: dict[str, str] | str) -> None:
        """`paths`: the address for all, or for the reader of each language."""
        for language, name in self.names.items():
            path = paths if isinstance(paths, str) else paths[language]
            async with open_as(self.app, "ja", IdentityStore(self.world.database).issue_token(name, self.role)) as reader:
                shown = await read(reader, path, language)
            assert not re.findall(r"(?<![\w@.:/-])[a-z]+(?:_[a-z]+)+\b(?!:)", shown), (language, path)
            if language != DEFAULT_LANGUAGE:
                assert find_english(shown, language) == [], (language, path)


@pytest.fixture
def readers(app: FastAPI, world: PortfolioWorld) -> Readers:
    return Readers(app, world, Role.ADMIN)


@ON_SQLITE
async def test_what_is_wrong_with_the_rows_of_a_file(app: FastAPI, world: PortfolioWorld, readers: Readers) -> None:
    dry_runs: dict[str, str] = {}
    imports: dict[str, str] = {}
    for language, name in readers.names.items():
        async with open_as(app, "ja", IdentityStore(world.database).issue_token(name, Role.ADMIN)) as reader:
            path = await stage_file(reader, BROKEN_FILE)
            form = fill_form(await page(reader, path)) | {"decimal": "comma"}
            answer = await reader.post(f"{path}/columns", data=form)
            assert answer.status_code == 303, answer.text
            tried = await page(reader, answer.headers["location"])
            assert tried.count('<th scope="row" class="num">') >= 5
            dry_runs[language] = answer.headers["location"]
            if language == "de":
                assert "ist kein Datum, das so geschrieben ist: DD.MM.YYYY oder YYYY-MM-DD" in words(tried)
                assert "die Datei ist nicht in UTF-8; sie wurde als cp1252 gelesen" in words(tried)
    await readers.require_own_words(dry_runs)
    async with open_as(app, "en", IdentityStore(world.database).issue_token(readers.names["en"], Role.ADMIN)) as reader:
        run = dry_runs["en"].partition("/dry-run")[0]
        await reader.post(f"{run}/run", data={"form_token": find_form_token(await page(reader, dry_runs["en"]))})
        imports = {language: (await reader.get(run)).headers["location"] for language in LANGUAGES}
    await readers.require_own_words(imports)


@ON_SQLITE
async def test_what_is_set_aside_has_its_error_in_a_fold_and_its_time_as_the_reader_writes_it(
    as_role: As, world: PortfolioWorld, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SetAsideStore(world.database)
    for number, stage_of in enumerate(SetAsideStage):
        error = RuntimeError("the server has not taken what this sends; see there") if number % 2 else TimeoutError("it does not answer")
        store.set_aside(stage_of, f"I-{number}", Failure(error, "A-1"), at_least=timedelta(hours=number))
    await readers.require_own_words("/set-aside")
    monkeypatch.setattr(set_aside_page, "MAX_ITEMS", 3)
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        first = await page(admin, "/set-aside")
        assert '<details class="muted small"><summary>' in first
        assert first.count('data-verbatim="error"') == 3
        following = re.findall(r'href="(/set-aside\?after=\d+)" rel="next"', first)
        assert following, "what there is more of stands on further pages"
        second = await page(admin, following[0])
        assert "I-3" in second
        assert "I-2" not in second


@ON_SQLITE
async def test_what_proofs_find(app: FastAPI, readers: Readers, world: PortfolioWorld) -> None:
    world.account()
    works: ProofWorks = app.state.proof_works
    content: dict[str, Any] = {"kind": "call.logged", "account_id": "A-1", "invoice_id": None, "actor": "maria", "facts": {}}
    changed = DatabaseEntry("invoice:I-1", 1, "0" * 64, "f" * 64, content | {"business_at": REAL_NOW, "recorded_at": REAL_NOW})
    comparison = compare_replay("invoice:I-1", [], [changed], None)
    parting = ReplayDivergence(workflow="InvoiceCollection", case_id="invoice:I-1", event_id=7, event="Timer", said="Nondeterminism error")
    lost = "neither the Temporal server nor the archive has its history"
    runs = [
        ReplayedRun(run_id="r-1", workflow="InvoiceCollection", source=RunSource.LIVE, why_not=str(parting), parting=parting),
        ReplayedRun(run_id="r-2", workflow="InvoiceCollection", source=RunSource.LOST, why_not=lost),
    ]
    replayed = ReplayReport(
        account_id="A-1",
        replayed_at=REAL_NOW,
        cases=[CaseReplay(case_id="invoice:I-1", kind="invoice", runs=runs, counts=comparison.counts, findings=comparison.findings)],
    )
    assert replayed.differences
    verified = VerificationReport(
        faults=[
            VerificationFinding(table="invoices", key="I-1", what="is said to be paid, and is open"),
            VerificationFinding(table="letter_stops", key="s-1", what="has no record: it was put in"),
        ],
        out_of_reach=["3 archived histories lie in a bucket that is not named here"],
        unguarded=["journal", "held_accounts"],
    )
    for account_id, report in (("A-1", replayed), (None, verified)):
        addresses = {}
        for language, name in readers.names.items():
            work, _ = works.begin(name, account_id)
            work.end(report)
            addresses[language] = f"/audit/proofs/{work.token}"
        await readers.require_own_words(addresses)


def test_each_page_that_is_noted_when_somebody_looks_at_it_has_a_name(app: FastAPI) -> None:
    routes = [route for included in app.routes for route in getattr(getattr(included, "original_router", None), "routes", [included])]
    looking = {
        route.path.removeprefix("/v1")
        for route in routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or set())
        and set(re.findall(r"\{(\w+)", route.path)) & TARGET_KINDS.keys()
    }
    assert looking <= VIEWED_PAGES.keys()
    for language in LANGUAGES:
        assert set(VIEWED_PAGES.values()) <= load_phrases(language).viewed_pages.keys()
    german = load_phrases("de")
    assert name_viewed_page("/v1/accounts/{account_id}", german) == "Das Kundenkonto, über die API"
    assert name_viewed_page("/cases", german) == "Eine Liste dessen, was das Kundenkonto hat"
