"""Who collects which accounts: assignments, rules, and cover during absence."""
