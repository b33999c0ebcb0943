"""With how many examples a property is tried: a few in every run, and as many as it was once tried with where MANY_EXAMPLES is set.

The examples are the same in every run, so that the later ones find in the hundredth run what they found in the first.
"""

import os

MANY = bool(os.environ.get("MANY_EXAMPLES"))


def count_examples(many: int, few: int) -> int:
    return many if MANY else few
