"""What all cases have in common: commands, effects, letters, views, and the account case they build on."""
