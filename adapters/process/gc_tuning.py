"""Garbage collection of our processes."""

import gc

ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000
"""Python's own 700 are for small programs. Ours load a million objects, and letters, cases and answers are made of thousands more, few of
them in cycles: to look through them so often took a sixth of a start, and a tenth of the work after it."""


def collect_garbage_rarely() -> None:
    """Call it before a process loads what it needs."""
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)


def freeze_loaded_objects() -> None:
    """Exclude all loaded objects from garbage collection, which would traverse them whenever a response needs much memory: for an account
    of 400 invoices that takes half the time. Call it when a long-running part, a worker or the web server, is ready."""
    gc.collect()
    gc.freeze()
