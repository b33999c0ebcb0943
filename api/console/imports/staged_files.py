"""The files that people are about to import: kept on this machine, for an hour, by the process that serves the console."""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import BinaryIO, Literal

from adapters.imports.importer import ImportResult
from api.console.kept_works import make_token
from api.web.problems import Problem

KEPT_SECONDS = 3_600
MOST_OF_ONE_PERSON = 5
MOST_BYTES_OF_ONE_PERSON = 512 * 2**20
TOO_MANY = Problem(409, "busy", "Your other files are still being worked on", "wait until one of them is done, and choose the file again")

Work = Literal["none", "dry_run", "import"]


@dataclass
class StagedFile:
    """A person's file, `size` in bytes. `is_complete`: it lists all open items. `mapping_text`: as YAML, once the columns are mapped;
    `work`: what is being done with it, or was done last, of which `rows` and `fraction` say how far it has come, and `result` or `fault`
    what came of it."""

    token: str
    user: str
    name: str
    path: Path
    staged_at: float
    size: int
    mapping_text: str = ""
    is_complete: bool = False
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
        """Keep a copy. A person's oldest files are left behind where there are too many, or where they are too large together. Raises
        Problem 409 while as many as a person may have are being worked on."""
        token = make_token(user)
        with self._lock:
            self._drop_expired()
            if sum(each.is_running for each in self._list_of(user)) >= MOST_OF_ONE_PERSON:
                raise TOO_MANY
            self._folder = self._folder or TemporaryDirectory(prefix="duecourse-import-")
            path = Path(self._folder.name) / f"{token}{Path(name).suffix[:10]}"
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        staged = StagedFile(token, user, name, path, time.monotonic(), path.stat().st_size)
        with self._lock:
            self._files[token] = staged
            self._drop_surplus(staged)
        return staged

    def find(self, token: str, user: str) -> StagedFile | None:
        """None for what is older than KEPT_SECONDS."""
        with self._lock:
            self._drop_expired()
            found = self._files.get(token)
        return found if found is not None and found.user == user else None

    def _list_of(self, user: str) -> list[StagedFile]:
        """The oldest first."""
        return [each for each in self._files.values() if each.user == user]

    def _drop_expired(self) -> None:
        for each in list(self._files.values()):
            if time.monotonic() - each.staged_at > KEPT_SECONDS:
                self._drop(each)

    def _drop_surplus(self, newest: StagedFile) -> None:
        own = self._list_of(newest.user)
        for each in own[:-1]:
            if len(own) <= MOST_OF_ONE_PERSON and sum(kept.size for kept in own) <= MOST_BYTES_OF_ONE_PERSON:
                return
            if self._drop(each):
                own.remove(each)

    def _drop(self, staged: StagedFile) -> bool:
        """Whether it is left behind; what is being worked on stays."""
        if staged.is_running:
            return False
        staged.path.unlink(missing_ok=True)
        del self._files[staged.token]
        return True
