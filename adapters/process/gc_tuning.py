"""Garbage collection of long-running processes."""

import gc


def freeze_loaded_objects() -> None:
    """Exclude all loaded objects from garbage collection, which would traverse them whenever a response needs much memory: for an account
    of 400 invoices that takes half the time. Call it when a long-running part, a worker or the web server, is ready."""
    gc.collect()
    gc.freeze()
