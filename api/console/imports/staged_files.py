"""The files that people are about to import: kept on this machine, for an hour, by the process that serves the console."""

import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import BinaryIO, Literal

from adapters.imports.importer import ImportResult

KEPT_SECONDS = 3_600
MOST_OF_ONE_PERSON = 5

Work = Literal["none", "dry_run", "import"]


@dataclass
class StagedFile:
    """A person's file. `mapping_text`: as YAML, once the columns are mapped; `work`: what is being done with it, or was done last, of which
    `rows` and `fraction` say how far it has come, and `result` or `fault` what came of it."""

    token: str
    user: str
    name: str
    path: Path
    staged_at: float
    mapping_text: str = ""
    work: Work = "none"
    is_running: bool = False
    rows: int = 0
    fraction: float = 0.0
    result: ImportResult | None = None
    fault: str = ""
    has_failed: bool = False
    _lock: Lock = field(default_factory=Lock)

    def begin_work(self, work: Work) -> bool:
        """Whether it begins: one thing is done with a file at a time, and it is imported once."""
        with self._lock:
            if self.is_running or (self.work == "import" and self.result is not None):
                return False
            self.work, self.is_running, self.rows, self.fraction, self.result = work, True, 0, 0.0, None
            self.fault, self.has_failed = "", False
            return True

    def report_progress(self, rows: int, fraction: float) -> None:
        self.rows, self.fraction = rows, fraction

    def end_work(self, result: ImportResult | None, fault: str = "") -> None:
        self.result, self.fault, self.has_failed, self.is_running = result, fault, result is None, False


class StagedFiles:
    """Each is found by whoever brought it, and by nobody else."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._files: dict[str, StagedFile] = {}
        self._lock = Lock()

    def add(self, user: str, name: str, content: BinaryIO) -> StagedFile:
        """Keep a copy. What is older than KEPT_SECONDS is left behind, and a person's oldest where there are too many."""
        token = secrets.token_urlsafe(18)
        with self._lock:
            self._folder = self._folder or TemporaryDirectory(prefix="duecourse-import-")
            path = Path(self._folder.name) / f"{token}{Path(name).suffix[:10]}"
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        staged = StagedFile(token, user, name, path, time.monotonic())
        with self._lock:
            self._drop_old(user)
            self._files[token] = staged
        return staged

    def find(self, token: str, user: str) -> StagedFile | None:
        found = self._files.get(token)
        return found if found is not None and found.user == user else None

    def _drop_old(self, user: str) -> None:
        idle = [each for each in self._files.values() if not each.is_running]
        own = [each for each in idle if each.user == user]
        too_many = own[: max(len(own) - MOST_OF_ONE_PERSON + 1, 0)]
        too_old = [each for each in idle if time.monotonic() - each.staged_at > KEPT_SECONDS]
        for each in {each.token: each for each in (*too_many, *too_old)}.values():
            each.path.unlink(missing_ok=True)
            del self._files[each.token]
