"""The figures of the manager's overview: what is owed, what came in, where it stands, and what waits for whom."""
