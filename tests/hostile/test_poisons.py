"""A poison at each stage of the work keeps nothing else from going through; each is seen once, by whoever can see to it."""

from pathlib import Path

import pytest

from adapters.database.engine import Database
from tests.hostile.poisons import play_poisons

INVOICES = 25


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_poison_at_each_stage_is_set_aside_and_all_others_go_through(database: Database, tmp_path: Path) -> None:
    await play_poisons(database, tmp_path, INVOICES)
