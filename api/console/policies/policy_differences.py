"""What differs between two versions of a policy, line by line, as their files would have it."""

from collections.abc import Iterator
from difflib import unified_diff
from typing import Literal, NamedTuple

import yaml

from domain.policy.collection_policy import Policy

CONTEXT_LINES = 2


class DifferentLine(NamedTuple):
    """`gap`: lines that are the same in both are left out here."""

    kind: Literal["added", "removed", "same", "gap"]
    text: str


def write_policy(policy: Policy) -> str:
    """The policy as a file of its own would say it; what is as it is unless given is left out."""
    content = policy.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def list_differences(before: Policy, after: Policy) -> list[DifferentLine]:
    """Nothing where both say the same."""
    return list(_read_lines(write_policy(before).splitlines(), write_policy(after).splitlines()))


def _read_lines(before: list[str], after: list[str]) -> Iterator[DifferentLine]:
    lines = unified_diff(before, after, n=CONTEXT_LINES, lineterm="")
    for place, line in enumerate(lines):
        if place < 2:
            continue
        if line.startswith("@@"):
            if place > 2:
                yield DifferentLine("gap", "")
            continue
        yield DifferentLine("added" if line[0] == "+" else "removed" if line[0] == "-" else "same", line[1:])
