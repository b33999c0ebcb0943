"""Signing in and out at the console, and what each person sets for themselves."""
