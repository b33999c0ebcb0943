"""The pages of letters: what goes in the next slots, and what a person writes to a customer now."""
