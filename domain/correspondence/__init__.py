"""Contact slots, contact orders and the outcomes of letters."""
