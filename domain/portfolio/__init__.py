"""The assignment of accounts to collectors, and the order of a collector's work."""
