"""A task has time for a burst, and never more than what a dead worker's cases wait for anyhow."""

import pytest

from adapters.config.settings import Settings
from adapters.temporal.task_time import choose_task_timeout


@pytest.mark.parametrize(("takeover", "timeout"), [(5, 10), (10, 10), (60, 15), (120, 30), (600, 30)])
def test_a_task_has_a_quarter_of_the_time_of_a_takeover(takeover: int, timeout: int) -> None:
    assert choose_task_timeout(takeover).total_seconds() == timeout


def test_by_default_a_task_has_half_a_minute() -> None:
    assert choose_task_timeout(Settings.model_fields["worker_takeover_seconds"].default).total_seconds() == 30
