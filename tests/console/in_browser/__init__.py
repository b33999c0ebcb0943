"""People at work in a browser, on one stage that all files here share: each goes on where the one before it ended, by their names."""
