"""Reading the journal: chains of entries, the entries of an account, its state as of a day."""
