"""The input of the run that would go on if this one were lost: nothing of the case's state is missing in it, and it is short."""

from typing import Any

import orjson
import pytest

from domain.case.effects import Effect, LiftHold, NotifyRole
from domain.case.workflow_input import dump_next_run
from domain.clock import Clock
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.roles import Role
from tests.domain.builders import build_case, moment

LONGEST = 800
"""Characters of an invoice at its beginning: each case of a worker keeps it in memory."""

NOTICE = NotifyRole(role=Role.COLLECTIONS_MANAGER, template="escalated")
LIFT = LiftHold(invoice_id="I2", hold_id="H1")


def dump(case: InvoiceCase, *under_way: Effect) -> str:
    start = InvoiceCollectionInput(
        invoice_id="I1", account_id="A1", facts=case.facts, policy=case.snapshot, clock=Clock.real_time(), case=case
    )
    next_run = dump_next_run(start, start.clock, case, list(under_way))
    assert next_run is not None
    return next_run


def load(case: InvoiceCase, text: str) -> InvoiceCase | None:
    """Read it as a lost case is begun again: by the clock of that day, and with the policy's text, which is kept once."""
    content: dict[str, Any] = orjson.loads(text)
    policy = {"text": case.snapshot.text}
    content["policy"] |= policy
    content["case"]["snapshot"] |= policy
    return InvoiceCollectionInput.model_validate({**content, "clock": Clock.real_time()}).case


@pytest.mark.parametrize("under_way", [(), (NOTICE,), (NOTICE, LIFT)])
def test_a_lost_run_goes_on_with_the_whole_state_and_the_effects_that_were_under_way(under_way: tuple[Effect, ...]) -> None:
    case = build_case(disputed=True)
    case.run_due_actions(moment(2))
    case.outbox.append(LIFT)
    if not under_way:
        case.outbox.clear()
    written = case.model_copy(update={"journal": case.journal.model_copy(update={"pending": []}), "outbox": [*under_way, *case.outbox]})
    assert load(case, dump(case, *under_way)) == written


def test_what_a_case_keeps_of_it_is_short() -> None:
    assert len(dump(build_case())) < LONGEST
