"""Which coarse stage an invoice shows in Temporal's own lists, and how seldom it changes."""

import pytest

from domain.case.effects import NotifyInvoice
from domain.clock import Clock
from domain.invoice.collection_stage import CollectionStage, collection_stage, first_collection_stage
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.linked_cases import record_case_event
from domain.invoice.view import build_case_view
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import PolicySnapshot, Step
from domain.timeline.holds import Hold, HoldKind
from tests.domain.builders import build_case, build_facts, build_policy, find_step, midnight, moment

CLOCK = Clock(real_anchor=midnight(), business_anchor=midnight(), day_seconds=86_400)


def find_stage(invoice: InvoiceCase, day: int) -> CollectionStage:
    return collection_stage(invoice, midnight(day).date())


def take(invoice: InvoiceCase, step: str, day: int) -> CollectionStage:
    invoice.take_step(find_step(step), moment(day))
    return find_stage(invoice, day)


def test_a_whole_timeline_changes_its_stage_only_at_the_first_reminder_and_at_the_escalation() -> None:
    invoice = build_case()
    stages = [find_stage(invoice, -10), *(take(invoice, step.step, step.day) for step in build_policy().timeline)]
    assert stages == ["Courtesy", "Courtesy", "Reminding", "Reminding", "Reminding", "Escalated", "Escalated"]


def test_an_invoice_that_starts_overdue_starts_where_its_first_step_leads() -> None:
    invoice = build_case(opened=40)
    assert find_stage(invoice, 40) == CollectionStage.REMINDING
    assert take(invoice, "reminder", 40) == CollectionStage.REMINDING


@pytest.mark.parametrize("kind", sorted(set(HoldKind) - {HoldKind.SUSPENSION, HoldKind.WRITE_OFF}))
def test_whatever_stops_the_clock_shows_as_on_hold(kind: HoldKind) -> None:
    invoice = build_case()
    take(invoice, "reminder", 1)
    invoice.place_hold(Hold(hold_id="h", kind=kind, since=midnight(2)), moment(2))
    assert find_stage(invoice, 2) == CollectionStage.ON_HOLD
    invoice.lift_hold("h", moment(3))
    assert find_stage(invoice, 3) == CollectionStage.REMINDING


def test_a_suspension_shows_from_its_warning_to_the_reinstatement() -> None:
    invoice = build_case()
    take(invoice, "final_demand", 30)
    invoice.place_hold(Hold(hold_id="s", kind=HoldKind.SUSPENSION, since=midnight(45)), moment(45))
    assert find_stage(invoice, 45) == CollectionStage.SUSPENSION
    for what, shown in ((EntryKind.SUSPENSION_SUSPENDED, "Suspended"), (EntryKind.SUSPENSION_REINSTATED, "Suspension")):
        record_case_event(invoice, NotifyInvoice(case_id="suspension:A1", invoice_id="1", what=what.value), moment(60))
        assert find_stage(invoice, 60) == shown


def test_a_suspended_invoice_that_nothing_holds_is_shown_as_suspended() -> None:
    """The write-off team gave it back: it is collected again, and its account stays suspended until it pays."""
    invoice = build_case()
    take(invoice, "final_demand", 30)
    record_case_event(
        invoice, NotifyInvoice(case_id="suspension:A1", invoice_id="1", what=EntryKind.SUSPENSION_SUSPENDED.value), moment(60)
    )
    view = build_case_view(invoice, "run", midnight(60))
    assert (view.collection_stage, view.held_stage) == (CollectionStage.SUSPENDED, CollectionStage.REMINDING)
    invoice.place_hold(Hold(hold_id="w", kind=HoldKind.WRITE_OFF, since=midnight(90)), moment(90))
    assert find_stage(invoice, 90) == CollectionStage.HANDED_OVER


def test_a_write_off_shows_as_handed_over() -> None:
    invoice = build_case()
    invoice.place_hold(Hold(hold_id="w", kind=HoldKind.WRITE_OFF, since=midnight(90)), moment(90))
    assert find_stage(invoice, 90) == CollectionStage.HANDED_OVER


@pytest.mark.parametrize(("day", "stage"), [(-10, "Courtesy"), (0, "Courtesy"), (1, "Reminding"), (90, "Reminding")])
def test_a_workflow_is_started_with_the_stage_that_its_first_view_shows(day: int, stage: str) -> None:
    start = InvoiceCollectionInput(
        invoice_id="1", account_id="A1", facts=build_facts(), policy=PolicySnapshot.from_policy(build_policy()), clock=CLOCK
    )
    assert first_collection_stage(start, midnight(day).date()) == stage
    assert build_case_view(build_case(opened=day), "run", midnight(day)).collection_stage == stage


def test_no_step_can_have_the_name_of_a_stage() -> None:
    for stage in CollectionStage:
        with pytest.raises(ValueError, match="String should match pattern"):
            Step.model_validate({"day": 1, "step": stage.value, "act": "call"})
