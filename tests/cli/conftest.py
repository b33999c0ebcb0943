"""Processes that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import Running, Up


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts `up` on a fresh data folder, or the one given; nothing is left when the test ends."""
    started: list[Up] = []

    def begin(*options: str, data_dir: Path | None = None, **how: Any) -> Up:
        started.append(Up(data_dir or tmp_path / "data", *options, **how))
        return started[-1]

    yield begin
    for up in started:
        up.end()


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Runs another command until it is stopped; nothing is left when the test ends."""
    started: list[Running] = []

    def begin(*arguments: str) -> Running:
        started.append(Running(*arguments))
        return started[-1]

    yield begin
    for running in started:
        running.end()
