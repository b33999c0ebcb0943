"""The routes of what is to be collected in a month, and what was."""
