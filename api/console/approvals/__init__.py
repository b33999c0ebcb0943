"""The pages on which people decide what others ask for: the facts as they were asked and as they are now, and one decision or many."""
