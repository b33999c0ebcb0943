"""Erasure of an account's personal details once they need no longer be kept."""
