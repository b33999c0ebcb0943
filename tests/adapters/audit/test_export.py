"""What auditors take along verifies with nothing but Python's standard library, and says what was changed."""

import ast
import codecs
import csv
import io
import json
import os
import sys
import tracemalloc
import zipfile
from collections import Counter
from datetime import date, timedelta
from gzip import compress
from hashlib import sha256
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import text, update
from sqlmodel import col

from adapters.audit.erasure import AccountEraser
from adapters.audit.export.journal_files import write_journal
from adapters.audit.export.signing_key import AuditKeyError, load_audit_key
from adapters.audit.export.verifier.verify_signature import GROUP_ORDER, is_signed_by
from adapters.audit.export.verifier_bundle import build_verifier_source
from adapters.audit.seals.seal_store import SealStore
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice, JournalEntry
from domain.audit.scope import AccountScope, PeriodScope
from domain.audit.seal import Seal, SealLeaf
from domain.erasure.commands import EraseAccount
from domain.erasure.erasure_case import ErasureCase
from domain.erasure.report import ErasureResult
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.audit.exported_accounts import (
    EVIDENCE,
    KEY,
    NOBODYS_KEY,
    build_history,
    join_lines,
    make_seals,
    parse_lines,
    populate_account,
    read_zip,
    rewrite_chain,
    run_verifier,
    sign_again,
    write_export,
    write_zip,
)
from tests.adapters.journal.journalled_accounts import JournalledAccount, noon_on
from tests.databases import _sqlite_template
from tests.domain.builders import moment

LETTER = "letters/2013-03-04_00000001.eml"


@pytest.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that nobody has touched."""
    folder = tmp_path_factory.mktemp("export")
    copy(_sqlite_template(), folder / "duecourse.db")
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    populate_account(database)
    exported = await write_export(database, folder / "export.zip")
    database.close()
    return exported.path


@pytest.fixture
def files(whole: Path) -> dict[str, bytes]:
    return read_zip(whole)


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


async def test_an_export_of_an_account_has_everything_and_verifies(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    exported = await write_export(database, tmp_path / "export.zip")
    found = run_verifier(exported.path)
    assert (found.returncode, found.stderr) == (0, "")
    assert "GOOD" in found.stdout
    assert exported.public_key in found.stdout
    assert "letters    2, 2 of them bound to the journal by their SHA-256" in found.stdout
    assert "histories  2 runs, which kept 11 times where the chain of their case stood; of 8 cases none is here" in found.stdout
    assert f"{exported.manifest['entries']} entries" in found.stdout
    kinds = {name.partition("/")[0] for name in read_zip(exported.path)}
    assert kinds >= {"journal.csv", "journal.json", "histories", "letters", "documents", "policies", "seals.json", "verify.py"}


def test_it_verifies_from_the_unpacked_folder_too(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = unpacked(files, tmp_path / "elsewhere")
    (folder / ".DS_Store").write_bytes(b"left by a desktop")
    found = run_verifier(tmp_path, script=folder / "verify.py")
    assert found.returncode == 0, found.stdout


def test_the_key_that_the_auditor_was_told_is_asked_for(whole: Path) -> None:
    assert run_verifier(whole, "--key", KEY.public_hex.upper()).returncode == 0
    other = run_verifier(whole, "--key", NOBODYS_KEY.public_hex)
    assert other.returncode == 1
    assert "signature.json: signed by" in other.stdout


def test_what_is_no_export_is_refused(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    script = tmp_path / "verify.py"
    script.write_bytes(read_zip(whole)["verify.py"])
    assert run_verifier(tmp_path, str(tmp_path / "note.txt"), script=script).returncode == 2


async def test_the_same_export_is_the_same_zip_to_the_byte(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    first, second = [await write_export(database, tmp_path / name) for name in ("one.zip", "two.zip")]
    assert first.path.read_bytes() == second.path.read_bytes()
    names = list(read_zip(first.path))
    assert names[-2:] == ["manifest.json", "signature.json"]
    assert names[:-2] == sorted(names[:-2])


def test_letters_and_files_are_in_it_byte_for_byte(files: dict[str, bytes]) -> None:
    assert files[LETTER] == b"Subject: Erinnerung\r\n\r\nBitte zahlen Sie."
    assert [content for name, content in files.items() if name.startswith("documents/")] == [EVIDENCE]


def test_orphans_stand_beside_the_journal(files: dict[str, bytes]) -> None:
    assert [entry["actor"] for entry in parse_lines(files["orphans.json"])] == ["nobody"]
    assert "nobody" not in {entry["actor"] for entry in parse_lines(files["journal.json"])}


EVERY_FILE = [
    "README.txt",
    "heads.json",
    "histories/invoice%3AI1/run-1.json.gz",
    "journal.csv",
    "journal.json",
    LETTER,
    "orphans.json",
    "policies/standard/0001.json",
    "seals.json",
    "verify.py",
    "manifest.json",
]


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_file_that_was_changed_is_named(files: dict[str, bytes], tmp_path: Path, whole: Path, name: str) -> None:
    files[name] = files[name].replace(b"1", b"2", 1) if b"1" in files[name] else files[name] + b" "
    script = unpacked({"verify.py": read_zip(whole)["verify.py"]}, tmp_path) / "verify.py"
    found = run_verifier(tmp_path, str(write_zip(files, tmp_path / "x.zip")), script=script)
    assert found.returncode == 1
    assert f"FAULT      {name}: " in found.stdout
    assert found.stderr == ""


@pytest.mark.parametrize("name", [*EVERY_FILE, "signature.json"])
def test_a_file_that_is_missing_is_named(files: dict[str, bytes], tmp_path: Path, whole: Path, name: str) -> None:
    script = unpacked({"verify.py": files["verify.py"]}, tmp_path) / "verify.py"
    del files[name]
    found = run_verifier(tmp_path, str(write_zip(files, tmp_path / "x.zip")), script=script)
    assert found.returncode == 1
    assert name in found.stdout
    assert found.stderr == ""


def test_a_file_that_was_added_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    files["letters/invented.eml"] = b"We never wrote this"
    found = run_verifier(write_zip(files, tmp_path / "x.zip"))
    assert "letters/invented.eml: was added" in found.stdout
    assert found.returncode == 1


def test_two_files_that_changed_places_are_both_named(files: dict[str, bytes], tmp_path: Path) -> None:
    other = next(name for name in files if name.startswith("letters/") and name != LETTER)
    files[LETTER], files[other] = files[other], files[LETTER]
    found = run_verifier(write_zip(files, tmp_path / "x.zip"))
    assert f"{LETTER}: was changed" in found.stdout
    assert f"{other}: was changed" in found.stdout


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_in_the_zip_twice_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    target = write_zip(files, tmp_path / "x.zip")
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(LETTER, files[LETTER])
    assert f"{LETTER}: is there twice" in run_verifier(target).stdout


def test_a_zip_that_was_damaged_on_its_way_is_told_from_a_good_one(files: dict[str, bytes], whole: Path, tmp_path: Path) -> None:
    damaged, content = tmp_path / "x.zip", bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as archive:
        content[archive.getinfo("journal.json").header_offset + 200] ^= 0xFF
    damaged.write_bytes(content)
    found = run_verifier(damaged)
    assert found.returncode == 1
    assert "journal.json: " in found.stdout
    assert found.stderr == ""


@pytest.mark.parametrize("bits", [{"signature": "00" * 64}, {"public_key": NOBODYS_KEY.public_hex}])
def test_a_signature_of_something_else_is_refused(files: dict[str, bytes], tmp_path: Path, bits: dict[str, str]) -> None:
    files["signature.json"] = json.dumps({**json.loads(files["signature.json"]), **bits}).encode()
    found = run_verifier(write_zip(files, tmp_path / "x.zip"))
    assert found.returncode == 1
    assert "signature.json is not over it" in found.stdout


class Forger:
    """Changes the journal in both its forms, lists the files anew and signs with a key of their own: only chains and seals stand."""

    def __init__(self, files: dict[str, bytes], target: Path) -> None:
        self.files, self.target, self.about = files, target, dict[str, dict[str, Any]]()
        self.entries = parse_lines(files["journal.json"])

    def case(self, case_id: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["case_id"] == case_id]

    def adds_history(self, case_id: str, run_id: str, content: bytes) -> None:
        name = f"histories/{case_id.partition(':')[0]}/{run_id}.json.gz"
        self.files[name], self.about[name] = content, {"what": "history of a run", "case": case_id, "run": run_id}

    def signed(self) -> Path:
        self.files["journal.json"] = join_lines(self.entries)
        return sign_again(self.files, self.target, about=self.about)

    def found(self) -> str:
        answer = run_verifier(self.signed())
        assert (answer.returncode, answer.stderr) == (1, "")
        return answer.stdout


@pytest.fixture
def forger(files: dict[str, bytes], tmp_path: Path) -> Forger:
    return Forger(files, tmp_path / "forged.zip")


@pytest.mark.parametrize(
    ("field", "value"), [("actor", "mallory"), ("business_at", "2013-03-02T00:00:00.000000+00:00"), ("facts", {"amount": 1})]
)
def test_an_entry_that_was_changed_is_named_though_all_was_signed_anew(forger: Forger, field: str, value: Any) -> None:
    forger.case("plan:A1:1")[2][field] = value
    assert "journal.json: plan:A1:1 entry 3: was changed, its hash is not over it" in forger.found()


def test_an_entry_that_was_deleted_is_named_by_the_one_after_it(forger: Forger) -> None:
    forger.entries.remove(forger.case("plan:A1:1")[1])
    assert "journal.json: plan:A1:1 entry 3: does not follow from entry 1 of its case" in forger.found()


def test_an_entry_that_was_put_in_is_named(forger: Forger) -> None:
    second = forger.case("plan:A1:1")[1]
    forger.entries.insert(forger.entries.index(second), {**second, "actor": "mallory"})
    found = forger.found()
    assert "journal.json: plan:A1:1 entry 2: was changed, its hash is not over it" in found
    assert "journal.json: plan:A1:1 entry 2: does not follow from entry 2 of its case" in found


def test_two_entries_that_changed_places_are_named(forger: Forger) -> None:
    second, third = forger.case("plan:A1:1")[1:3]
    place, next_place = forger.entries.index(second), forger.entries.index(third)
    forger.entries[place], forger.entries[next_place] = third, second
    assert "journal.json: plan:A1:1 entry 3: does not follow from entry 1 of its case" in forger.found()


def test_a_last_entry_that_was_cut_off_is_missed(forger: Forger) -> None:
    last = forger.case("plan:A1:1")[-1]
    forger.entries.remove(last)
    assert f"journal.json: plan:A1:1 ends with entry {last['seq'] - 1}; heads.json has entry {last['seq']}" in forger.found()


def test_a_chain_that_was_rewritten_from_end_to_end_is_caught_by_the_last_seal(forger: Forger) -> None:
    rewrite_chain(forger.entries, "plan:A1:1", lambda entry: entry.update(actor="mallory"))
    heads = parse_lines(forger.files["heads.json"])
    next(head for head in heads if head["case_id"] == "plan:A1:1")["head"] = forger.case("plan:A1:1")[-1]["hash"]
    forger.files["heads.json"] = join_lines(heads)
    assert "journal.json: plan:A1:1 does not have the entry that the last seal in seals.json has as its head" in forger.found()


def test_a_case_that_was_taken_out_whole_is_caught_by_the_last_seal(forger: Forger) -> None:
    forger.entries = [entry for entry in forger.entries if entry["case_id"] != "plan:A1:1"]
    forger.files["heads.json"] = join_lines([head for head in parse_lines(forger.files["heads.json"]) if head["case_id"] != "plan:A1:1"])
    assert "journal.json: has no entry of plan:A1:1, which the last seal in seals.json has" in forger.found()


def test_a_seal_that_was_made_to_fit_has_no_root_of_its_leaves(forger: Forger) -> None:
    seals = parse_lines(forger.files["seals.json"])
    next(one for one in seals if isinstance(one, list))[2] = "0" * 64
    forger.files["seals.json"] = join_lines(seals)
    assert "seals.json: the leaves of the seal of 2013-06-01 are not those that were sealed" in forger.found()


def test_an_orphan_that_was_slipped_in_after_the_seal_is_counted(forger: Forger) -> None:
    orphans = parse_lines(forger.files["orphans.json"])
    forger.files["orphans.json"] = join_lines([*orphans, *orphans])
    assert "orphans.json: has 2 entries beside the chain of dispute:I1:1" in forger.found()


def test_a_table_that_tells_another_story_than_the_journal_is_named_by_its_row(forger: Forger) -> None:
    forger.files["journal.csv"] = forger.files["journal.csv"].replace(b"maria", b"mario", 1)
    assert "journal.csv: row " in forger.found()


def test_a_document_under_another_ones_name_is_named(forger: Forger) -> None:
    name = next(name for name in forger.files if name.startswith("documents/"))
    forger.files[name] = b"another photograph"
    assert f"{name}: is not the document that its name says" in forger.found()


def test_a_letter_that_is_not_the_one_that_was_sent_is_named(forger: Forger) -> None:
    forger.files[LETTER] = forger.files[LETTER].replace(b"Bitte", b"Bitter")
    assert f"{LETTER}: is not the letter of which invoice:I2 entry 4 tells" in forger.found()


def test_a_letter_that_was_taken_out_is_missed(forger: Forger) -> None:
    del forger.files[LETTER]
    assert "letters: <reminder.3@duecourse.example> is missing; invoice:I2 entry 4 tells that it was sent" in forger.found()


def test_rules_that_are_not_those_that_were_in_force_are_named(forger: Forger) -> None:
    policy, matrix = "policies/standard/0001.json", "policies/approvals/0001.json"
    forger.files[policy] = forger.files[policy].replace(b"reminder", b"remainder", 1)
    del forger.files[matrix]
    found = forger.found()
    assert f"{policy}: is not what invoice:I1 entry 1 names" in found
    assert "policies: the approval matrix, version 1, is missing; approval:suspension:A1:1 entry 1 names it" in found


def test_a_chain_that_was_rewritten_from_end_to_end_is_caught_by_the_histories(forger: Forger) -> None:
    """Whoever made new seals, too, is left with what the server kept of each run."""
    was = forger.case("invoice:I1")[0]["hash"]
    rewrite_chain(forger.entries, "invoice:I1", lambda entry: entry.update(actor="mallory"))
    name = "histories/invoice%3AI1/run-1.json.gz"
    assert f"{name}: kept {was[:16]}… as the last entry of invoice:I1; its chain in journal.json does not" in forger.found()


def test_a_run_that_was_reset_kept_what_now_lies_beside_the_chain(files: dict[str, bytes], tmp_path: Path) -> None:
    orphan = next(one for one in parse_lines(files["orphans.json"]) if one["case_id"] == "dispute:I1:1")["hash"]
    forger = Forger(files, tmp_path / "forged.zip")
    forger.adds_history("dispute:I1:1", "run-1", build_history(orphan))
    assert "histories/dispute/run-1.json.gz: kept" in forger.found()
    forger.adds_history("dispute:I1:1", "run-2", build_history(reset_from="run-1"))
    assert run_verifier(forger.signed()).returncode == 0


def test_a_history_that_cannot_be_read_is_named(forger: Forger) -> None:
    forger.adds_history("dispute:I1:1", "run-1", compress(b'{"events": 7}'))
    assert "histories/dispute/run-1.json.gz: cannot be read" in forger.found()


def test_a_sealed_case_whose_leaf_is_hidden_is_named(forger: Forger) -> None:
    """Its leaf's hash alone would leave the root as it was."""
    rewrite_chain(forger.entries, "plan:A1:1", lambda entry: entry.update(actor="mallory"))
    seals = parse_lines(forger.files["seals.json"])
    place = next(place for place, one in enumerate(seals) if isinstance(one, list) and one[0] == "plan:A1:1")
    seals[place] = SealLeaf(*seals[place]).compute_hash().hex()
    forger.files["seals.json"] = join_lines(seals)
    assert "journal.json: plan:A1:1 began before the last seal, which does not have it among its leaves" in forger.found()


def test_a_case_whose_chain_was_passed_off_as_orphans_is_named(forger: Forger) -> None:
    mine = forger.case("credit_review:A1")
    forger.entries = [entry for entry in forger.entries if entry not in mine]
    forger.files["orphans.json"] = join_lines([*parse_lines(forger.files["orphans.json"]), *mine])
    forger.files["heads.json"] = join_lines(
        [head for head in parse_lines(forger.files["heads.json"]) if head["case_id"] != "credit_review:A1"]
    )
    assert "orphans.json: has entries of credit_review:A1, a case that heads.json does not have" in forger.found()


def test_an_orphan_that_follows_nothing_is_named(forger: Forger) -> None:
    (orphan,) = parse_lines(forger.files["orphans.json"])
    put_in = Entry.model_validate({**orphan, "previous": "1" * 64, "hash": ""})
    forger.files["orphans.json"] = join_lines([put_in.model_copy(update={"hash": put_in.digest()}).model_dump(mode="json")])
    forger.files["orphans.json"] = forger.files["orphans.json"].replace(b'Z"', b'.000000+00:00"')
    assert "orphans.json: dispute:I1:1 entry 2 follows no entry of its case: it was put in" in forger.found()


def test_the_seal_that_the_auditor_was_mailed_must_be_among_the_seals(whole: Path, files: dict[str, bytes]) -> None:
    sealed = Seal.model_validate(parse_lines(files["seals.json"])[0]).digest()
    good, other = run_verifier(whole, "--seal", sealed), run_verifier(whole, "--seal", "0" * 64)
    assert good.returncode == 0
    assert "the seal that you gave is that of 2013-06-01" in good.stdout
    assert other.returncode == 1
    assert "seals.json: has no seal of the hash that you gave" in other.stdout


async def test_a_case_that_a_worker_went_on_with_as_it_was_sealed_is_no_fault(database: Database, tmp_path: Path) -> None:
    """The worker had written, and died before it was heard; what its successor wrote came after the seal, and counts."""
    account = populate_account(database)
    first, second = (Journal(case_id="credit_review:A9", account_id="A1") for _ in range(2))
    for journal, minutes in ((first, 1), (second, 2)):
        journal.write(EntryKind.CREDIT_REVIEW_DUE, noon_on(101), noon_on(101) + timedelta(minutes=minutes))
    account.write_case(first, "credit_review")
    SealStore(database).make_seal(date(2013, 6, 2), noon_on(101) + timedelta(minutes=30))
    account.add(*(JournalEntry(**entry.model_dump()) for entry in second.pending))
    with database.writing() as session:
        session.get_one(Case, "credit_review:A9").head = second.head
    found = run_verifier((await write_export(database, tmp_path / "x.zip")).path)
    assert found.returncode == 0, found.stdout
    assert "1 went on from another entry just after they were sealed" in found.stdout


@pytest.mark.parametrize("summary", [[1], {"evidence": sha256(EVIDENCE).hexdigest(), "amount": "much"}])
async def test_a_row_that_is_no_longer_what_it_should_be_does_not_end_an_export(database: Database, tmp_path: Path, summary: Any) -> None:
    populate_account(database)
    with database.writing() as session:
        session.execute(update(Case).where(col(Case.kind) == "dispute").values(summary=summary))
    files = read_zip((await write_export(database, tmp_path / "x.zip")).path)
    assert any(name.startswith("documents/") for name in files) == isinstance(summary, dict)


async def test_an_account_whose_letters_were_erased_still_verifies(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    _erase(database)
    exported = await write_export(database, tmp_path / "x.zip")
    found = run_verifier(exported.path)
    assert found.returncode == 0, found.stdout
    assert "letters    0, 0 of them bound to the journal by their SHA-256; 2 more were erased" in found.stdout
    assert not [name for name in read_zip(exported.path) if name.startswith(("letters/", "documents/"))]
    forger = Forger(read_zip(exported.path), tmp_path / "forged.zip")
    forger.files["erasures.json"] = join_lines([])
    assert "letters: <reminder.3@duecourse.example> is missing" in forger.found()


def _erase(database: Database) -> None:
    """As its workflow does when the retention is over."""
    with database.writing() as session:
        session.execute(update(Invoice).values(status="paid"))
        session.execute(update(Case).values(outcome="paid"))
    act = EraseAccount(act_id="act:1", actor="adam", account_id="A1")
    report = AccountEraser(database, 10).erase_account(act, noon_on(4_000))
    told = ErasureCase(journal=Journal(case_id="erasure:A1", account_id="A1"))
    told.apply_result(act, ErasureResult.from_report(report), moment(4_000))
    with database.writing() as session:
        session.add_all(JournalEntry(**entry.model_dump()) for entry in told.journal.pending)
        session.add(
            Case(
                case_id="erasure:A1",
                run_id="run-1",
                kind="erasure",
                account_id="A1",
                stage="new",
                waiting_for="nothing",
                seq=told.journal.seq,
                head=told.journal.head,
                updated_at=noon_on(4_000),
            )
        )


def test_the_verifier_is_one_file_for_python_3_9() -> None:
    tree = ast.parse(build_verifier_source(), feature_version=(3, 9))
    names = Counter(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    assert max(names.values()) == 1
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


async def test_the_table_opens_in_a_spreadsheet(database: Database, tmp_path: Path) -> None:
    """It begins with the mark by which spreadsheets know UTF-8, and every row has a cell for each name at its head."""
    populate_account(database)
    content = read_zip((await write_export(database, tmp_path / "x.zip")).path)["journal.csv"]
    assert content.startswith(codecs.BOM_UTF8)
    head, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert head[:4] == ["case_id", "seq", "kind", "business_at"]
    assert {len(row) for row in rows} == {len(head)}


async def test_what_was_tampered_with_in_the_database_is_exported_as_it_stands_and_named(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    with database.writing() as session:
        _let_tamper(session, database)
        third = (col(JournalEntry.case_id) == "plan:A1:1") & (col(JournalEntry.seq) == 3)
        session.execute(update(JournalEntry).where(third).values(actor="mallory"))
    found = run_verifier((await write_export(database, tmp_path / "x.zip")).path)
    assert found.returncode == 1
    assert "journal.json: plan:A1:1 entry 3: was changed, its hash is not over it" in found.stdout


def _let_tamper(session: Any, database: Database) -> None:
    """Whoever owns the database can take its triggers away."""
    if database.is_sqlite:
        for name in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            session.execute(text(f'DROP TRIGGER "{name}"'))
    else:
        session.execute(text("ALTER TABLE journal DISABLE TRIGGER USER"))


async def test_a_period_has_the_cases_that_were_at_work_in_it_up_to_its_end(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    await _other_account(database)
    make_seals(database, date(2013, 6, 2))
    exported = await write_export(database, tmp_path / "x.zip", PeriodScope(date(2013, 3, 9), date(2013, 3, 11)))
    found = run_verifier(exported.path)
    assert found.returncode == 0, found.stdout
    entries = parse_lines(read_zip(exported.path)["journal.json"])
    assert max(entry["business_at"] for entry in entries) < "2013-03-12"
    assert "dispute:I1:1" in {entry["case_id"] for entry in entries}
    assert "write_off:A1" not in {entry["case_id"] for entry in entries}
    letters = [name for name in read_zip(exported.path) if name.startswith("letters/")]
    assert letters == ["letters/2013-03-10_00000002.eml"]


async def _other_account(database: Database) -> None:
    journal = Journal(case_id="credit_review:A2", account_id="A2")
    journal.write(EntryKind.CREDIT_REVIEW_DUE, moment(90).business, moment(90).business)
    with database.writing() as session:
        session.add_all(JournalEntry(**entry.model_dump()) for entry in journal.pending)
        session.add(
            Case(
                case_id=journal.case_id,
                run_id="run-1",
                kind="credit_review",
                account_id="A2",
                stage="new",
                waiting_for="time",
                seq=journal.seq,
                head=journal.head,
                updated_at=noon_on(90),
            )
        )


async def test_of_other_accounts_an_export_tells_only_hashes(database: Database, tmp_path: Path) -> None:
    populate_account(database)
    await _other_account(database)
    make_seals(database, date(2013, 6, 2))
    exported = await write_export(database, tmp_path / "x.zip")
    assert run_verifier(exported.path).returncode == 0
    assert all(b"A2" not in content for name, content in read_zip(exported.path).items() if name != "verify.py")


async def test_a_spreadsheet_takes_no_cell_for_a_formula(database: Database, tmp_path: Path) -> None:
    account = JournalledAccount(database)
    journal = Journal(case_id="credit_review:A1", account_id="A1")
    for actor in ('=HYPERLINK("http://example")', "'quoted", "@anna", "two\nlines, and more"):
        journal.write(EntryKind.CREDIT_REVIEW_DUE, moment(1).business, moment(1).business, actor)
    account.write_case(journal, "credit_review")
    exported = await write_export(database, tmp_path / "x.zip")
    assert run_verifier(exported.path).returncode == 0
    table = read_zip(exported.path)["journal.csv"].decode()
    assert ",=" not in table
    assert ',"=' not in table


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    copy(_sqlite_template(), tmp_path / "duecourse.db")
    database = Database(f"sqlite:///{tmp_path / 'duecourse.db'}")
    few = _peak(database, 1, 50, tmp_path)
    many = _peak(database, 50, 100, tmp_path)
    database.close()
    assert many < few + 1_500_000


def _peak(database: Database, first: int, last: int, folder: Path) -> int:
    """Bytes at most while the journal is written, after so many cases of a hundred entries were added."""
    for number in range(first, last):
        journal = Journal(case_id=f"invoice:{number:06}", account_id="A1", invoice_id=f"{number:06}")
        for day in range(100):
            journal.write(EntryKind.STEP_TAKEN, moment(day).business, moment(day).business, step="reminder", days_past_due=day)
        with database.writing() as session:
            session.execute(database.build_insert_or_ignore(JournalEntry), [entry.model_dump() for entry in journal.pending])
            session.add(
                Case(
                    case_id=journal.case_id,
                    run_id="run-1",
                    kind="invoice",
                    account_id="A1",
                    stage="new",
                    waiting_for="time",
                    seq=journal.seq,
                    head=journal.head,
                    updated_at=noon_on(1),
                )
            )
    tracemalloc.start()
    with database.snapshot() as session:
        write_journal(session, AccountScope("A1"), folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_signatures_are_verified_as_rfc_8032_has_it(public: str, message: str, signature: str) -> None:
    key, content, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert is_signed_by(key, content, signed)
    assert not is_signed_by(key, content + b"!", signed)
    for place in (0, 31, 32, 63):
        broken = bytearray(signed)
        broken[place] ^= 1
        assert not is_signed_by(key, content, bytes(broken))
    larger = int.from_bytes(signed[32:], "little") + GROUP_ORDER
    assert not is_signed_by(key, content, signed[:32] + larger.to_bytes(32, "little"))


@pytest.mark.parametrize("number", range(20))
def test_the_verifier_agrees_with_the_library_that_signs(number: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    public, content = key.public_key().public_bytes_raw(), bytes(range(number))
    assert is_signed_by(public, content, key.sign(content))


def test_a_key_is_made_once_for_nobody_else_to_read(tmp_path: Path) -> None:
    first = load_audit_key(Settings(data_dir=tmp_path / "data"))
    file = tmp_path / "data" / "audit.key"
    assert load_audit_key(Settings(data_dir=tmp_path / "data")).public_hex == first.public_hex
    assert os.stat(file).st_mode & 0o777 == 0o600  # noqa: PTH116
    assert [path.name for path in file.parent.iterdir()] == ["audit.key"]


def test_a_key_that_is_given_wins_and_leaves_no_file(tmp_path: Path) -> None:
    assert load_audit_key(Settings(data_dir=tmp_path, audit_key=SecretStr(bytes(range(32)).hex()))).public_hex == KEY.public_hex
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["secret", "00" * 31, "zz" * 32])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, given: str) -> None:
    with pytest.raises(AuditKeyError, match="DUECOURSE_AUDIT_KEY is no key") as refused:
        load_audit_key(Settings(data_dir=tmp_path, audit_key=SecretStr(given)))
    assert given not in str(refused.value)
