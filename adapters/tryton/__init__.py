"""Tryton 8.2 as a connected billing system, over its REST interface and with a user's key."""
