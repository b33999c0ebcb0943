"""The routes of mentions: who was named in notes and comments."""
