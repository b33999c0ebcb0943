"""Starts the Tryton server of the tests on a copy of a database that is made once.

It is looked for in the environment that `make test-billing` makes, or that DUECOURSE_TRYTON names; where there is none, its tests are
skipped.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.tryton.tryton_api import TrytonSettings

HERE = Path(__file__).parent
ENVIRONMENT = Path(os.environ.get("DUECOURSE_TRYTON") or HERE.parents[3] / ".tryton")
"""Also keeps the databases that were made."""


class TrytonServer:
    def __init__(self, process: subprocess.Popen[str], world: dict[str, Any]) -> None:
        self._process = process
        self.address = self._read_answer()
        self.company: int = world["company"]
        self.settings = TrytonSettings(self.address, world["keys"]["duecourse"], self.company)

    def act(self, act: str, **given: Any) -> Any:
        """What people of the house do: a method of HousePeople in serve.py."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"act": act, **given}) + "\n")
        self._process.stdin.flush()
        return self._read_answer()

    def _read_answer(self) -> Any:
        assert self._process.stdout
        said = json.loads(self._process.stdout.readline() or '{"error": "Tryton has ended"}')
        if "error" in said:
            raise RuntimeError(said["error"])
        return said["answer"]


def prepare_database(python: Path) -> Path:
    """Once for each version of what makes it, and each year that its periods are about: half a minute."""
    made_by = b"".join((HERE / name).read_bytes() for name in ("prepare.py", "requirements.txt"))
    prepared = ENVIRONMENT / f"database-{date.today().year}-{hashlib.sha256(made_by).hexdigest()[:12]}"
    if not (prepared / "world.json").exists():
        shutil.rmtree(prepared, ignore_errors=True)
        making = prepared.with_name(f"{prepared.name}.{os.getpid()}")
        making.mkdir(parents=True)
        subprocess.run([python, HERE / "prepare.py", making], check=True, capture_output=True, text=True)
        making.rename(prepared)
    return prepared


@contextmanager
def run_tryton(folder: Path) -> Iterator[TrytonServer]:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        pytest.skip("there is no Tryton here: `make test-billing` sets it up")
    prepared = prepare_database(python)
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    (folder / "trytond.conf").write_text(f"[database]\nuri = sqlite://\npath = {folder}\n")
    process = subprocess.Popen(
        [python, HERE / "serve.py", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield TrytonServer(process, json.loads((folder / "world.json").read_text()))
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
