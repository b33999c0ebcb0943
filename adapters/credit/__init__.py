"""What the credit analyst needs from the database: referrals, verdicts, solvency."""
