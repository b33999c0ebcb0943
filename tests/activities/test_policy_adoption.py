"""Invoices are told of a policy batch by batch; a worker that dies in the middle of one leaves none out, and moves none twice."""

from types import SimpleNamespace
from typing import cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.policy_adoption import PolicyAdoptionActivities
from adapters.policies.adoption_query import AdoptionQuery
from adapters.policies.policy_store import PolicyStore
from adapters.temporal.case_signals import CaseSignals
from domain.invoice.invoice_case import InvoiceCase
from domain.policy.adoption import PolicyMove
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.progress import BATCH_SIZE, AdoptionBatch
from tests.domain.builders import build_case, build_policy, moment


class WorkerEndsError(Exception):
    """Stands for the end of a worker's process."""


class OpenInvoices:
    """200 invoices, each told by its number. The one that is told as the hundredth is the last that this worker tells."""

    def __init__(self) -> None:
        rules = build_policy()
        self.later = PolicySnapshot.from_policy(rules.model_copy(update={"version": rules.version + 1, "catch_up_days": 9}))
        self.cases: dict[str, InvoiceCase] = {f"I{number:03}": build_case() for number in range(BATCH_SIZE)}
        self.told: list[str] = []

    def find_version_in_force(self, _: str) -> int:
        return self.later.version

    def list_older(self, _: str, version: int, after: str | None, limit: int) -> list[str]:
        older = sorted(name for name, case in self.cases.items() if case.snapshot.version < version)
        return [name for name in older if after is None or name > after][:limit]

    def count_older(self, name: str, version: int, sample: int) -> tuple[int, list[str]]:
        older = self.list_older(name, version, None, BATCH_SIZE)
        return len(older), older[:sample]

    async def move_invoice(self, invoice_id: str, move: PolicyMove) -> bool:
        self.told.append(invoice_id)
        if len(self.told) == BATCH_SIZE // 2:
            raise WorkerEndsError
        self.cases[invoice_id].move_to_version(move.policy, moment(2), move.adoption)
        return True


async def test_a_worker_that_dies_in_the_middle_of_a_batch_is_followed_by_one_that_moves_the_rest_and_none_twice() -> None:
    invoices = OpenInvoices()
    signals = cast("CaseSignals", SimpleNamespace(move_invoice=invoices.move_invoice))
    activities = PolicyAdoptionActivities(cast("AdoptionQuery", invoices), cast("PolicyStore", None), signals)
    batch = AdoptionBatch(move=PolicyMove(policy=invoices.later, adoption="policy_adoption:standard"))
    with pytest.raises(WorkerEndsError):
        await ActivityEnvironment().run(activities.move_invoices, batch)
    moved = [name for name, case in invoices.cases.items() if case.snapshot.version == invoices.later.version]
    assert 0 < len(moved) < BATCH_SIZE
    result = await ActivityEnvironment().run(activities.move_invoices, batch)
    # the read model may still be behind: what was told already is told again, and does nothing
    for name in moved:
        await invoices.move_invoice(name, batch.move)
    assert (result.left, result.told) == (0, BATCH_SIZE - len(moved))
    adopted = [sum(entry.kind == "policy.adopted" for entry in case.journal.pending) for case in invoices.cases.values()]
    assert adopted == [1] * BATCH_SIZE
