"""The server of Duecourse's processes for tests: commands of Duecourse's command line, and workers that are to be killed.

It is run as a module. Nothing is started in it, only loaded.
"""

import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from temporalio.worker._worker import load_default_build_id

import cli.app
from adapters.letters.letter_templates import LetterTemplates
from adapters.process.gc_tuning import collect_garbage_rarely, freeze_loaded_objects
from tests.faults.worker_process import run_worker
from tests.processes.fork_server import ForkServer


def _become_command(request: dict[str, Any], connection: socket.socket) -> None:
    """`python duecourse.py …`. As a command does, it lives on when those are gone that started it."""
    connection.close()
    sys.argv = ["duecourse.py", *request["arguments"]]
    cli.app.main()


def _become_worker(_: dict[str, Any], connection: socket.socket) -> None:
    run_worker(connection)


LOADED_WHEN_NEEDED = (
    "adapters.start_check",
    "cli.import_command",
    "cli.local_stack",
    "cli.standalone",
    "cli.startup_screen",
    "cli.status",
)


def _load_all() -> None:
    """What commands load when they need it, the letters, and what the SDK makes of everything that is loaded."""
    for module in LOADED_WHEN_NEEDED:
        import_module(module)
    cli.app._load_worker()
    cli.app._load_web_app()
    LetterTemplates().find_template_faults()
    load_default_build_id()


if __name__ == "__main__":
    collect_garbage_rarely()
    _load_all()
    assert psutil.Process().num_threads() == 1, "a process with threads is not to be forked"
    freeze_loaded_objects()
    ForkServer(Path(sys.argv[1]), int(sys.argv[2]), {"command": _become_command, "worker": _become_worker}).serve()
