"""The page of a case: what it is about, whom it waits for, its files, and what can be done about it."""
