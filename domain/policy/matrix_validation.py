"""The proof that an approval matrix answers every question exactly once, and never asks for less when more is at stake.

The rules of an act speak of four things: the amount, the term, the broken plans, the segment. Each is cut into pieces at every
boundary that a rule of the act names, so within a piece no rule changes its mind. A rule covers a region, which is a set of pieces
for each of the four; what all regions leave over is a gap, what two of them share is an overlap.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby, product
from typing import NamedTuple

from domain.policy.approval_matrix import ApprovalMatrix, ApprovalRule, NumberRange, count_required_signatures
from domain.policy.approval_type import ApprovalType

CellRegion = tuple[frozenset[int], ...]
"""The pieces of the amount, the term, the broken plans and the segment, by their numbers."""

MONOTONIC_DIMENSIONS = ("the amount", "the term", "the number of broken plans")
"""The things of which more must never need less authority; they come first in a region."""


class MatrixDefect(NamedTuple):
    """What is wrong, and where in the matrix as written."""

    path: tuple[str | int, ...]
    sentence: str


def describe_defects(matrix: ApprovalMatrix) -> list[str]:
    """Every gap, every overlap, and every place where more at stake needs less authority, in words. An empty list: the matrix is good."""
    return [fault.sentence for fault in find_defects(matrix)]


def find_defects(matrix: ApprovalMatrix) -> list[MatrixDefect]:
    """As `check`, with the place of each."""
    return [fault for matter in ApprovalType for fault in _ApprovalTypeCheck(matrix, matter).find_defects()]


class _ApprovalTypeCheck:
    """The rules of one act, on the pieces that they cut."""

    def __init__(self, matrix: ApprovalMatrix, approval_type: ApprovalType) -> None:
        self.matrix, self.approval_type = matrix, approval_type
        self.rules = [(index, rule) for index, rule in enumerate(matrix.rules) if rule.act is approval_type]
        only = [rule for _, rule in self.rules]
        self.term_boundaries = _list_boundaries([rule.term_days for rule in only])
        self.broken_plan_boundaries = _list_boundaries([rule.broken_plans for rule in only])
        self.segments = sorted({name for rule in only for name in (*rule.segments, *rule.except_segments)})
        self.full_region: CellRegion = tuple(
            frozenset(range(pieces + 1))
            for pieces in (len(matrix.levels), len(self.term_boundaries), len(self.broken_plan_boundaries), len(self.segments))
        )

    def find_defects(self) -> Iterator[MatrixDefect]:
        gaps, overlaps = list(self._find_gaps()), list(self._find_overlaps())
        yield from gaps
        yield from overlaps
        if not gaps and not overlaps:
            yield from self._find_authority_drops()

    def _find_gaps(self) -> Iterator[MatrixDefect]:
        open_regions = [self.full_region]
        for _, rule in self.rules:
            open_regions = [rest for region in open_regions for rest in _subtract_region(region, self._build_rule_region(rule))]
        path = ("rules", self.rules[0][0]) if self.rules else ("rules",)
        for region in open_regions:
            yield MatrixDefect(path, f"nobody approves {self._describe_region(region)}; add a rule for it")

    def _find_overlaps(self) -> Iterator[MatrixDefect]:
        for (_, first), (index, second) in combinations(self.rules, 2):
            shared = _intersect_regions(self._build_rule_region(first), self._build_rule_region(second))
            if shared:
                both = f"{first.rule!r} and {second.rule!r}"
                yield MatrixDefect(("rules", index), f"{both} both answer for {self._describe_region(shared)}; leave it to one of them")

    def _find_authority_drops(self) -> Iterator[MatrixDefect]:
        """Where one step up in amount, term or broken plans asks for fewer signatures at some height."""
        answers = {cell: at for at in self.rules for cell in product(*self._build_rule_region(at[1]))}
        named = set()
        for cell, (_, rule) in answers.items():
            for axis, what in enumerate(MONOTONIC_DIMENSIONS):
                above = (*cell[:axis], cell[axis] + 1, *cell[axis + 1 :])
                index, harder = answers.get(above, (0, rule))
                if (what, harder.rule, rule.rule) not in named and self._requires_less_authority(harder, rule):
                    named.add((what, harder.rule, rule.rule))
                    yield MatrixDefect(
                        ("rules", index, "sign"),
                        f"{harder.rule!r} needs less authority than {rule.rule!r} though {what} is larger; let it need as much",
                    )

    def _requires_less_authority(self, rule: ApprovalRule, other: ApprovalRule) -> bool:
        pairs = zip(
            count_required_signatures(self.matrix.list_rule_tiers(rule)),
            count_required_signatures(self.matrix.list_rule_tiers(other)),
            strict=True,
        )
        return any(mine < theirs for mine, theirs in pairs)

    def _build_rule_region(self, rule: ApprovalRule) -> CellRegion:
        segments = (number for number, name in enumerate(self.segments) if rule.covers_segment(name))
        every_other = () if rule.segments else (len(self.segments),)
        return (
            frozenset(range(*self.matrix.find_rule_bands(rule))),
            _find_covered_pieces(rule.term_days, self.term_boundaries),
            _find_covered_pieces(rule.broken_plans, self.broken_plan_boundaries),
            frozenset((*segments, *every_other)),
        )

    def _describe_region(self, region: CellRegion) -> str:
        """Only what narrows the region: `a payment plan with an amount over middle, of the segment key`."""
        amounts, terms, broken, segments = region
        names = [*(f"the segment {name}" for name in self.segments), "every other segment"]
        parts = [
            (amounts, 0, f"with an amount {_describe_ranges(amounts, list(self.matrix.levels))}"),
            (terms, 1, f"with a term in days {_describe_ranges(terms, self.term_boundaries)}"),
            (broken, 2, f"with broken plans {_describe_ranges(broken, self.broken_plan_boundaries)}"),
            (segments, 3, f"of {' and '.join(names[number] for number in sorted(segments))}"),
        ]
        narrowed = [words for pieces, axis, words in parts if pieces != self.full_region[axis]]
        return f"a {self.approval_type.display_name} {', '.join(narrowed)}" if narrowed else f"any {self.approval_type.display_name}"


def _list_boundaries(number_ranges: Sequence[NumberRange]) -> list[int]:
    """The numbers after which a rule begins or ends."""
    return sorted({end for each in number_ranges for end in (each.over, each.up_to) if end is not None})


def _find_covered_pieces(number_range: NumberRange, cuts: Sequence[int]) -> frozenset[int]:
    """Piece n holds the numbers over cut n-1 and up to cut n; the last piece has no end."""
    return frozenset(number for number, cut in enumerate([*cuts, cuts[-1] + 1 if cuts else 0]) if number_range.contains(cut))


def _intersect_regions(region: CellRegion, other: CellRegion) -> CellRegion | None:
    shared = tuple(mine & theirs for mine, theirs in zip(region, other, strict=True))
    return shared if all(shared) else None


def _subtract_region(region: CellRegion, taken: CellRegion) -> Iterator[CellRegion]:
    """What is left of a region, cut into regions that do not overlap."""
    if _intersect_regions(region, taken) is None:
        yield region
        return
    for axis, pieces in enumerate(region):
        if rest := pieces - taken[axis]:
            yield (*(mine & theirs for mine, theirs in zip(region[:axis], taken[:axis], strict=True)), rest, *region[axis + 1 :])


def _describe_ranges(pieces: frozenset[int], cuts: Sequence[object]) -> str:
    """`over 1 up to 3 or over 5`."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(pieces)), lambda pair: pair[1] - pair[0])]
    return " or ".join(
        " ".join([*([f"over {cuts[run[0] - 1]}"] if run[0] else []), *([f"up to {cuts[run[-1]]}"] if run[-1] < len(cuts) else [])])
        for run in runs
    )
