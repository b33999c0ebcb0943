"""An account with something of everything in it, as an export takes it along; and what was exported, to be tampered with."""

import json
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import date
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from adapters.audit.export.signed_export import AuditExport, ExportResult
from adapters.audit.export.signed_zip import SignedZip
from adapters.audit.export.signing_key import AuditKey
from adapters.audit.seals.seal_store import SealStore
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, Message, PolicyVersion, Setting
from adapters.document_store import DocumentStore
from adapters.policies.in_force import IN_FORCE_SETTING
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry import GENESIS, Entry
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import MATRIX_POLICY_NAME, MatrixSnapshot
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.matrix_parsing import parse_matrix
from tests.adapters.journal.journalled_accounts import (
    MATRIX,
    JournalledAccount,
    journal_dispute,
    journal_plan,
    journal_promises,
    journal_suspension,
    journal_verdict,
    journal_write_off,
    noon_on,
)
from tests.domain.builders import build_case, build_letter_outcome, build_policy, find_step, moment
from tests.patience import PATIENCE

KEY = AuditKey(bytes(range(32)))
NOBODYS_KEY = AuditKey(bytes(range(1, 33)))
A1 = AccountScope("A1")
EVIDENCE = b"a photograph of the broken pallet"
REMINDER = b"Subject: Erinnerung\r\n\r\nBitte zahlen Sie."
DEMAND = b"Subject: Mahnung\r\n\r\nLetzte Frist."
PLAIN = b64encode(b"json/plain").decode()


class FakeHistories:
    """The histories of two runs, the later one first: they kept where the invoice's chain stood, as the server's do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stream_runs(self, scope: AuditScope) -> AsyncIterator[tuple[str, str, bytes]]:
        entries = select(JournalEntry).where(JournalEntry.case_id == "invoice:I1").order_by(col(JournalEntry.seq))
        with self._database.reading() as session:
            told = [(entry.hash, entry.business_at) for entry in session.exec(entries)]
        if isinstance(scope, PeriodScope) and not any(scope.starts_at <= moment < scope.ends_before for _, moment in told):
            return
        heads = [head for head, _ in told]
        yield "invoice:I1", "run-2", build_history(*heads[2:])
        yield "invoice:I1", "run-1", build_history(*heads[:2])


def build_history(*heads: str, reset_from: str | None = None) -> bytes:
    """A run's, in Temporal's own JSON, as far as it tells of the journal."""
    events: list[dict[str, Any]] = [{"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"}]
    for head in heads:
        answer = {"data": b64encode(json.dumps({"head": head, "carried": None}).encode()).decode(), "metadata": {"encoding": PLAIN}}
        events.append({"markerRecordedEventAttributes": {"details": {"data": {"payloads": []}, "result": {"payloads": [answer]}}}})
    if reset_from:
        cause = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
        events.append({"workflowTaskFailedEventAttributes": {"cause": cause, "baseRunId": reset_from}})
    return compress(json.dumps({"events": events}).encode(), mtime=0)


def populate_account(database: Database) -> JournalledAccount:
    """A1 with invoices, cases of every kind, two letters, a file, an orphan, the rules in force, and seals over all of it."""
    account = JournalledAccount(database)
    for invoice in ("I1", "I2"):
        account.invoice(invoice, total=100_000)
    journal_promises(account, "kb")
    journal_dispute(account)
    journal_plan(account, kept=True)
    journal_suspension(account)
    journal_verdict(account)
    journal_write_off(account)
    for day, content in ((3, REMINDER), (9, DEMAND)):
        account.letter(["I1", "I2"], day)
        with database.writing() as session:
            session.exec(select(Message).where(Message.key == f"letter:reminder:{day}")).one().content = content
    journal_letters(account, ("reminder", 3, REMINDER), ("second_reminder", 9, DEMAND))
    DocumentStore(database).add("pallet.JPG", "image/jpeg", EVIDENCE, "maria", noon_on(8))
    account.add(build_orphan(account), *policies_in_force())
    set_evidence_summary(database)
    make_seals(database, date(2013, 6, 1))
    return account


def journal_letters(account: JournalledAccount, *letters: tuple[str, int, bytes]) -> None:
    """The case of I2 asked for letters, each by a step on a day, and heard on the next that they went."""
    told = build_case(opened=0, total=100_000, open_balance=100_000)
    told.journal = told.journal.model_copy(update={"case_id": "invoice:I2", "invoice_id": "I2", "pending": [], "seq": 0, "head": GENESIS})
    told.open(moment(0))
    for name, day, content in letters:
        told.take_step(find_step(name), moment(day))
        proof = {"message_id": f"<reminder.{day}@duecourse.example>", "sha256": sha256(content).hexdigest()}
        told.apply_letter_outcome(build_letter_outcome(name, LetterResult.SENT, day).model_copy(update=proof), moment(day + 1))
    account.write_case(told.journal, "invoice", stage="second_reminder", days=10)


def build_orphan(account: JournalledAccount) -> JournalEntry:
    """What a worker wrote that died: the dispute's second entry once more, a moment earlier."""
    with account.database.reading() as session:
        second = select(JournalEntry).where(JournalEntry.case_id == "dispute:I1:1", JournalEntry.seq == 2)
        row = session.exec(second).one().model_dump()
    draft = Entry.model_validate({**row, "actor": "nobody", "hash": ""})
    return JournalEntry(**draft.model_copy(update={"hash": draft.digest()}).model_dump())


def policies_in_force() -> list[Any]:
    snapshot = PolicySnapshot.from_policy(build_policy())
    row = PolicyVersion(
        name=snapshot.name, version=snapshot.version, snapshot=snapshot.text, sha256=snapshot.sha256, created_at=noon_on(-30)
    )
    matrix = MatrixSnapshot.from_matrix(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX)))
    approvals = PolicyVersion(
        name=MATRIX_POLICY_NAME, version=matrix.version, snapshot=matrix.text, sha256=matrix.sha256, created_at=noon_on(-30)
    )
    return [row, approvals, Setting(name=IN_FORCE_SETTING, value={"names": [snapshot.name]})]


def set_evidence_summary(database: Database) -> None:
    """The dispute's row names the file, as its workflow writes it."""
    with database.writing() as session:
        session.get_one(Case, "dispute:I1:1").summary = {"evidence": sha256(EVIDENCE).hexdigest()}


def make_seals(database: Database, *days: date) -> None:
    for day in days:
        SealStore(database).make_seal(day, noon_on(100))


async def write_export(database: Database, target: Path, scope: AuditScope = A1, key: AuditKey = KEY) -> ExportResult:
    return await AuditExport(database, FakeHistories(database), SealStore(database), key).write(scope, target, "anna", noon_on(120))


def run_verifier(target: Path, *arguments: str, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As an auditor does: with the program from the zip, and with nothing but Python's standard library."""
    if script is None:
        script = target.parent / "verify_copy.py"
        with zipfile.ZipFile(target) as archive:
            script.write_bytes(archive.read("verify.py"))
        arguments = (str(target), *arguments)
    command = [sys.executable, "-I", "-S", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, encoding="utf-8")


def read_zip(target: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(files: dict[str, bytes], target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def sign_again(files: dict[str, bytes], target: Path, key: AuditKey = NOBODYS_KEY, about: dict[str, dict[str, Any]] | None = None) -> Path:
    """As a forger does who knows how: every size and SHA-256 is right, and the signature is good, of another key."""
    head = json.loads(files["manifest.json"])
    listed = {file.pop("path"): file for file in head.pop("files")}
    with zipfile.ZipFile(target, "w") as archive:
        signed = SignedZip(archive)
        for name, content in files.items():
            if name not in ("manifest.json", "signature.json"):
                known = (about or {}).get(name) or {key: value for key, value in listed[name].items() if key not in ("size", "sha256")}
                signed.add(name, content, **known)
        signed.sign(key, head)
    return target


def parse_lines(content: bytes) -> list[Any]:
    found: list[Any] = json.loads(content)
    return found


def join_lines(elements: list[Any]) -> bytes:
    return ("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in elements) + "\n]\n").encode()


def rewrite_chain(entries: list[dict[str, Any]], case_id: str, change: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """The entries of a case changed, and chained anew with fresh hashes from the first to the last."""
    previous = "0" * 64
    for entry in entries:
        if entry["case_id"] == case_id:
            change(entry)
            fresh = Entry.model_validate({**entry, "previous": previous, "hash": "", "kind": EntryKind(entry["kind"])})
            entry["previous"], entry["hash"] = previous, fresh.digest()
            previous = entry["hash"]
    return entries
