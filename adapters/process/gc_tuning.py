"""What a process that runs for long does with the memory that it keeps for good."""

import gc


def freeze_loaded_objects() -> None:
    """Take all that is loaded out of the garbage collector's rounds, which would look through it whenever an answer needs much memory:
    with an account of 400 invoices that is half the time. Called when a part that runs for long, a worker or the web server, is ready."""
    gc.collect()
    gc.freeze()
