"""`duecourse cases`: it needs a running Duecourse, and says so."""

from pathlib import Path

import pytest

from adapters.database.engine import Database
from tests.processes.commands import run_command


@pytest.mark.parametrize("command", [["check"], ["repair", "invoice:I-1", "--yes"]])
def test_where_nothing_runs_nothing_is_checked_or_repaired(command: list[str], tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'duecourse.db'}")
    database.migrate()
    database.close()
    refused = run_command("cases", *command, "--data-dir", str(tmp_path))
    assert refused.returncode == 2
    assert "nothing runs on" in refused.stderr
    assert "Traceback" not in refused.stderr
