"""Queries for credit reviews: referrals, verdicts, solvency."""
