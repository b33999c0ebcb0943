"""The running process: its web server, its log, its lock on the data folder, garbage collection."""
