"""Odoo 19 or later as a connected billing system, over its JSON-2 interface and with a user's key."""
