"""Lists of all that there is of a kind: filtered, sorted, a page at a time, counted and summed over all that match."""
