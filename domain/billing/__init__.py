"""The billing system's events, the allocation of payments, and the receivables of an account."""
