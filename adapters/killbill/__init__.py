"""Kill Bill 0.25 as a connected billing system, over its REST interface."""
