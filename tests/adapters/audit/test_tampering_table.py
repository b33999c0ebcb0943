"""The documentation says of every kind of tampering that is tried who names it, and tries enough of them."""

from collections import Counter

from adapters.shipped_files import PROJECT
from tests.adapters.audit.tampering_table import ALL_TAMPERINGS, BEGIN, END, build_table


def test_the_table_of_tamperings_in_the_documentation_is_the_suites_own() -> None:
    documented = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert documented.strip() == build_table()


def test_at_least_seventy_kinds_are_tried_each_under_a_name_of_its_own() -> None:
    assert len(ALL_TAMPERINGS) >= 70
    assert [name for name, times in Counter(each.name for each in ALL_TAMPERINGS).items() if times > 1] == []
