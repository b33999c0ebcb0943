from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.billing.payment_allocation import AllocationShare, OpenItem, allocate_payment

FIRST = date(2013, 1, 1)


def item(name: str, due: int, open_balance: int) -> OpenItem:
    return OpenItem(invoice_id=name, due_date=FIRST + timedelta(days=due), open_balance=open_balance)


balances = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10_000)), max_size=8).map(
    lambda pairs: [item(f"R-{number}", due, balance) for number, (due, balance) in enumerate(pairs)]
)
amounts = st.integers(1, 50_000)


def test_what_fell_due_first_is_paid_first() -> None:
    split = allocate_payment(150, [item("young", 9, 100), item("old", 1, 100)])

    assert split.shares == (AllocationShare(invoice_id="old", amount=100), AllocationShare(invoice_id="young", amount=50))
    assert split.unapplied == 0


def test_what_the_named_invoice_does_not_need_stays_unapplied() -> None:
    split = allocate_payment(150, [item("old", 1, 100), item("named", 9, 100)], named_invoice_id="named")

    assert split.shares == (AllocationShare(invoice_id="named", amount=100),)
    assert split.unapplied == 50


@given(balances, amounts, st.booleans())
def test_no_invoice_takes_more_than_it_needs_and_everything_adds_up(items: list[OpenItem], amount: int, names_one: bool) -> None:
    split = allocate_payment(amount, items, items[-1].invoice_id if items and names_one else None)

    needs = {each.invoice_id: each.open_balance for each in items}
    assert all(0 < share.amount <= needs[share.invoice_id] for share in split.shares)
    assert len({share.invoice_id for share in split.shares}) == len(split.shares)
    assert sum(share.amount for share in split.shares) + split.unapplied == amount


@given(balances, amounts)
def test_money_stays_unapplied_only_when_nothing_is_open(items: list[OpenItem], amount: int) -> None:
    split = allocate_payment(amount, items)

    assert split.unapplied == max(amount - sum(each.open_balance for each in items), 0)


@given(balances, st.lists(amounts, max_size=5), st.randoms(use_true_random=False))
def test_neither_the_order_of_invoices_nor_that_of_payments_changes_the_totals(items: list[OpenItem], payments: list[int], random) -> None:  # type: ignore[no-untyped-def]
    def open_in_the_end(queue: list[OpenItem], money: list[int]) -> tuple[dict[str, int], int]:
        left, unapplied = {each.invoice_id: each for each in queue}, 0
        for amount in money:
            split = allocate_payment(amount, left.values())
            unapplied += split.unapplied
            for share in split.shares:
                taker = left[share.invoice_id]
                left[share.invoice_id] = taker.model_copy(update={"open_balance": taker.open_balance - share.amount})
        return {name: each.open_balance for name, each in left.items()}, unapplied

    shuffled, mixed = items[:], payments[:]
    random.shuffle(shuffled)
    random.shuffle(mixed)

    assert open_in_the_end(items, payments) == open_in_the_end(shuffled, mixed)
