"""The lock on a data folder and the addresses of the instance that holds it, so that a second one is refused and commands find the
first."""

import fcntl
import os
from pathlib import Path
from time import sleep
from typing import IO, Self

from pydantic import BaseModel, ValidationError

from adapters.process.data_folder import convert_storage_errors, prepare_data_folder
from domain.errors import OperatingError

LOCK_FILE, INSTANCE_FILE = "duecourse.lock", "running.json"


class AlreadyRunningError(OperatingError):
    """Another Duecourse runs on this data folder."""


class ComponentFailedError(OperatingError):
    """A part that must run as long as Duecourse has ended."""

    exit_status = 1


class RunningInstance(BaseModel):
    """The process that runs on a data folder, and the addresses of its parts. `url` is None until the API answers."""

    pid: int
    temporal_address: str
    inbox_port: int | None = None
    url: str | None = None


class InstanceLock:
    """The right to run on a data folder. The lock ends with the process however that dies, so that none goes stale."""

    def __init__(self, data_dir: Path, lock: IO[str]) -> None:
        self._instance_file = data_dir / INSTANCE_FILE
        self._lock = lock

    @classmethod
    def acquire(cls, data_dir: Path) -> Self:
        """Take the lock of a data folder, which is created if needed. Raises AlreadyRunningError, DataFolderError."""
        prepare_data_folder(data_dir)
        with convert_storage_errors():
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
        """Publish the addresses of this instance's parts. `url` is None until the API answers."""
        instance = RunningInstance(pid=os.getpid(), temporal_address=temporal_address, inbox_port=inbox_port, url=url)
        self._instance_file.write_text(instance.model_dump_json(), encoding="utf-8")

    def release(self) -> None:
        """Release the lock."""
        self._instance_file.unlink(missing_ok=True)
        self._lock.truncate(0)
        self._lock.close()


def _try_lock(lock: IO[str]) -> bool:
    """Try for a moment: a command that only reads (`find_running_instance`) holds the lock for an instant."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            sleep(0.02)
    return False


def find_running_instance(data_dir: Path) -> RunningInstance | None:
    """Find the instance that runs on a data folder; None when none does, or it has not published its addresses yet."""
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
