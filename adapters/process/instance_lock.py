"""Which Duecourse runs on a data folder, and where its parts listen, so that a second one is refused and a command can find the first."""

import fcntl
import os
from pathlib import Path
from time import sleep
from typing import IO, Self

from pydantic import BaseModel, ValidationError

from domain.errors import OperatingError

LOCK_FILE, INSTANCE_FILE = "duecourse.lock", "running.json"


class AlreadyRunningError(OperatingError):
    """Another Duecourse runs on this data folder."""


class ComponentFailedError(OperatingError):
    """A part that must run while Duecourse does has ended."""

    exit_status = 1


class RunningInstance(BaseModel):
    pid: int
    temporal_address: str
    inbox_port: int | None = None
    url: str | None = None


class InstanceLock:
    """The right to run on a data folder. The lock ends with the process however that dies, so a stale one cannot stand in the way."""

    def __init__(self, data_dir: Path, lock: IO[str]) -> None:
        self._instance_file = data_dir / INSTANCE_FILE
        self._lock = lock

    @classmethod
    def acquire(cls, data_dir: Path) -> Self:
        """Raises AlreadyRunningError."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data_dir / LOCK_FILE).open("a+", encoding="utf-8")
        if not _try_lock(lock):
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise AlreadyRunningError(
                f"Duecourse already runs on {data_dir} (process {pid}); use that one, stop it with Ctrl-C, "
                "or name another folder with --data-dir"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return cls(data_dir, lock)

    def publish_addresses(self, temporal_address: str, inbox_port: int | None, url: str | None) -> None:
        """Where this one's parts listen. `url` is None until the API answers."""
        facts = RunningInstance(pid=os.getpid(), temporal_address=temporal_address, inbox_port=inbox_port, url=url)
        self._instance_file.write_text(facts.model_dump_json(), encoding="utf-8")

    def release(self) -> None:
        self._instance_file.unlink(missing_ok=True)
        self._lock.truncate(0)
        self._lock.close()


def _try_lock(lock: IO[str]) -> bool:
    """Tried for a moment, for a command that only looks (`find_running`) holds the lock for an instant."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            sleep(0.02)
    return False


def find_running_instance(data_dir: Path) -> RunningInstance | None:
    """What runs on this data folder; None when nothing does, or it has not announced itself yet."""
    try:
        with (data_dir / LOCK_FILE).open("r", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except BlockingIOError:
        pass
    except OSError:
        return None
    try:
        return RunningInstance.model_validate_json((data_dir / INSTANCE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
