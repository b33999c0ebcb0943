"""Who was named in notes and comments, and has yet to read it."""
