"""The assignment of accounts to collectors: by hand, by rules, and covers during absence."""
