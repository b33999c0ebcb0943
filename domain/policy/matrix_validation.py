"""The proof that an approval matrix answers every question exactly once, and never asks for less when more is at stake.

The rules of an act speak of four things: the amount, the term, the broken plans, the segment. Each is cut into pieces at every
boundary that a rule of the act names, so within a piece no rule changes its mind. A rule covers a region, which is a set of pieces
for each of the four; what all regions leave over is a gap, what two of them share is an overlap.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby, product
from typing import NamedTuple

from domain.policy.approval_matrix import ApprovalMatrix, Between, Rule, demand
from domain.policy.approval_type import Matter

Region = tuple[frozenset[int], ...]
"""The pieces of the amount, the term, the broken plans and the segment, by their numbers."""

GROWING = ("the amount", "the term", "the number of broken plans")
"""The things of which more must never need less authority; they come first in a region."""


class Fault(NamedTuple):
    """What is wrong, and where in the matrix as written."""

    path: tuple[str | int, ...]
    sentence: str


def check(matrix: ApprovalMatrix) -> list[str]:
    """Every gap, every overlap, and every place where more at stake needs less authority, in words. An empty list: the matrix is good."""
    return [fault.sentence for fault in faults(matrix)]


def faults(matrix: ApprovalMatrix) -> list[Fault]:
    """As `check`, with the place of each."""
    return [fault for matter in Matter for fault in _Act(matrix, matter).faults()]


class _Act:
    """The rules of one act, on the pieces that they cut."""

    def __init__(self, matrix: ApprovalMatrix, matter: Matter) -> None:
        self.matrix, self.matter = matrix, matter
        self.rules = [(index, rule) for index, rule in enumerate(matrix.rules) if rule.act is matter]
        only = [rule for _, rule in self.rules]
        self.terms = _cuts([rule.term_days for rule in only])
        self.broken = _cuts([rule.broken_plans for rule in only])
        self.segments = sorted({name for rule in only for name in (*rule.segments, *rule.except_segments)})
        self.everything: Region = tuple(
            frozenset(range(pieces + 1)) for pieces in (len(matrix.levels), len(self.terms), len(self.broken), len(self.segments))
        )

    def faults(self) -> Iterator[Fault]:
        gaps, overlaps = list(self._gaps()), list(self._overlaps())
        yield from gaps
        yield from overlaps
        if not gaps and not overlaps:
            yield from self._reliefs()

    def _gaps(self) -> Iterator[Fault]:
        open_regions = [self.everything]
        for _, rule in self.rules:
            open_regions = [rest for region in open_regions for rest in _without(region, self._region(rule))]
        path = ("rules", self.rules[0][0]) if self.rules else ("rules",)
        for region in open_regions:
            yield Fault(path, f"nobody approves {self._words(region)}; add a rule for it")

    def _overlaps(self) -> Iterator[Fault]:
        for (_, first), (index, second) in combinations(self.rules, 2):
            shared = _shared(self._region(first), self._region(second))
            if shared:
                both = f"{first.rule!r} and {second.rule!r}"
                yield Fault(("rules", index), f"{both} both answer for {self._words(shared)}; leave it to one of them")

    def _reliefs(self) -> Iterator[Fault]:
        """Where one step up in amount, term or broken plans asks for fewer signatures at some height."""
        answers = {cell: at for at in self.rules for cell in product(*self._region(at[1]))}
        named = set()
        for cell, (_, rule) in answers.items():
            for axis, what in enumerate(GROWING):
                above = (*cell[:axis], cell[axis] + 1, *cell[axis + 1 :])
                index, harder = answers.get(above, (0, rule))
                if (what, harder.rule, rule.rule) not in named and self._asks_less(harder, rule):
                    named.add((what, harder.rule, rule.rule))
                    yield Fault(
                        ("rules", index, "sign"),
                        f"{harder.rule!r} needs less authority than {rule.rule!r} though {what} is larger; let it need as much",
                    )

    def _asks_less(self, one: Rule, other: Rule) -> bool:
        pairs = zip(demand(self.matrix.signed_by(one)), demand(self.matrix.signed_by(other)), strict=True)
        return any(mine < theirs for mine, theirs in pairs)

    def _region(self, rule: Rule) -> Region:
        segments = (number for number, name in enumerate(self.segments) if rule.covers_segment(name))
        every_other = () if rule.segments else (len(self.segments),)
        return (
            frozenset(range(*self.matrix.bands(rule))),
            _pieces(rule.term_days, self.terms),
            _pieces(rule.broken_plans, self.broken),
            frozenset((*segments, *every_other)),
        )

    def _words(self, region: Region) -> str:
        """Only what narrows the region: `a payment plan with an amount over middle, of the segment key`."""
        amounts, terms, broken, segments = region
        names = [*(f"the segment {name}" for name in self.segments), "every other segment"]
        parts = [
            (amounts, 0, f"with an amount {_ranges(amounts, list(self.matrix.levels))}"),
            (terms, 1, f"with a term in days {_ranges(terms, self.terms)}"),
            (broken, 2, f"with broken plans {_ranges(broken, self.broken)}"),
            (segments, 3, f"of {' and '.join(names[number] for number in sorted(segments))}"),
        ]
        narrowed = [words for pieces, axis, words in parts if pieces != self.everything[axis]]
        return f"a {self.matter.words} {', '.join(narrowed)}" if narrowed else f"any {self.matter.words}"


def _cuts(ranges: Sequence[Between]) -> list[int]:
    """The numbers after which a rule begins or ends."""
    return sorted({end for each in ranges for end in (each.over, each.up_to) if end is not None})


def _pieces(between: Between, cuts: Sequence[int]) -> frozenset[int]:
    """Piece n holds the numbers over cut n-1 and up to cut n; the last piece has no end."""
    return frozenset(number for number, cut in enumerate([*cuts, cuts[-1] + 1 if cuts else 0]) if between.holds(cut))


def _shared(one: Region, other: Region) -> Region | None:
    shared = tuple(mine & theirs for mine, theirs in zip(one, other, strict=True))
    return shared if all(shared) else None


def _without(region: Region, taken: Region) -> Iterator[Region]:
    """What is left of a region, cut into regions that do not overlap."""
    if _shared(region, taken) is None:
        yield region
        return
    for axis, pieces in enumerate(region):
        if rest := pieces - taken[axis]:
            yield (*(mine & theirs for mine, theirs in zip(region[:axis], taken[:axis], strict=True)), rest, *region[axis + 1 :])


def _ranges(pieces: frozenset[int], cuts: Sequence[object]) -> str:
    """`over 1 up to 3 or over 5`."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(sorted(pieces)), lambda pair: pair[1] - pair[0])]
    return " or ".join(
        " ".join([*([f"over {cuts[run[0] - 1]}"] if run[0] else []), *([f"up to {cuts[run[-1]]}"] if run[-1] < len(cuts) else [])])
        for run in runs
    )
