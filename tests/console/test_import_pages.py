"""A file from the drop to its verdicts: columns are mapped with guesses, a dry run writes nothing, and it is imported once."""

import re
from html import unescape
from io import BytesIO

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.tables import ImportRun, Invoice, KeptMapping
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.column_mapping import parse_mapping
from api.console.imports import import_pages, staged_files
from api.console.imports.countries import COUNTRY_LANGUAGES, COUNTRY_ZONES
from api.console.imports.mapping_form import build_mapping_text
from api.console.imports.staged_files import MOST_OF_ONE_PERSON, StagedFiles
from api.web.problems import Problem
from domain.billing.billing_events import InvoiceStatus
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import PortfolioWorld
from tests.console.staged_file import FILE, fill_form, stage_file, try_out
from tests.console.test_languages import find_english, visible_words
from tests.console.test_pages import NASTY, page, words
from tests.form_tokens import find_form_token
from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def _waits_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that shows how far it has come is another test's."""
    monkeypatch.setattr(import_pages, "WAITED_SECONDS", float(PATIENCE))


def count(world: PortfolioWorld, table: type) -> int:
    with world.database.reading() as session:
        return int(session.execute(select(func.count()).select_from(table)).scalar_one())


async def test_a_file_goes_from_the_drop_to_its_verdicts_with_the_guesses_as_they_are(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.BILLING_OPS, Accept="text/html") as client:
        path = await stage_file(client)
        shown = await page(client, path)
        guessed = fill_form(shown)
        assert guessed["column.number"] == "Rechnungsnr"
        assert (guessed["column.due_date"], guessed["dates"], guessed["column.time_zone"]) == ("Fällig am", "DD.MM.YYYY", " country")
        assert "Brauerei Nord · Atelier Sud · Kaputt" in shown
        tried = await try_out(client, path)
        assert "3 rows" in words(tried)
        assert re.search(r"new</dt><dd>2<", tried)
        assert re.search(r"rejected</dt><dd>1<", tried)
        assert "is not a date written as" in tried
        assert (count(world, Invoice), count(world, ImportRun)) == (0, 0), "a dry run writes nothing"
        token = find_form_token(tried)
        for _ in range(2):
            answer = await client.post(f"{path}/run", data={"form_token": token})
            assert answer.headers["location"] == path
        done = (await client.get(path)).headers["location"]
        became = await page(client, done)
        assert "offene posten.csv" in became
        rejected = re.findall(r'href="(/v1/imports/[^"]+)"', became)[0]
        assert '"R-3";"K-9";"Kaputt"' in (await client.get(rejected)).text
        assert "offene posten.csv" in await page(client, "/import")
    assert (count(world, Invoice), count(world, ImportRun)) == (2, 1), "sent twice, it is imported once"
    with world.database.reading() as session:
        balances = {row.number: row.open_balance for row in session.execute(select(Invoice)).scalars()}
    assert balances == {"R-1": 100_000, "R-2": 9_900}
    assert world.cases.deliveries == 1


async def test_a_complete_list_shows_what_it_would_close_and_a_person_closes_it_by_its_number(as_role: As, world: PortfolioWorld) -> None:
    first, second = FILE.splitlines(keepends=True)[:3], FILE.splitlines(keepends=True)[:2]
    async with as_role(Role.BILLING_OPS, Accept="text/html") as client:
        path = await stage_file(client, b"".join(first))
        tried = await try_out(client, path, complete="yes")
        assert "Nothing that is open here is missing" in words(tried)
        await client.post(f"{path}/run", data={"form_token": find_form_token(tried)})
        partly = await stage_file(client, b"".join(second))
        assert "complete list" not in words(await try_out(client, partly)), "what a file leaves out says nothing unless it lists all"
        path = await stage_file(client, b"".join(second), complete="yes")
        assert re.search(r'name="complete" value="yes" checked', await page(client, f"{path}/columns"))
        tried = await try_out(client, path, complete="yes")
        assert "not in the complete list: 1 invoice R-2 , K-8 , €99.00" in words(tried)
        assert read_open(world) == {"R-1", "R-2"}, "a dry run closes nothing"
        await client.post(f"{path}/run", data={"form_token": find_form_token(tried)})
        became = await page(client, (await client.get(path)).headers["location"])
        assert read_open(world) == {"R-1", "R-2"}, "nor does the import"
        link = unescape(re.findall(r'href="(/act/close_missing_invoices[^"]+)"', became)[0])
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', await page(client, link)))
        other = await client.post("/act/close_missing_invoices", data=form | {"count": "2", "form_key": "other"})
        assert other.status_code == 409, "another number is missing than was seen"
        assert (await client.post("/act/close_missing_invoices", data=form)).status_code == 303
    assert read_open(world) == {"R-1"}


def read_open(world: PortfolioWorld) -> set[str]:
    with world.database.reading() as session:
        return set(session.scalars(select(col(Invoice.number)).where(col(Invoice.status) == InvoiceStatus.OPEN)))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_step_is_in_the_readers_language(as_role: As, world: PortfolioWorld) -> None:
    for language in ("de", "fr", "es"):
        IdentityStore(world.database).add_user("billing_ops-1", Role.BILLING_OPS, language=language)
        async with as_role(Role.BILLING_OPS, Accept="text/html") as client:
            path = await stage_file(client)
            shown = [await page(client, "/import"), await page(client, path), await try_out(client, path, complete="yes")]
            await client.post(f"{path}/run", data={"form_token": find_form_token(shown[-1])})
            shown.append(await page(client, (await client.get(path)).headers["location"]))
        for html in shown:
            assert find_english(" ".join(visible_words(html)), language) == []


async def test_a_mapping_is_kept_under_a_name_and_needs_no_form_the_next_time(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as client:
        path = await stage_file(client)
        token = find_form_token(await try_out(client, path))
        for name in ("unser-erp", "unser-erp"):
            answer = await client.post(f"{path}/mapping", data={"form_token": token, "name": name})
            assert "The mapping is saved." in await page(client, answer.headers["location"])
        assert count(world, KeptMapping) == 1, "the same text is the same version"
        refused = await client.post(f"{path}/mapping", data={"form_token": token, "name": "../x"})
        assert refused.status_code == 422
        again = await page(client, await stage_file(client, mapping="unser-erp"))
        assert "3 rows" in words(again)
        api = await client.post("/v1/imports", data={"mapping": "unser-erp", "dry_run": "true"}, files={"file": ("x.csv", FILE)})
        assert api.json()["verdicts"]["new"] == 2, "the API knows it by the same name"


async def test_what_is_missing_is_said_beside_the_form_as_it_was_filled_in(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as client:
        path = await stage_file(client)
        form = fill_form(await page(client, path)) | {"column.number": "", "constant.segment": NASTY}
        answer = await client.post(f"{path}/columns", data=form)
        assert answer.status_code == 422
        assert "number" in answer.text
        assert "<script>" not in answer.text
        assert fill_form(answer.text)["column.due_date"] == "Fällig am"
        stale = await client.post(f"{path}/columns", data=form | {"column.number": "Rechnungsnr", "form_token": "x"})
        assert stale.status_code == 422
        nothing = await client.post("/import", data={"form_token": form["form_token"]}, files={"file": ("", b"")})
        assert nothing.status_code == 422
        for header in (";".join(f"c{number}" for number in range(301)), "x" * 20_001 + ";c"):
            assert "more than can be mapped here" in await page(client, await stage_file(client, f"{header}\n1;2\n".encode()))
        broken = await page(client, await stage_file(client, b"\x00\x01\x02\x03", "x.xlsx"))
        assert 'role="alert"' in broken
        IdentityStore(world.database).add_user("admin-1", Role.ADMIN, language="de")
        assert "Bitte sagen, woher diese Angaben kommen: Rechnungsnummer" in (await client.post(f"{path}/columns", data=form)).text
        twice = form | {"column.number": "Rechnungsnr", "column.open_balance": "Offen", "column.paid_amount": "Offen"}
        assert "offener und bezahlter Betrag sagen zweimal dasselbe" in (await client.post(f"{path}/columns", data=twice)).text
        assert "die Datei ist leer; bitte neu exportieren" in words(await page(client, await stage_file(client, b"", "leer.csv")))
        assert "mehr als sich hier zuordnen lassen" in await page(client, await stage_file(client, b"x" * 20_001 + b";c\n1;2\n"))


async def test_a_file_is_its_owners_alone_and_only_who_may_import_brings_one(app: FastAPI, as_role: As) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as owner, as_role(Role.BILLING_OPS, Accept="text/html") as other:
        path = await stage_file(owner)
        assert (await other.get(path)).status_code == 404
        assert (await other.post(f"{path}/run", data={})).status_code == 404
        app.state.staged_files = StagedFiles()  # as when the server was started anew
        for answer in (await owner.get(path), await owner.post(f"{path}/run", data={})):
            assert answer.status_code == 410
            assert "Choose the file again" in words(answer.text)
        assert (await other.get(path)).status_code == 404
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert 'type="file"' not in await page(collector, "/import")
        assert (await collector.post("/import", data={"form_token": "x"}, files={"file": ("a.csv", FILE)})).status_code == 403
    async with as_role(Role.ADMIN, Accept="text/html") as owner:
        answer = await owner.post("/import", data={"form_token": "x"}, files={"file": ("a.csv", FILE)})
        assert answer.status_code == 422


async def test_while_it_runs_the_page_says_how_far_it_has_come(app: FastAPI, as_role: As, world: PortfolioWorld) -> None:
    files: StagedFiles = app.state.staged_files
    staged = files.add("admin-1", "big.csv", BytesIO(FILE))
    assert staged.begin_work("import")
    assert not staged.begin_work("import"), "one thing at a time"
    staged.report_progress(1_234, 0.42)
    async with as_role(Role.ADMIN, Accept="text/html") as client:
        shown = await page(client, f"/import/{staged.token}")
        assert 'value="42"' in shown
        assert "1,234 rows read so far" in shown
        assert 'http-equiv="refresh"' in shown, "without a script the page is read again"
        staged.end_work(None, "the file is damaged")
        assert "the file is damaged" in await page(client, f"/import/{staged.token}")


def test_a_persons_oldest_files_are_left_behind() -> None:
    files = StagedFiles()
    staged = [files.add("mia", f"{number}.csv", BytesIO(b"x")) for number in range(MOST_OF_ONE_PERSON + 2)]
    other = files.add("ben", "x.csv", BytesIO(b"x"))
    kept = [each for each in staged if files.find(each.token, "mia")]
    assert kept == staged[2:]
    assert [each.path.exists() for each in staged[:2]] == [False, False]
    assert files.find(other.token, "ben") is other


def test_what_is_older_than_an_hour_is_found_no_more_and_is_on_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    files = StagedFiles()
    old, at_work = (files.add("mia", name, BytesIO(b"x")) for name in ("a.csv", "b.csv"))
    assert at_work.begin_work("import")
    monkeypatch.setattr(staged_files, "KEPT_SECONDS", -1)
    assert files.find(old.token, "mia") is None
    assert not old.path.exists()
    assert files.find(at_work.token, "mia") is at_work, "what is being imported stays"


def test_files_that_are_too_large_together_and_too_much_work_at_once_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    files = StagedFiles()
    monkeypatch.setattr(staged_files, "MOST_BYTES_OF_ONE_PERSON", 3)
    first, second = (files.add("mia", "a.csv", BytesIO(b"xx")) for _ in range(2))
    assert (files.find(first.token, "mia"), files.find(second.token, "mia")) == (None, second)
    busy = [files.add("ben", "a.csv", BytesIO(b"")) for _ in range(MOST_OF_ONE_PERSON)]
    assert all(each.begin_work("dry_run") for each in busy)
    with pytest.raises(Problem, match="wait until one of them is done"):
        files.add("ben", "a.csv", BytesIO(b""))
    busy[0].end_work(None)
    assert files.find(files.add("ben", "a.csv", BytesIO(b"")).token, "ben")


@pytest.mark.parametrize(("column", "constant"), [("Land", ""), ("", "DE")])
def test_the_country_says_time_zone_and_language(column: str, constant: str) -> None:
    needed = {name: [name] for name in ("number", "account_id", "issue_date", "due_date", "currency", "total")}
    given = {f"column.{name}": value for name, value in needed.items()}
    given |= {"column.country": [column], "constant.country": [constant], "column.time_zone": [" country"], "column.language": [" country"]}
    fields = parse_mapping(build_mapping_text(given, "x"), "x").fields
    if column:
        assert fields.time_zone.lookup is not None
        assert fields.time_zone.lookup.values["AT"] == "Europe/Vienna"
        assert fields.language.lookup is not None
        assert fields.language.lookup.values["FR"] == "fr"
    else:
        assert (fields.time_zone.constant, fields.language.constant) == ("Europe/Berlin", "de")


def test_every_country_with_a_language_has_a_time_zone() -> None:
    assert COUNTRY_LANGUAGES.keys() <= COUNTRY_ZONES.keys()
