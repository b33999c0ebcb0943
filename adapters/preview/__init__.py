"""What would go to whom in the next days: Duecourse's own rules, played ahead on a copy of the accounts."""
