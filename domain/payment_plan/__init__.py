"""Payment plans: terms and instalments, proposal, answers, and whether a plan is kept."""
