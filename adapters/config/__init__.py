"""Settings from the environment, and the company that sends the letters."""
