"""Where somebody was named in notes and comments: their list of it, until they have read it."""
