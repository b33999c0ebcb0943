"""What stands beside the queue of the day: the customer, the call, and what was done today."""
