"""Proofs that somebody asked for at the console: each goes on in the background, says how far it has come, and is kept for a while."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from api.console.kept_works import KeptWorks
from domain.audit.replay_report import ReplayReport
from domain.audit.verification_report import VerificationReport

MOST_OF_ONE_PERSON = 5

Report = VerificationReport | ReplayReport


@dataclass
class ProofWork:
    """`account_id`: of the account that is replayed; None where everything stored is verified. `done` of `total`: entries that were
    verified, or runs that were replayed; 0 of 0 until it is known of how many. `report` is what came of it, `fault` why nothing did."""

    token: str
    user: str
    account_id: str | None
    begun_at: float
    is_running: bool = True
    done: int = 0
    total: int = 0
    report: Report | None = None
    fault: BaseException | None = None

    def report_progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def end(self, report: Report | None, fault: BaseException | None = None) -> None:
        self.report, self.fault, self.is_running = report, fault, False


class ProofWorks:
    """Each is found by whoever asked for it, and by nobody else. `clock`: real seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = KeptWorks[ProofWork](MOST_OF_ONE_PERSON, clock)

    def begin(self, user: str, account_id: str | None) -> tuple[ProofWork, bool]:
        """The work, and whether it begins with this: what somebody has under way goes on, however often it is asked for."""
        return self._kept.begin(
            user,
            lambda each: each.is_running and each.account_id == account_id,
            lambda token, at: ProofWork(token, user, account_id, at),
        )

    def hold(self, working: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._kept.hold(working)

    def find(self, token: str, user: str) -> ProofWork | None:
        """None for what was asked for longer than an hour ago and is over."""
        return self._kept.find(token, user)
