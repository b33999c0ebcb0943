"""A worker that is killed in the middle of a burst: the other one takes over what lay in the dead one's cache."""

from pathlib import Path

import pytest

from adapters.database.engine import Database
from tests.faults.takeover import kill_worker_in_burst

INVOICES = 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_another_worker_takes_over_everything_and_people_are_answered_meanwhile(database: Database, tmp_path: Path) -> None:
    result = await kill_worker_in_burst(database, tmp_path, INVOICES, takeover_seconds=15)

    assert INVOICES // 3 <= result.asked_at_kill < INVOICES
    assert set(result.answer_statuses) <= {200, 202}
