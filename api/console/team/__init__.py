"""The team's page: who has which accounts, who covers for whom, and by which rules accounts find their collector."""
