"""Verifies an export that Duecourse made for auditors. It needs Python 3.9 or later, and nothing else.

    python verify.py                            in the unpacked folder
    python verify.py export.zip                 on the zip itself
    python verify.py export.zip --key KEY       and it must be signed by this public key
    python verify.py export.zip --seal HASH     and it must have this daily seal

It exits with 0 when nothing was changed, 1 when something was, 2 when there is nothing to verify. Give the key that the company told you by
another way: whoever can make a zip can also sign it with a key of their own, and put another program in this one's place. Give the hash of
a seal that was mailed to you, the latest you have: whoever has the company's key can make another journal, but none under that seal.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from adapters.audit.export.verifier.verify_journal import ChainVerifier, canonical_json
from adapters.audit.export.verifier.verify_records import RecordVerifier
from adapters.audit.export.verifier.verify_seals import SealVerifier
from adapters.audit.export.verifier.verify_signature import is_signed_by

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
csv.field_size_limit(1 << 30)
DESKTOP_FILES = {".DS_Store", "desktop.ini", "Thumbs.db"}
"""What a desktop leaves in every folder that it shows."""

READ_ERRORS = (
    OSError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
)


class FolderSource:
    """The unpacked export."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        files = (path for path in self.path.rglob("*") if not path.is_dir() and path.name not in DESKTOP_FILES)
        return sorted(path.relative_to(self.path).as_posix() for path in files)

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


class ZipSource:
    """The export as it came."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)

    def names(self) -> list[str]:
        return sorted(name for name in self.archive.namelist() if not name.endswith("/"))

    def open(self, name: str) -> IO[bytes]:
        return io.BufferedReader(self.archive.open(name), 1 << 16)  # type: ignore[type-var]


def iterate_elements(file: IO[bytes]) -> Iterator[Any]:
    """Of a JSON list that has one on each line."""
    for line in file:
        text = line.strip().rstrip(b",")
        if text not in (b"[", b"]", b""):
            yield json.loads(text)


def build_csv_row(entry: dict[str, Any], header: list[str]) -> list[str]:
    """The entry as a row of journal.csv. What a spreadsheet would take for a formula stands behind an apostrophe."""
    texts = (canonical_json(entry[name]) if name == "facts" else "" if entry[name] is None else str(entry[name]) for name in header)
    return ["'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r", "'") and text else text for text in texts]


class ExportVerifier:
    """`faults`: what is wrong, each with the file's name first. `said`: what was looked at."""

    def __init__(self, source: Any, key: str | None = None, seal: str | None = None) -> None:
        self.source, self.key, self.seal = source, key, seal
        self.faults: list[str] = []
        self.statements: list[str] = []
        self.manifest: dict[str, Any] = {}
        self.seals = SealVerifier()
        self.file_names: list[str] = []

    def verify(self) -> None:
        self.file_names = self.source.names()
        self.check("signature.json or manifest.json", self.check_signature)
        if not self.manifest:
            return
        self.check("manifest.json", self.check_files)
        self.check("documents", self.check_documents)
        self.check("seals.json", self.check_seals)
        self.check("journal.json or a file beside it", self.check_journal)

    def check(self, where: str, what: Any) -> None:
        try:
            what()
        except READ_ERRORS as error:
            self.faults.append(f"{where}: cannot be read ({type(error).__name__}: {error})")

    def read(self, name: str) -> bytes:
        with self.source.open(name) as file:
            return bytes(file.read())

    def check_signature(self) -> None:
        content = self.read(MANIFEST)
        self.manifest = dict(json.loads(content))
        signature = json.loads(self.read(SIGNATURE))
        key = str(signature["public_key"]).lower()
        if not is_signed_by(bytes.fromhex(key), content, bytes.fromhex(signature["signature"])):
            self.faults.append("manifest.json: the signature in signature.json is not over it: one of the two was changed")
        if self.key and key != self.key.lower():
            self.faults.append(f"signature.json: signed by {key}, not by the key that you gave")
        compared = "the key that you gave" if self.key else "compare it with the key that you were told by another way"
        self.statements.append(f"signed by  {key} ({compared})")

    def check_files(self) -> None:
        listed = {file["path"]: file for file in self.manifest["files"]}
        twice = [name for name, times_there in Counter(self.file_names).items() if times_there > 1]
        self.faults += [f"{name}: is there twice" for name in sorted(twice)]
        self.faults += [
            f"{name}: was added, the manifest does not list it" for name in sorted({*self.file_names} - {*listed, MANIFEST, SIGNATURE})
        ]
        for name, file in sorted(listed.items()):
            if name in self.file_names:
                self.check(name, lambda name=name, file=file: self.check_file(name, file))
            else:
                self.faults.append(f"{name}: is missing")
        self.statements.append(f"files      {len(listed):,} in the manifest")

    def check_file(self, name: str, listed: dict[str, Any]) -> None:
        digest, size = hashlib.sha256(), 0
        with self.source.open(name) as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                digest.update(chunk)
                size += len(chunk)
        if (digest.hexdigest(), size) != (listed["sha256"], listed["size"]):
            self.faults.append(f"{name}: was changed, it is not the file that the manifest lists")
        elif name.endswith(".gz"):
            with self.source.open(name) as file, gzip.open(file) as history:
                for _ in iter(lambda: history.read(1 << 20), b""):
                    pass

    def check_documents(self) -> None:
        for file in self.manifest["files"]:
            folder, _, name = file["path"].rpartition("/")
            if folder == "documents" and name.partition(".")[0] != file["sha256"]:
                self.faults.append(f"{file['path']}: is not the document that its name says")

    def check_seals(self) -> None:
        with self.source.open("seals.json") as file:
            self.seals.read_seals(iterate_elements(file), self.faults)
        self.statements.append(f"seals      {self.seals.describe_seals()}")
        if self.seal and self.seal.lower() in self.seals.days:
            self.statements.append(f"           the seal that you gave is that of {self.seals.days[self.seal.lower()]}")
        elif self.seal:
            self.faults.append("seals.json: has no seal of the hash that you gave")

    def check_journal(self) -> None:
        chains = ChainVerifier(self.load_elements("heads.json"), self.seals.leaves, self.manifest.get("sealed_at"), self.faults)
        papers = RecordVerifier(self.manifest, self.load_elements("erasures.json"), self)
        with self.source.open("orphans.json") as file:
            for entry in iterate_elements(file):
                chains.add_orphan(entry)
        with self.source.open("journal.json") as journal, self.source.open("journal.csv") as table:
            rows = csv.reader(io.TextIOWrapper(table, encoding="utf-8-sig", newline=""))
            header = next(rows)
            for number, entry in enumerate(iterate_elements(journal), 2):
                if {*header} != {*entry} or build_csv_row(entry, header) != next(rows, None):
                    self.faults.append(f"journal.csv: row {number} is not {entry['case_id']} entry {entry['seq']} as in journal.json")
                if entry["case_id"] != chains.case_id:
                    papers.end_case(chains.case_id, chains.has_entry, chains.has_orphan)
                chains.add_entry(entry)
                papers.add_entry(entry)
            papers.end_case(chains.case_id, chains.has_entry, chains.has_orphan)
            self.faults += [f"journal.csv: has a row that journal.json does not: {', '.join(row[:2])}" for row in rows]
        chains.finish()
        papers.finish()
        if (chains.entries, chains.cases) != (self.manifest["entries"], self.manifest["cases"]):
            self.faults.append(f"manifest.json: counts {self.manifest['entries']} entries of {self.manifest['cases']} cases")
        settling = f"; {chains.unsettled:,} went on from another entry just after they were sealed" if chains.unsettled else ""
        self.statements += [
            f"journal    {chains.entries:,} entries, in the chains of {chains.cases:,} cases{settling}",
            *papers.describe_findings(),
        ]

    def load_elements(self, name: str) -> list[Any]:
        with self.source.open(name) as file:
            return list(iterate_elements(file))


def render_verdict(export: ExportVerifier) -> str:
    about = export.manifest
    scope = ", ".join(f"{name} {value}" for name, value in about.get("scope", {}).items())
    lines = [f"Duecourse export of {scope}, made by {about.get('exported_by')} at {about.get('exported_at')}", *export.statements]
    lines += [f"FAULT      {fault}" for fault in export.faults]
    count = len(export.faults)
    lines.append(f"CHANGED: {count} fault{'s' if count > 1 else ''}." if count else "GOOD: nothing was changed since it was signed.")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Verifies an export that Duecourse made for auditors.")
    parser.add_argument("export", nargs="?", help="the zip, or the folder it was unpacked in; by default the folder of this program")
    parser.add_argument("--key", help="the public key that the company told you by another way")
    parser.add_argument("--seal", help="the hash of a daily seal that was mailed to you: it must be among the export's")
    given = parser.parse_args(arguments)
    path = Path(given.export) if given.export else Path(__file__).resolve().parent
    try:
        source = FolderSource(path) if path.is_dir() else ZipSource(path)
    except (OSError, zipfile.BadZipFile) as error:
        sys.stderr.write(f"{path} is neither a zip nor a folder that can be read: {error}\n")
        return 2
    export = ExportVerifier(source, given.key, given.seal)
    export.verify()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout.write(render_verdict(export))
    return 1 if export.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
