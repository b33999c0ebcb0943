"""What the journal says of letters, rules and histories, held against those that come along: part of the program that comes with an export.

A history is what the Temporal server kept of a run. Each time a run wrote to its journal, the history kept the hash of the last entry.
"""

import base64
import gzip
import json
from typing import Any

PLAIN_JSON_ENCODING = base64.b64encode(b"json/plain").decode()


class ExportedHistory:
    """A history. `heads`: the hashes of its journal's last entries that it kept; payloads that are encrypted say nothing here.
    `reset_from`: the runs whose end it undid."""

    def __init__(self, history: Any) -> None:
        self.heads: list[str] = []
        self.reset_from: set[str] = set()
        for event in history["events"]:
            marker = event.get("markerRecordedEventAttributes", {})
            for payload in marker.get("details", {}).get("result", {}).get("payloads", []):
                answer = (
                    json.loads(base64.b64decode(payload["data"])) if payload["metadata"].get("encoding") == PLAIN_JSON_ENCODING else None
                )
                if isinstance(answer, dict) and "head" in answer and not answer.get("carried"):
                    self.heads.append(str(answer["head"]))
            failed = event.get("workflowTaskFailedEventAttributes", {})
            if failed.get("cause", "").endswith("RESET_WORKFLOW"):
                self.reset_from.add(failed["baseRunId"])


class RecordVerifier:
    """Told every entry of the journal in order, and where each case ends."""

    def __init__(self, manifest: dict[str, Any], erasures: list[Any], export: Any) -> None:
        self.export, self.faults = export, export.faults
        self.covers_one_account = "account" in manifest["scope"]
        self.letters: dict[str, dict[str, Any]] = {}
        self.rules: dict[tuple[Any, Any], dict[str, Any]] = {}
        self.runs: dict[str, list[dict[str, Any]]] = {}
        for file in manifest["files"]:
            folder = file["path"].partition("/")[0]
            if folder == "letters":
                self.letters[file["message_id"]] = file
            elif folder == "policies":
                self.rules[None if file["what"] == "approval matrix" else file["policy"], file["version"]] = file
            elif folder == "histories":
                self.runs.setdefault(file["case"], []).append(file)
        self.erasures = {report["key"]: report["letters"] for report in erasures}
        self.erased_letters: dict[str, str] = {}
        self.absent_letters: dict[str, tuple[str, str]] = {}
        self.matched_letters: set[str] = set()
        self.run_count = self.head_count = self.cases_without_runs = 0

    def add_entry(self, entry: dict[str, Any]) -> None:
        facts, where = entry["facts"], f"{entry['case_id']} entry {entry['seq']}"
        if entry["kind"] == "letter.sent" and facts.get("sha256"):
            self.check_letter(facts["message_id"], facts["sha256"], where)
        if entry["kind"] == "account.erased":
            self.erased_letters |= self.erasures.get(facts["report"], {})
        if facts.get("policy_sha256"):
            self.check_rules(facts["policy"], facts["policy_version"], facts["policy_sha256"], where)
        if facts.get("matrix_sha256"):
            self.check_rules(None, facts["matrix_version"], facts["matrix_sha256"], where)

    def check_letter(self, message_id: str, sha256: str, where: str) -> None:
        file = self.letters.get(message_id)
        if file is None:
            self.absent_letters.setdefault(message_id, (sha256, where))
        elif file["sha256"] == sha256:
            self.matched_letters.add(message_id)
        else:
            self.faults.append(f"{file['path']}: is not the letter of which {where} tells")

    def check_rules(self, name: Any, version: Any, sha256: str, where: str) -> None:
        file = self.rules.get((name, version))
        if file is None:
            self.faults.append(f"policies: {name or 'the approval matrix'}, version {version}, is missing; {where} names it")
        elif file["sha256"] != sha256:
            self.faults.append(f"{file['path']}: is not what {where} names")

    def end_case(self, name: str, on_chain: Any, off_chain: Any) -> None:
        """The heads that a case's histories kept are on its chain, or beside it where the run was reset."""
        files, runs = self.runs.pop(name, []), dict[str, ExportedHistory]()
        for file in files:
            self.export.check(file["path"], lambda file=file: runs.update({file["run"]: self.load_history(file["path"])}))
        self.cases_without_runs += bool(name) and not files
        self.run_count += len(runs)
        undone = {base for run in runs.values() for base in run.reset_from}
        for file in files:
            for head in runs[file["run"]].heads if file["run"] in runs else ():
                self.head_count += 1
                if not on_chain(head) and not (off_chain(head) and file["run"] in undone):
                    self.faults.append(f"{file['path']}: kept {head[:16]}… as the last entry of {name}; its chain in journal.json does not")

    def load_history(self, path: str) -> ExportedHistory:
        content = self.export.read(path)
        return ExportedHistory(json.loads(gzip.decompress(content) if path.endswith(".gz") else content))

    def finish(self) -> None:
        """A letter that is not here was erased; or, where only a period is told of, went in another one."""
        for name in list(self.runs):
            self.end_case(name, lambda head: False, lambda head: False)
        for message_id, (sha256, where) in self.absent_letters.items():
            if self.covers_one_account and self.erased_letters.get(message_id) != sha256:
                self.faults.append(f"letters: {message_id} is missing; {where} tells that it was sent")

    def describe_findings(self) -> list[str]:
        erased = sum(self.erased_letters.get(message_id) == sha256 for message_id, (sha256, _) in self.absent_letters.items())
        letters = f"{len(self.letters):,}, {len(self.matched_letters):,} of them bound to the journal by their SHA-256"
        histories = f"{self.run_count:,} runs, which kept {self.head_count:,} times where the chain of their case stood"
        return [
            f"letters    {letters}" + (f"; {erased:,} more were erased" if erased else ""),
            f"histories  {histories}" + (f"; of {self.cases_without_runs:,} cases none is here" if self.cases_without_runs else ""),
        ]
