"""Stripe as a connected billing system, by its own library and one pinned version of its API."""
