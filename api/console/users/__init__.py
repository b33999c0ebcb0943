"""The pages of those who keep the keys: users, their roles, sessions and tokens."""
