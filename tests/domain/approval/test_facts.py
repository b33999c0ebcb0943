"""The facts of an approval: every change keeps what was, so that the facts as they were asked can stand beside those of now."""

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.approval.facts import (
    ApprovalDispute,
    ApprovalInvoice,
    ContactsSoFar,
    DecisionFacts,
    FactsRevision,
    compare_facts,
    restore_facts,
)
from domain.approval.summary import ApprovalSummary
from domain.case.summary_fields import dump_summary
from tests.examples import count_examples

AMOUNTS, DAYS = st.integers(0, 9), st.sampled_from([None, date(2013, 1, 1), date(2013, 2, 1)])


@st.composite
def invoices(draw: st.DrawFn, name: str) -> ApprovalInvoice:
    promised = draw(st.sampled_from([None, date(2013, 3, 1)]))
    return ApprovalInvoice(
        invoice_id=name,
        currency="EUR",
        open_balance=draw(AMOUNTS),
        disputed=draw(AMOUNTS),
        amount=draw(AMOUNTS),
        due_on=draw(DAYS),
        promised_by=promised,
        promised_amount=draw(AMOUNTS) if promised else None,
    )


@st.composite
def versions(draw: st.DrawFn) -> DecisionFacts:
    names = draw(st.sets(st.sampled_from(["I-1", "I-2", "I-3"])))
    disputed = draw(st.sets(st.sampled_from(["D-1", "D-2"])))
    return DecisionFacts(
        amounts=draw(st.dictionaries(st.sampled_from(["EUR", "USD"]), AMOUNTS)),
        invoices=[draw(invoices(name)) for name in sorted(names)],
        disputes=[
            ApprovalDispute(
                case_id=name, invoice_id="I-1", amount=draw(AMOUNTS), currency="EUR", reason="other", raised_on=date(2013, 1, 1)
            )
            for name in sorted(disputed)
        ],
        contacts=ContactsSoFar(letters=draw(AMOUNTS), calls=draw(AMOUNTS)),
        reason=draw(st.sampled_from(["", "because"])),
    )


def in_one_order(facts: DecisionFacts) -> DecisionFacts:
    """Lists and amounts in the order of their names: what was restored may stand in another."""
    return facts.model_copy(
        update={
            "amounts": dict(sorted(facts.amounts.items())),
            "invoices": sorted(facts.invoices, key=lambda invoice: invoice.invoice_id),
            "disputes": sorted(facts.disputes, key=lambda dispute: dispute.case_id),
        }
    )


def revise(known: list[DecisionFacts]) -> list[FactsRevision]:
    pairs = enumerate(pairwise(known), 2)
    return [FactsRevision(version=version, on=date(2013, 3, 1), changes=compare_facts(*pair)) for version, pair in pairs]


@settings(max_examples=count_examples(300, 60))
@given(st.lists(versions(), min_size=1, max_size=5))
def test_every_earlier_version_can_be_restored_from_the_newest_and_the_changes(known: list[DecisionFacts]) -> None:
    summary = ApprovalSummary().with_facts(known[-1], len(known), revise(known))
    stored = ApprovalSummary.model_validate(dump_summary(summary))
    for version, facts in enumerate(known, 1):
        restored = stored.restore_version(version)
        assert restored is not None
        assert compare_facts(in_one_order(restored), in_one_order(facts)) == []
        assert in_one_order(restored) == in_one_order(facts)


def test_a_version_that_never_was_or_whose_changes_do_not_say_what_was_is_not_known() -> None:
    before, after = DecisionFacts(amounts={"EUR": 2}), DecisionFacts(amounts={"EUR": 1})
    [revision] = revise([before, after])
    summary = ApprovalSummary().with_facts(after, 2, [revision])
    assert [summary.restore_version(version) for version in (0, 3)] == [None, None]
    assert ApprovalSummary().with_facts(after, 2, []).restore_version(1) is None, "written before changes were kept"
    older = revision.model_copy(update={"changes": [change.model_copy(update={"was": None}) for change in revision.changes]})
    assert restore_facts(after, [older]) is None
