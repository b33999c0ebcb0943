"""How long a workflow task may take: so long that a case takes in at once all that it was sent, be it thousands of signals.

What a case was sent comes with its next task, all of it. A task that is not done in time is given out again, with the same and what came
since; so a case that cannot take in a burst in time never takes it in. Docs/decisions/0046 has what it costs.
"""

from datetime import timedelta

SHORTEST_SECONDS, LONGEST_SECONDS = 10.0, 30.0
"""A server's own is 10. In 30 a machine that is ten times slower, for it works for many others, takes in the 10,000 signals that a server
keeps for one run."""

HUNG_SHARE = 0.8
"""Of its time, after which a task counts as hung: the worker says so before the server gives it out again."""


def choose_task_timeout(takeover_seconds: float) -> timedelta:
    """Return the timeout of cases' tasks. A task that a worker had begun, and did not end, waits for so long: a quarter as long as what
    lay in its cache (DUECOURSE_WORKER_TAKEOVER_SECONDS), and no longer than half a minute."""
    return timedelta(seconds=max(SHORTEST_SECONDS, min(LONGEST_SECONDS, takeover_seconds / 4)))
