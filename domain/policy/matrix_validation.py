"""The proof that an approval matrix covers every request exactly once, and never needs less authority when more is at stake.

The rules of an approval type have four dimensions: the amount, the term, the broken plans, the segment. Each is cut into pieces at every
boundary that a rule of the type names, so that no rule begins or ends within a piece. A rule covers a region, which is a set of pieces in
each dimension; what no region covers is a gap, what two of them share is an overlap.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby, product
from typing import NamedTuple

from domain.policy.approval_matrix import ApprovalMatrix, ApprovalRule, NumberRange, requires_more_authority
from domain.policy.approval_type import ApprovalType

CellRegion = tuple[frozenset[int], ...]
"""The pieces of the amount, the term, the broken plans and the segment, by their numbers."""

MONOTONIC_DIMENSIONS = ("the amount", "the term", "the number of broken plans")
"""The dimensions in which more must never need less authority; they come first in a region."""


class MatrixDefect(NamedTuple):
    """A defect in words, and its place in the matrix as written."""

    path: tuple[str | int, ...]
    sentence: str


def describe_defects(matrix: ApprovalMatrix) -> list[str]:
    """Describe every gap, every overlap, and every place where more at stake needs less authority. Empty when the matrix is valid."""
    return [defect.sentence for defect in find_defects(matrix)]


def find_defects(matrix: ApprovalMatrix) -> list[MatrixDefect]:
    """Find the same defects as `describe_defects`, each with its place."""
    return [defect for approval_type in ApprovalType for defect in _ApprovalTypeCheck(matrix, approval_type).find_defects()]


class _ApprovalTypeCheck:
    """Checks the rules of one approval type, on the pieces that they cut."""

    def __init__(self, matrix: ApprovalMatrix, approval_type: ApprovalType) -> None:
        self.matrix, self.approval_type = matrix, approval_type
        self.rules = [(index, rule) for index, rule in enumerate(matrix.rules) if rule.act is approval_type]
        rules = [rule for _, rule in self.rules]
        self.term_boundaries = _list_boundaries([rule.term_days for rule in rules])
        self.broken_plan_boundaries = _list_boundaries([rule.broken_plans for rule in rules])
        self.segments = sorted({name for rule in rules for name in (*rule.segments, *rule.except_segments)})
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
        """Find where one step up in amount, term or broken plans needs fewer signatures at some level of authority."""
        rule_of_cell = {cell: indexed for indexed in self.rules for cell in product(*self._build_rule_region(indexed[1]))}
        reported = set()
        for cell, (_, rule) in rule_of_cell.items():
            for axis, dimension in enumerate(MONOTONIC_DIMENSIONS):
                above = (*cell[:axis], cell[axis] + 1, *cell[axis + 1 :])
                index, harder = rule_of_cell.get(above, (0, rule))
                if (dimension, harder.rule, rule.rule) not in reported and self._requires_less_authority(harder, rule):
                    reported.add((dimension, harder.rule, rule.rule))
                    yield MatrixDefect(
                        ("rules", index, "sign"),
                        f"{harder.rule!r} needs less authority than {rule.rule!r} though {dimension} is larger; let it need as much",
                    )

    def _requires_less_authority(self, rule: ApprovalRule, other: ApprovalRule) -> bool:
        """Return true when the rule needs fewer signatures than the other one, at some level of authority."""
        return requires_more_authority(self.matrix.list_rule_tiers(other), self.matrix.list_rule_tiers(rule))

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
        """Describe what narrows the region: `a payment plan with an amount over middle, of the segment key`."""
        amounts, terms, broken, segments = region
        names = [*(f"the segment {name}" for name in self.segments), "every other segment"]
        conditions = [
            (amounts, 0, f"with an amount {_describe_ranges(amounts, list(self.matrix.levels))}"),
            (terms, 1, f"with a term in days {_describe_ranges(terms, self.term_boundaries)}"),
            (broken, 2, f"with broken plans {_describe_ranges(broken, self.broken_plan_boundaries)}"),
            (segments, 3, f"of {' and '.join(names[number] for number in sorted(segments))}"),
        ]
        narrowed = [words for pieces, axis, words in conditions if pieces != self.full_region[axis]]
        return f"a {self.approval_type.display_name} {', '.join(narrowed)}" if narrowed else f"any {self.approval_type.display_name}"


def _list_boundaries(number_ranges: Sequence[NumberRange]) -> list[int]:
    """List the numbers after which a rule begins or ends, in order."""
    return sorted({end for number_range in number_ranges for end in (number_range.over, number_range.up_to) if end is not None})


def _find_covered_pieces(number_range: NumberRange, cuts: Sequence[int]) -> frozenset[int]:
    """Return the pieces that a range covers: piece n has the numbers over cut n-1 and up to cut n; the last piece has no end."""
    return frozenset(number for number, cut in enumerate([*cuts, cuts[-1] + 1 if cuts else 0]) if number_range.contains(cut))


def _intersect_regions(region: CellRegion, other: CellRegion) -> CellRegion | None:
    shared = tuple(pieces & other_pieces for pieces, other_pieces in zip(region, other, strict=True))
    return shared if all(shared) else None


def _subtract_region(region: CellRegion, taken: CellRegion) -> Iterator[CellRegion]:
    """Subtract `taken` from a region; what is left is cut into regions that do not overlap."""
    if _intersect_regions(region, taken) is None:
        yield region
        return
    for axis, pieces in enumerate(region):
        if rest := pieces - taken[axis]:
            shared = (pieces & taken_pieces for pieces, taken_pieces in zip(region[:axis], taken[:axis], strict=True))
            yield (*shared, rest, *region[axis + 1 :])


def _describe_ranges(pieces: frozenset[int], cuts: Sequence[object]) -> str:
    """Describe pieces by their ends: `over 1 up to 3 or over 5`."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(pieces)), lambda pair: pair[1] - pair[0])]
    return " or ".join(_describe_range(run[0], run[-1], cuts) for run in runs)


def _describe_range(first: int, last: int, cuts: Sequence[object]) -> str:
    ends = []
    if first > 0:
        ends.append(f"over {cuts[first - 1]}")
    if last < len(cuts):
        ends.append(f"up to {cuts[last]}")
    return " ".join(ends)
