"""The routes of letters that people write."""
