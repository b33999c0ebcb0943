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

from adapters.audit.export.signed_export import AuditExport, Exported
from adapters.audit.export.signed_zip import SignedZip
from adapters.audit.export.signing_key import AuditKey
from adapters.audit.seals.seal_store import SealBook
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, Message, PolicyVersion, Setting
from adapters.document_store import DocumentStore
from adapters.policies.policy_store import IN_FORCE
from domain.audit.scope import AuditScope, OneAccount, Period
from domain.correspondence.letter_outcome import LetterFate
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import GENESIS, Entry
from domain.policy.approval_matrix import APPROVALS, MatrixSnapshot
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.matrix_parsing import parse_matrix
from tests.adapters.journal.journalled_accounts import (
    MATRIX,
    ToldAccount,
    at,
    tell_dispute,
    tell_plan,
    tell_promises,
    tell_suspension,
    tell_verdict,
    tell_write_off,
)
from tests.domain.builders import case, moment, news, policy, step

KEY = AuditKey(bytes(range(32)))
NOBODYS_KEY = AuditKey(bytes(range(1, 33)))
A1 = OneAccount("A1")
EVIDENCE = b"a photograph of the broken pallet"
REMINDER = b"Subject: Erinnerung\r\n\r\nBitte zahlen Sie."
DEMAND = b"Subject: Mahnung\r\n\r\nLetzte Frist."
PLAIN = b64encode(b"json/plain").decode()


class FewHistories:
    """The histories of two runs, the later one first: they kept where the invoice's chain stood, as the server's do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, scope: AuditScope) -> AsyncIterator[tuple[str, str, bytes]]:
        entries = select(JournalEntry).where(JournalEntry.case_id == "invoice:I1").order_by(col(JournalEntry.seq))
        with self._database.reading() as session:
            told = [(entry.hash, entry.business_at) for entry in session.exec(entries)]
        if isinstance(scope, Period) and not any(scope.begins <= moment < scope.ends for _, moment in told):
            return
        heads = [head for head, _ in told]
        yield "invoice:I1", "run-2", history(*heads[2:])
        yield "invoice:I1", "run-1", history(*heads[:2])


def history(*heads: str, reset_from: str | None = None) -> bytes:
    """A run's, in Temporal's own JSON, as far as it tells of the journal."""
    events: list[dict[str, Any]] = [{"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"}]
    for head in heads:
        answer = {"data": b64encode(json.dumps({"head": head, "carried": None}).encode()).decode(), "metadata": {"encoding": PLAIN}}
        events.append({"markerRecordedEventAttributes": {"details": {"data": {"payloads": []}, "result": {"payloads": [answer]}}}})
    if reset_from:
        cause = "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"
        events.append({"workflowTaskFailedEventAttributes": {"cause": cause, "baseRunId": reset_from}})
    return compress(json.dumps({"events": events}).encode(), mtime=0)


def furnish(database: Database) -> ToldAccount:
    """A1 with invoices, cases of every kind, two letters, a file, an orphan, the rules in force, and seals over all of it."""
    account = ToldAccount(database)
    for invoice in ("I1", "I2"):
        account.invoice(invoice, total=100_000)
    tell_promises(account, "kb")
    tell_dispute(account)
    tell_plan(account, kept=True)
    tell_suspension(account)
    tell_verdict(account)
    tell_write_off(account)
    for day, content in ((3, REMINDER), (9, DEMAND)):
        account.letter(["I1", "I2"], day)
        with database.writing() as session:
            session.exec(select(Message).where(Message.key == f"letter:reminder:{day}")).one().content = content
    tell_letters(account, ("reminder", 3, REMINDER), ("second_reminder", 9, DEMAND))
    DocumentStore(database).keep("pallet.JPG", "image/jpeg", EVIDENCE, "maria", at(8))
    account.add(orphan_of(account), *in_force())
    name_evidence(database)
    seal(database, date(2013, 6, 1))
    return account


def tell_letters(account: ToldAccount, *letters: tuple[str, int, bytes]) -> None:
    """The case of I2 asked for letters, each by a step on a day, and heard on the next that they went."""
    told = case(opened=0, total=100_000, open_balance=100_000)
    told.journal = told.journal.model_copy(update={"case_id": "invoice:I2", "invoice_id": "I2", "pending": [], "seq": 0, "head": GENESIS})
    told.open(moment(0))
    for name, day, content in letters:
        told.take(step(name), moment(day))
        proof = {"message_id": f"<reminder.{day}@duecourse.example>", "sha256": sha256(content).hexdigest()}
        told.hear_of_letter(news(name, LetterFate.SENT, day).model_copy(update=proof), moment(day + 1))
    account.tell(told.journal, "invoice", stage="second_reminder", days=10)


def orphan_of(account: ToldAccount) -> JournalEntry:
    """What a worker wrote that died: the dispute's second entry once more, a moment earlier."""
    with account.database.reading() as session:
        second = select(JournalEntry).where(JournalEntry.case_id == "dispute:I1:1", JournalEntry.seq == 2)
        row = session.exec(second).one().model_dump()
    draft = Entry.model_validate({**row, "actor": "nobody", "hash": ""})
    return JournalEntry(**draft.model_copy(update={"hash": draft.digest()}).model_dump())


def in_force() -> list[Any]:
    snapshot = PolicySnapshot.of(policy())
    row = PolicyVersion(
        name=snapshot.name, version=snapshot.version, snapshot=snapshot.text, sha256=snapshot.sha256, created_at=at(-30)
    )  # fmt: skip
    matrix = MatrixSnapshot.of(parse_matrix(MATRIX.read_text(encoding="utf-8"), str(MATRIX)))
    approvals = PolicyVersion(name=APPROVALS, version=matrix.version, snapshot=matrix.text, sha256=matrix.sha256, created_at=at(-30))
    return [row, approvals, Setting(name=IN_FORCE, value={"names": [snapshot.name]})]


def name_evidence(database: Database) -> None:
    """The dispute's row names the file, as its workflow writes it."""
    with database.writing() as session:
        session.get_one(Case, "dispute:I1:1").summary = {"evidence": sha256(EVIDENCE).hexdigest()}


def seal(database: Database, *days: date) -> None:
    for day in days:
        SealBook(database).make(day, at(100))


async def export(database: Database, target: Path, scope: AuditScope = A1, key: AuditKey = KEY) -> Exported:
    return await AuditExport(database, FewHistories(database), SealBook(database), key).write(scope, target, "anna", at(120))


def verify(target: Path, *arguments: str, script: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As an auditor does: with the program from the zip, and with nothing but Python's standard library."""
    if script is None:
        script = target.parent / "verify_copy.py"
        with zipfile.ZipFile(target) as archive:
            script.write_bytes(archive.read("verify.py"))
        arguments = (str(target), *arguments)
    command = [sys.executable, "-I", "-S", str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, encoding="utf-8")


def contents(target: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repack(files: dict[str, bytes], target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def sign_anew(files: dict[str, bytes], target: Path, key: AuditKey = NOBODYS_KEY, about: dict[str, dict[str, Any]] | None = None) -> Path:
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


def lines(content: bytes) -> list[Any]:
    found: list[Any] = json.loads(content)
    return found


def joined(elements: list[Any]) -> bytes:
    return ("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in elements) + "\n]\n").encode()


def rewritten(entries: list[dict[str, Any]], case_id: str, change: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """The entries of a case changed, and chained anew with fresh hashes from the first to the last."""
    previous = "0" * 64
    for entry in entries:
        if entry["case_id"] == case_id:
            change(entry)
            fresh = Entry.model_validate({**entry, "previous": previous, "hash": "", "kind": EntryKind(entry["kind"])})
            entry["previous"], entry["hash"] = previous, fresh.digest()
            previous = entry["hash"]
    return entries
