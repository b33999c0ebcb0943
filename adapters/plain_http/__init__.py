"""Any JSON API as a connected billing system, by a description of it alone."""
