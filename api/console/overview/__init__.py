"""The manager's overview: what is owed, what came in, where it stands, what waits for whom; each figure opens its rows."""
