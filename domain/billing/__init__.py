"""What the billing system reports, how a payment is allocated, and what an account owes."""
