"""The measurements that `make bench` runs in processes of their own."""

from importlib.util import find_spec

import pytest

from bench.run import MEASURED_MODULES


@pytest.mark.parametrize("module", MEASURED_MODULES)
def test_each_measurement_that_the_bench_runs_is_a_module(module: str) -> None:
    assert find_spec(module) is not None
