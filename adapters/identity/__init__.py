"""Users, their roles and tokens, and delegations of approval."""
