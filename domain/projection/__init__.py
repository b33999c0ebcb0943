"""What the journal alone tells: an account's state as of a day, why a step was or was not taken, its recovery history."""
