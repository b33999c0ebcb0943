"""The import at the command line: its exit status, what it says beside the verdicts, and complete lists."""

from pathlib import Path

import pytest

from cli.app import ROWS_REJECTED_STATUS, _run_command, app
from tests.adapters.imports.field_cases import HEADER, line


def test_an_import_ends_with_3_where_rows_were_rejected_and_closes_what_a_complete_list_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    file, data = tmp_path / "items.csv", tmp_path / "data"

    def run(*lines: str, options: tuple[str, ...] = (), status: int = 0) -> str:
        file.write_bytes("\n".join((HEADER, *lines)).encode("cp1252"))
        words = ["import", str(file), "--business-date", "2013-03-04", "--data-dir", str(data), *options]
        assert _run_command(lambda: app(words)) == status
        printed = capsys.readouterr()
        return printed.err if status == 2 else printed.out

    said = run(line(name="Bräu"), line(number="R-2"), line(number="R-3", due="soon"), status=ROWS_REJECTED_STATUS)
    assert "row 4: due_date: 'soon'" in said
    assert "it was read as cp1252" in said
    (rejects,) = (data / "rejected").iterdir()
    assert rejects.read_bytes().count(b"\n") == 2
    assert "row 2: taken, but due_date" in run(line(number="R-4", due="2013-01-01"), line(), line(number="R-2"), options=("--dry-run",))

    assert "1 invoices are open here and not in the file" in run(line(), options=("--complete",))
    assert "1 invoices are missing in the file, not 2" in run(line(), options=("--close-missing", "2"), status=2)
    assert "1 invoices were closed as settled elsewhere" in run(line(), options=("--close-missing", "1"))
    assert "not in the file" not in run(line(), options=("--complete",))
