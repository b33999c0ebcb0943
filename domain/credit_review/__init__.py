"""A credit analyst's verdict on an account, what refers one, and the solvency score."""
