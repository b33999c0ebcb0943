"""Proofs that somebody asked for at the console: each goes on in the background, says how far it has come, and is kept for a while."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from domain.audit.replay_report import ReplayReport
from domain.audit.verification_report import VerificationReport

KEPT_SECONDS = 3_600.0
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


@dataclass
class ProofWorks:
    """Each is found by whoever asked for it, and by nobody else. `clock`: real seconds. `tasks`: those that run, held while they do."""

    clock: Callable[[], float] = time.monotonic
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _works: dict[str, ProofWork] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, user: str, account_id: str | None) -> tuple[ProofWork, bool]:
        """The work, and whether it begins with this: what somebody has under way goes on, however often it is asked for."""
        with self._lock:
            self._drop_old(user)
            under_way = next((each for each in self._list_of(user) if each.is_running and each.account_id == account_id), None)
            if under_way:
                return under_way, False
            work = ProofWork(secrets.token_urlsafe(18), user, account_id, self.clock())
            self._works[work.token] = work
            return work, True

    def find(self, token: str, user: str) -> ProofWork | None:
        """None for what was asked for longer than KEPT_SECONDS ago and is over."""
        with self._lock:
            self._drop_old(user)
            found = self._works.get(token)
        return found if found is not None and found.user == user else None

    def _list_of(self, user: str) -> list[ProofWork]:
        return [each for each in self._works.values() if each.user == user]

    def _drop_old(self, user: str) -> None:
        surplus = len(self._list_of(user)) - MOST_OF_ONE_PERSON
        for each in list(self._works.values()):
            is_surplus = surplus > 0 and each.user == user
            if not each.is_running and (is_surplus or self.clock() - each.begun_at > KEPT_SECONDS):
                del self._works[each.token]
                surplus -= is_surplus
