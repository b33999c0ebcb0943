"""One voice to the customer: contact requests, what a letter says, dispatch, and what became of it."""
