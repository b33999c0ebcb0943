"""Hash-chained journal entries: their kinds, their canonical form, and how a case writes them."""
