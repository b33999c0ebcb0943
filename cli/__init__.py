"""The command line: one module per group of commands, and what starts Duecourse on one machine."""
