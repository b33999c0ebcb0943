"""One voice to the customer: contact requests, what a letter says, the letter outbox, and what became of it."""
