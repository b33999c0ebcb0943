"""Projections of the journal: an account's state as of a day, why a step was or was not taken, the recovery history."""
